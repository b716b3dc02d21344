"""What the claims of `activations` say, and the worlds where they are right and wrong."""

from collections.abc import Mapping

from claims.base.says import Says, about, tuned
from claims.base.world import Left, World

RATES = (0.01, 0.03, 0.1)
BEST = {"relu": 0.03, "leaky_relu": 0.03, "tanh": 0.1, "sigmoid": 0.1}
arm = "{}, {}".format


def at_best(one: str, other: str, *of: str) -> Says:
    """Return that an activation is the better one, each at the rate that is the best on the validation split."""
    first, second = ([arm(activation, rate) for rate in RATES] for activation in (one, other))
    return tuned(first, second, (arm(one, BEST[one]), arm(other, BEST[other])), *of)


CLAIMS = {
    "Each at its fastest rate, ReLU learns faster than tanh.": at_best("relu", "tanh"),
    "Too high a rate kills ReLUs: at 0.1 over 20 points more are dead than at 0.01.": about(
        arm("relu", 0.1), arm("relu", 0.01)
    ),
    "Sigmoids make the gradient vanish: before training its factor from a layer to the one before is lower than with "
    "ReLUs, by more than 0.2.": about(arm("relu", 0.03), arm("sigmoid", 0.03)),
    "Tanh is more accurate than sigmoid.": at_best("tanh", "sigmoid", "test_top1"),
    "ReLU is more accurate than sigmoid.": at_best("relu", "sigmoid", "test_top1"),
    "At 0.03 fewer leaky ReLUs are negative for every image.": about(arm("relu", 0.03), arm("leaky_relu", 0.03)),
    "Each at its best rate, leaky ReLU and ReLU are equally accurate, to three points.": at_best(
        "leaky_relu", "relu", "test_top1"
    ),
}


def of_the_best(
    test: Mapping[str, float], steps: Mapping[str, int], dead: Mapping[str, float], factor: Mapping[str, float]
) -> World:
    """Return the world of each activation's best arm; the others would say the opposite."""

    def of(label: str) -> Left:
        activation, rate = label.split(", ")
        chosen = float(rate) == BEST[activation]
        first = factor[activation] if float(rate) == 0.03 else 1.1 - factor[activation]
        return {
            "test": test[activation] if chosen else 1.7 - test[activation],
            "val": 0.9 if chosen else 0.7,
            "train": 0.5,
            "steps": steps[activation] if chosen else 1000 - steps[activation],
            "probes": [
                *((step, "fc1", "dead_units", dead.get(label, 0.1) * step / 20) for step in (10, 20)),
                (0, "", "decay_factor", first),
                (20, "", "decay_factor", 1.1 - first),
            ],
        }

    return of


COUNTED = (arm("relu", 0.01), arm("relu", 0.1), arm("relu", 0.03), arm("leaky_relu", 0.03))
RIGHT = of_the_best(
    test={"relu": 0.9, "leaky_relu": 0.901, "tanh": 0.88, "sigmoid": 0.8},
    steps={"relu": 100, "leaky_relu": 100, "tanh": 300, "sigmoid": 600},
    dead=dict(zip(COUNTED, (0.02, 0.6, 0.3, 0.1), strict=True)),
    factor={"relu": 0.9, "leaky_relu": 0.9, "tanh": 0.5, "sigmoid": 0.3},
)
WRONG = of_the_best(
    test={"relu": 0.8, "leaky_relu": 0.7, "tanh": 0.8, "sigmoid": 0.88},
    steps={"relu": 600, "leaky_relu": 600, "tanh": 300, "sigmoid": 100},
    dead=dict(zip(COUNTED, (0.6, 0.02, 0.1, 0.3), strict=True)),
    factor={"relu": 0.3, "leaky_relu": 0.3, "tanh": 0.5, "sigmoid": 0.9},
)
