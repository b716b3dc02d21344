"""What the claims of `multi_crop` say, and the worlds where they are right and wrong."""

from claims.base.says import alike, better
from claims.base.world import worlds

ONE, FIVE, TEN = (f"test_crops {count}" for count in (1, 5, 10))

CLAIMS = {
    "Ten parts are more accurate than the middle alone.": better(TEN, ONE),
    "Five parts, without mirror images, are more accurate than one.": better(FIVE, ONE),
    "Mirror images add less than a point to the five parts.": alike(TEN, FIVE),
}

RIGHT, WRONG = worlds({ONE: (0.80, 0.90), FIVE: (0.85, 0.80), TEN: (0.852, 0.85)})
