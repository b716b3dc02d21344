"""What the claims of `lesion` say, and the worlds where they are right and wrong."""

from collections.abc import Mapping

from claims.base.says import about
from claims.base.world import Rows, world

PLAIN, RESIDUAL = "residual False", "residual True"

CLAIMS = {
    "Deleting one block costs a residual network less than a plain one, by more than ten points.": about(
        RESIDUAL, PLAIN, of=("val_top1",)
    ),
    "A residual network keeps most of its accuracy without one block: above 80 % on average.": about(RESIDUAL),
}


def without_blocks(by_label: Mapping[str, float]) -> Rows:
    """Return rows of the accuracy with one block deleted, and against it that with two deleted."""
    return {
        label: [(9, "", "top1_intact", 0.5), (9, "", "top1_deleted_2", 1 - value)]
        + [(9, block, "top1_without", value) for block in ("block 1", "block 2")]
        for label, value in by_label.items()
    }


RIGHT = world(
    {PLAIN: 0.2, RESIDUAL: 0.99},
    val={PLAIN: 0.95, RESIDUAL: 0.96},
    probes=without_blocks({PLAIN: 0.2, RESIDUAL: 0.93}),
)
WRONG = world(
    {PLAIN: 0.99, RESIDUAL: 0.2},
    val={PLAIN: 0.95, RESIDUAL: 0.96},
    probes=without_blocks({PLAIN: 0.93, RESIDUAL: 0.4}),
)
