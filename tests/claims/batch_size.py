"""What the claims of `batch_size` say, and the worlds where they are right and wrong."""

from claims.base.says import better, rises
from claims.base.world import worlds

batch = "batch norm, {}".format
POPULATION, GROUP = "batch norm, 2, population statistics", "group norm"

CLAIMS = {
    "With batch norm, batches of 2 are less accurate than batches of 64, by more than two points.": better(
        batch(64), batch(2)
    ),
    "In batches of 2, group norm is more accurate than batch norm, by more than a point.": better(GROUP, batch(2)),
    "The smaller the batch, the lower batch norm's accuracy: from 64 down to 2 by more than two points.": rises(
        *map(batch, (2, 4, 8, 16, 64))
    ),
    "It is training that suffers: in batches of 2 the training images are fitted less well, too.": better(
        batch(64), batch(2), of="fit_top1"
    ),
    "Statistics of the whole training set in evaluation do not repair it: two points remain.": better(
        batch(64), POPULATION
    ),
}

RIGHT, WRONG = worlds(
    {
        batch(2): (0.50, 0.90), batch(4): (0.60, 0.85), batch(8): (0.70, 0.80), batch(16): (0.80, 0.75),
        batch(64): (0.90, 0.70), POPULATION: (0.55, 0.95), GROUP: (0.85, 0.60),
    },
    train={batch(2): (0.5, 0.9), batch(64): (0.9, 0.5)},
)  # fmt: skip
