"""What the claims of `scale_invariance` say, and the worlds where they are right and wrong."""

from claims.base.says import about
from claims.base.world import Rows, world

batch = "batch norm, a = {}".format
none = "no norm, a = {}".format

CLAIMS = {
    "With batch norm the gradient by a layer's input does not depend on the scale of the weights (a = 0.1).": about(
        batch(0.1), batch(1)
    ),
    "The gradient by weights ten times as large is a tenth.": about(batch(10), batch(1)),
    "The gradient by weights a tenth as large is ten times as large.": about(batch(0.1), batch(1)),
    "Without norm the scale does reach the gradient by a layer's input: by more than a factor of ten.": about(
        none(1), none(0.1)
    ),
    "A step, relative to the weights, is a hundredth where these are ten times as large.": about(batch(10), batch(1)),
    "So batch norm steadies the growth of weights: small ones grow by a larger factor.": about(batch(0.1), batch(1)),
}


def measured(by_arm: dict[str, tuple[float, float, float, float]]) -> Rows:
    """Return rows of the gradients by input and by weight, of the step at the start, and of the weights' growth."""
    rows: dict[str, list[tuple[int, str, str, float]]] = {}
    for label, (by_input, by_weight, step, growth) in by_arm.items():
        first = {
            "input_gradient_rms": by_input, "weight_gradient_norm": by_weight, "update_ratio": step, "weight_norm": 1.0
        }  # fmt: skip
        later = dict.fromkeys(first, 7.0) | {"weight_norm": growth}
        rows[label] = [
            (at, layer, name, value if layer == "conv" else 1 / value)
            for at, values in ((0, first), (20, later))
            for name, value in values.items()
            for layer in ("conv", "classifier")
        ]
    return rows


RIGHT = world(
    {},
    probes=measured(
        {
            batch(0.1): (0.5, 20.0, 1.0, 9.0), batch(1): (0.5, 2.0, 0.01, 1.2), batch(10): (0.5, 0.2, 0.0001, 1.01),
            none(0.1): (0.0001, 1e-6, 1e-8, 1.0), none(1): (0.4, 3.0, 0.02, 1.5),
        }
    ),
)  # fmt: skip
WRONG = world(
    {},
    probes=measured(
        {
            batch(0.1): (5.0, 2.0, 0.01, 1.1), batch(1): (0.5, 2.0, 0.01, 1.2), batch(10): (0.05, 2.0, 0.01, 1.3),
            none(0.1): (0.4, 3.0, 0.02, 1.5), none(1): (0.3, 3.0, 0.02, 1.5),
        }
    ),
)  # fmt: skip
