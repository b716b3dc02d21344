"""What the claims of `dense_connectivity` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import worlds

DENSE, WIDER, PLAIN = "dense, growth 8", "not dense, growth 18", "not dense, growth 8"

CLAIMS = {
    "At equal parameters the dense network is more accurate.": better(DENSE, WIDER),
    "At equal growth it is, too.": better(DENSE, PLAIN),
}

RIGHT, WRONG = worlds({DENSE: (0.9, 0.6), WIDER: (0.8, 0.7), PLAIN: (0.7, 0.8)})
