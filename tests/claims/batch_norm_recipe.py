"""What the claims of `batch_norm_recipe` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import ranked, world

CLAIMS = {
    "Batch norm alone helps.": better("+ batch norm", "without"),
    "With batch norm, five times the learning rate helps.": better("+ lr x5", "+ batch norm"),
    "With batch norm, leaving out dropout helps.": better("+ no dropout", "+ lr x5"),
    "With batch norm, a fifth of the L2 penalty helps.": better("+ L2 /5", "+ no dropout"),
    "With batch norm, decaying six times as fast helps.": better("+ decay x6", "+ L2 /5"),
    "With batch norm, leaving out LRN helps.": better("+ no LRN", "+ decay x6"),
    "With batch norm, shuffling anew in each epoch helps.": better("+ reshuffling", "+ no LRN"),
    "With batch norm, distorting images less helps.": better("+ less distortion", "+ reshuffling"),
    "Batch norm and all seven together help.": better("+ less distortion", "without"),
}

STEPS = (
    "without", "+ batch norm", "+ lr x5", "+ no dropout", "+ L2 /5", "+ decay x6", "+ no LRN", "+ reshuffling",
    "+ less distortion",
)  # fmt: skip

RIGHT = world(ranked(*STEPS))
WRONG = world(ranked(*reversed(STEPS)))
