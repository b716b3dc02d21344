"""What the claims of `initialisation` say, and the worlds where they are right and wrong."""

from claims.base.says import about, gains_more
from claims.base.world import initial, world

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

RIGHT = world(
    {
        arm("batch", 0.1): 0.9, arm("batch", 1.0): 0.9, arm("batch", 10.0): 0.89,
        arm("none", 0.1): 0.6, arm("none", 1.0): 0.9, arm("none", 10.0): 0.5,
    },
    probes=initial(
        "sd",
        ["first", "last"],
        {arm("batch", 1.0): 1.0, arm("batch", 10.0): 1.0, arm("none", 0.1): 1e-6},
        later=1000.0,
    ),
)  # fmt: skip
WRONG = world(
    {
        arm("batch", 0.1): 0.5, arm("batch", 1.0): 0.9, arm("batch", 10.0): 0.6,
        arm("none", 0.1): 0.9, arm("none", 1.0): 0.8, arm("none", 10.0): 0.9,
    },
    probes=initial(
        "sd",
        ["first", "last"],
        {arm("batch", 1.0): 1.0, arm("batch", 10.0): 9.0, arm("none", 0.1): 0.1},
        later=1000.0,
    ),
)  # fmt: skip
