"""What the claims of `shortcuts` say, and the worlds where they are right and wrong."""

from claims.base.says import alike, better
from claims.base.world import world

CLAIMS = {
    "Shortcut A is better than none.": better("A", "none"),
    "Shortcut B is better than none.": better("B", "none"),
    "Shortcut C is better than none.": better("C", "none"),
    "B is slightly better than A.": better("B", "A"),
    "Projections are not essential: C is within a point of B.": alike("C", "B"),
    "Pre-activation is better.": better("A, pre-activation", "A"),
    "Starting the last γ of each branch at zero is better.": better("A, zero γ", "A"),
}

RIGHT = world({"none": 0.5, "A": 0.8, "B": 0.85, "C": 0.853, "A, pre-activation": 0.9, "A, zero γ": 0.95})
WRONG = world({"none": 0.95, "A": 0.9, "B": 0.8, "C": 0.7, "A, pre-activation": 0.6, "A, zero γ": 0.5})
