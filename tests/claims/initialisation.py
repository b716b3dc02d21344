"""What the claims of `initialisation` say, and the worlds where they are right and wrong."""

from claims.base.says import about, gains_more
from claims.base.world import Rows, initial, worlds

arm = "norm {}, gain {}".format

CLAIMS = {
    "Weights ten times too small cost less with batch norm, each at its own rate.": gains_more(
        arm("batch", 0.1), arm("batch", 1.0), arm("none", 0.1), arm("none", 1.0)
    ),
    "Weights ten times too large cost less with batch norm, each at its own rate.": gains_more(
        arm("batch", 10.0), arm("batch", 1.0), arm("none", 10.0), arm("none", 1.0)
    ),
    "BN(aWu) = BN(Wu): the scale of the weights does not reach the activations (a = 10).": about(
        arm("batch", 10.0), arm("batch", 1.0)
    ),
    "Without batch norm it does: weights ten times too small leave the last activation an input below 0.001.": about(
        arm("none", 0.1)
    ),
}


def activations(batch_large: float, none_small: float) -> Rows:
    """Return rows of the last activations' inputs: with large weights and batch norm, with small ones and no norm."""
    sds = {arm("batch", 1.0): 1.0, arm("batch", 10.0): batch_large, arm("none", 0.1): none_small}
    return initial("sd", ["first", "last"], sds, later=1000.0)


RIGHT, WRONG = worlds(
    {
        arm("batch", 0.1): (0.9, 0.5), arm("batch", 1.0): (0.9, 0.9), arm("batch", 10.0): (0.89, 0.6),
        arm("none", 0.1): (0.6, 0.9), arm("none", 1.0): (0.9, 0.8), arm("none", 10.0): (0.5, 0.9),
    },
    probes=(activations(1.0, 1e-6), activations(9.0, 0.1)),
)  # fmt: skip
