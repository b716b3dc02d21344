"""What the claims of `unet_skips` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import worlds

NONE, ADD, CONCATENATE = "no skips", "added", "concatenated"

CLAIMS = {
    "Skips that are concatenated raise the mean IoU at equal cost.": better(CONCATENATE, NONE, of="test_iou"),
    "Skips that are added raise the mean IoU at equal cost.": better(ADD, NONE, of="test_iou"),
    "Concatenating beats adding at equal cost.": better(CONCATENATE, ADD, of="test_iou"),
}

RIGHT, WRONG = worlds({NONE: (0.3, 0.5), ADD: (0.4, 0.4), CONCATENATE: (0.5, 0.3)})
