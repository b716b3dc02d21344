"""What the claims of `unet_skips` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import world

NONE, ADD, CONCATENATE = "no skips", "added", "concatenated"

CLAIMS = {
    "Skips that are concatenated raise the mean IoU at equal cost.": better(CONCATENATE, NONE, of="test_iou"),
    "Skips that are added raise the mean IoU at equal cost.": better(ADD, NONE, of="test_iou"),
    "Concatenating beats adding at equal cost.": better(CONCATENATE, ADD, of="test_iou"),
}

RIGHT = world({NONE: 0.3, ADD: 0.4, CONCATENATE: 0.5})
WRONG = world({NONE: 0.5, ADD: 0.4, CONCATENATE: 0.3})

LEVELS = {
    NONE: {"model.skips": "none", "model.width": 11},
    ADD: {"model.skips": "add", "model.width": 11},
    CONCATENATE: {"model.skips": "concatenate", "model.width": 10},
}
