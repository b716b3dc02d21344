"""What the claims of `augmentation_kinds` say, and the worlds where they are right and wrong."""

from claims.base.says import better, gap
from claims.base.world import worlds

NONE, SHIFT, FLIP, ROTATION, AFFINE, COLOURS = (
    f"augment {recipe}" for recipe in ("none", "shift", "flip", "rotation", "mnist_affine", "principal_colours")
)

CLAIMS = {
    "Shifts raise test accuracy.": better(SHIFT, NONE),
    "Flips raise test accuracy.": better(FLIP, NONE),
    "Shifted colours raise it by more than a point.": better(COLOURS, NONE),
    "Rotations raise test accuracy.": better(ROTATION, NONE),
    "Small distortions raise test accuracy.": better(AFFINE, NONE),
    "Shifts narrow the gap between training and test accuracy.": gap(SHIFT, NONE),
}

RIGHT, WRONG = worlds(
    {
        NONE: (0.70, 0.75),
        SHIFT: (0.75, 0.70),
        FLIP: (0.73, 0.72),
        ROTATION: (0.72, 0.73),
        AFFINE: (0.73, 0.71),
        COLOURS: (0.74, 0.755),
    },
    train={NONE: (0.99, 0.80), SHIFT: (0.9, 0.99)},
)
