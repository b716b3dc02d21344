"""What the claims of `batch_size` say, and the worlds where they are right and wrong."""

from claims.base.says import about, alike, better, gains_more
from claims.base.world import Rows, initial, worlds

arm = "{}, batch {}".format

CLAIMS = {
    "With batch norm, batches of 2 are less accurate than batches of 32, by more than a point.": better(
        arm("batch", 32), arm("batch", 2)
    ),
    "In batches of 2, group norm is more accurate than batch norm, by more than a point.": better(
        arm("group", 2), arm("batch", 2)
    ),
    "Going from 32 to 2 costs batch norm more than group norm.": gains_more(
        arm("batch", 32), arm("batch", 2), arm("group", 32), arm("group", 2)
    ),
    "Group norm is as accurate in batches of 2 as in batches of 32, to two points.": alike(
        arm("group", 2), arm("group", 32)
    ),
    "The noise of a small batch makes its gradient longer: that of 2 samples against that of 256.": about(
        arm("group", 2), arm("group", 256)
    ),
}


def gradients(small: float, large: float) -> Rows:
    return initial("weight_gradient_norm", ["layer"], {arm("group", 2): small, arm("group", 256): large}, later=1.0)


RIGHT, WRONG = worlds(
    {
        arm("batch", 2): (0.60, 0.90), arm("batch", 32): (0.90, 0.70),
        arm("group", 2): (0.88, 0.60), arm("group", 32): (0.89, 0.80),
    },
    probes=(gradients(9.0, 2.0), gradients(2.0, 9.0)),
)  # fmt: skip
