"""What the claims of `gradient_descent` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better
from claims.base.world import worlds

ONE, SOME, ALL = "one image", "mini-batches", "whole set"

CLAIMS = {
    "After as many epochs mini-batches are more accurate than the gradient of the whole set.": better(SOME, ALL),
    "Mini-batches take less than half the time of single images.": about(ONE, SOME),
    "After as many epochs single images, too, are more accurate than the gradient of the whole set.": better(ONE, ALL),
}

RIGHT, WRONG = worlds(
    {SOME: (0.9, 0.7), ONE: (0.8, 0.75), ALL: (0.5, 0.9)},
    seconds={ONE: (20.0, 2.0), SOME: (2.0, 1.9), ALL: (1.0, 30.0)},
)
