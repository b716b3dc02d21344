"""What the claims of `inception_paths` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better
from claims.base.world import costs, inverse, world

REDUCED, NAIVE, SINGLE3, SINGLE5 = "block reduced", "block naive", "block single3", "block single5"

CLAIMS = {
    "The reduced block costs half the FLOPs of a single 3×3 or less.": about(REDUCED, SINGLE3, of=("flops",)),
    "The reduced block costs a fifth of a single 5×5 or less.": about(REDUCED, SINGLE5, of=("flops",)),
    "Reductions cost no accuracy: the reduced block is as accurate as the naive one, to two points.": better(
        REDUCED, NAIVE
    ),
    "The reduced block is at least as accurate as a single 3×3, to two points.": better(REDUCED, SINGLE3),
}

FLOPS = {REDUCED: 128.0, NAIVE: 500.0, SINGLE3: 346.0, SINGLE5: 963.0}

RIGHT = world(
    {REDUCED: 0.895, NAIVE: 0.9, SINGLE3: 0.9, SINGLE5: 0.2},
    cost=costs(flops=FLOPS, parameters=inverse(FLOPS)),
)
WRONG = world(
    {REDUCED: 0.7, NAIVE: 0.9, SINGLE3: 0.8, SINGLE5: 0.2},
    cost=costs(flops={**FLOPS, REDUCED: 300.0}, parameters=inverse(FLOPS)),
)
