"""What the claims of `optimisers` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import world

CLAIMS = {
    "Tuned with as many trials, Adam is no less accurate than SGD with momentum, to three points.": better(
        "Adam", "SGD"
    ),
    "With an L2 penalty SGD is more accurate than Adam.": better("SGD, L2", "Adam, L2"),
    "AdamW is more accurate than Adam with an L2 penalty.": better("AdamW", "Adam, L2"),
    "An L2 penalty makes SGD more accurate.": better("SGD, L2", "SGD"),
    "Decay apart from the gradient makes Adam more accurate.": better("AdamW", "Adam"),
}

RIGHT = world({"SGD": 0.90, "SGD, L2": 0.92, "Adam": 0.89, "Adam, L2": 0.88, "AdamW": 0.91})
WRONG = world({"SGD": 0.90, "SGD, L2": 0.80, "Adam": 0.85, "Adam, L2": 0.88, "AdamW": 0.82})
