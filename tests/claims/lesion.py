"""What the claims of `lesion` say, and the worlds where they are right and wrong."""

from collections.abc import Mapping

from claims.base.says import about
from claims.base.world import Rows, world

PLAIN, RESIDUAL, DEEPER = "plain, 20 layers", "residual, 20 layers", "residual, deeper"

CLAIMS = {
    "Without one block a residual network keeps over ten points more of its accuracy than its plain twin.": about(
        RESIDUAL, PLAIN
    ),
    "A deeper residual network keeps most of its accuracy without one block: above 80 % of it on average.": about(
        DEEPER
    ),
}


def without_blocks(intact: Mapping[str, float], kept: Mapping[str, float]) -> Rows:
    """Return rows of the intact accuracy and of a share of it with one block deleted; against it, with two deleted."""
    return {
        label: [(9, "", "top1_intact", whole), (9, "", "top1_deleted_2", 1 - whole * kept[label])]
        + [(9, block, "top1_without", whole * kept[label]) for block in ("block 1", "block 2")]
        for label, whole in intact.items()
    }


# Shares of the intact accuracy: a network that has little loses few points, and may lose all that it has.
INTACT = {PLAIN: 0.3, RESIDUAL: 0.95, DEEPER: 0.96}
RIGHT = world(INTACT, val=INTACT, probes=without_blocks(INTACT, {PLAIN: 0.5, RESIDUAL: 0.8, DEEPER: 0.95}))
WRONG = world(INTACT, val=INTACT, probes=without_blocks(INTACT, {PLAIN: 0.95, RESIDUAL: 0.6, DEEPER: 0.4}))
