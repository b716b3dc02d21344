"""What the claims of `augmentation` say, and the worlds where they are right and wrong."""

from claims.base.says import better, gains_more, gap
from claims.base.world import worlds


def arm(recipe: str, norm: str = "batch") -> str:
    """Return the label of a recipe's arm."""
    return f"augment {recipe}, norm {norm}"


CLAIMS = {
    "Crops and flips raise test accuracy, with batch norm.": better(arm("cifar"), arm("none")),
    "They narrow the gap between training and test accuracy.": gap(arm("cifar"), arm("none")),
    "With batch norm, less distortion is better: crops and flips alone beat photometric distortion on top.": better(
        arm("cifar"), arm("cifar_colour")
    ),
    "Photometric distortion costs more with batch norm than without.": gains_more(
        arm("cifar"), arm("cifar_colour"), arm("cifar", "none"), arm("cifar_colour", "none")
    ),
}

RIGHT, WRONG = worlds(
    {
        arm("none"): (0.70, 0.80),
        arm("cifar"): (0.85, 0.60),
        arm("cifar_colour"): (0.60, 0.90),
        arm("none", "none"): (0.95, 0.20),
        arm("cifar", "none"): (0.80, 0.90),
        arm("cifar_colour", "none"): (0.79, 0.50),
    },
    train={arm("none"): (0.99, 0.85), arm("cifar"): (0.92, 0.95)},
)
