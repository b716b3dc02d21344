"""What the claims of `inception_paths` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better
from claims.base.world import costs, inverse, world

REDUCED, UNREDUCED, NO_POOL, SINGLE1, SINGLE3, RISING = (
    "reduced", "unreduced", "no pooling", "1×1", "3×3", "rising share",
)  # fmt: skip

CLAIMS = {
    "The reduced block costs half the FLOPs of a single 3×3 or less.": about(REDUCED, SINGLE3, of=("flops",)),
    "It costs half of those of the block without reductions or less.": about(REDUCED, UNREDUCED, of=("flops",)),
    "Reductions cost no accuracy: the reduced block is as accurate as the one without, to three points.": better(
        REDUCED, UNREDUCED
    ),
    "The reduced block is at least as accurate as a single 3×3, to three points.": better(REDUCED, SINGLE3),
    "Pooling within the block raises accuracy.": better(REDUCED, NO_POOL),
    "A share of 3×3 and 5×5 convolutions that rises with depth is more accurate than an equal one.": better(
        RISING, REDUCED
    ),
    "Convolutions of 1×1 alone are less accurate, by more than five points.": better(REDUCED, SINGLE1),
}

FLOPS = {REDUCED: 128.0, UNREDUCED: 310.0, NO_POOL: 127.0, SINGLE3: 346.0, SINGLE1: 40.0}

RIGHT = world(
    {REDUCED: 0.895, UNREDUCED: 0.9, NO_POOL: 0.85, SINGLE3: 0.9, SINGLE1: 0.7, RISING: 0.92},
    cost=costs(flops=FLOPS, parameters=inverse(FLOPS)),
)
WRONG = world(
    {REDUCED: 0.7, UNREDUCED: 0.9, NO_POOL: 0.8, SINGLE3: 0.8, SINGLE1: 0.75, RISING: 0.6},
    cost=costs(flops={**FLOPS, REDUCED: 300.0}, parameters=inverse(FLOPS)),
)
