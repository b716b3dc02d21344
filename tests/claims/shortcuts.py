"""What the claims of `shortcuts` say, and the worlds where they are right and wrong."""

from claims.base.says import about, alike, better
from claims.base.world import World, world

CLAIMS = {
    "Shortcut A is better than none.": better("A", "none"),
    "Shortcut B is better than none.": better("B", "none"),
    "Shortcut C is better than none.": better("C", "none"),
    "B is slightly better than A.": better("B", "A"),
    "Projections are not essential: C is within two points of B.": alike("C", "B"),
    "With shortcuts the layers' answers are smaller than without.": about("none", "A"),
    "Shortcuts smooth the loss: its gradient changes less along its own direction.": about("none", "A"),
}


def measured(none: float, shortcut: float, accuracies: dict[str, float]) -> World:
    """Return the world where the two kinds' answers spread and gradients change by so much; elsewhere the opposite."""
    kinds = {"none": none, "A": shortcut}
    rows = {
        label: [
            (0, "stage1.0.branch.norm1.activation", "sd", 1 / size),
            (9, "stage1.0.branch.norm1.activation", "sd", size),
            (9, "stage1.0.activation", "sd", 9 / size),
            *((step, "", "smoothness", value) for step, value in ((0, size), (5, size), (9, 99 / size))),
        ]
        for label, size in kinds.items()
    }
    return world(accuracies, probes=rows)


RIGHT = measured(2.0, 1.0, {"none": 0.5, "A": 0.8, "B": 0.85, "C": 0.853})
WRONG = measured(1.0, 2.0, {"none": 0.95, "A": 0.9, "B": 0.8, "C": 0.7})
