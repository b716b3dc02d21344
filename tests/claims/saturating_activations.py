"""What the claims of `saturating_activations` say, and the worlds where they are right and wrong."""

from claims.base.says import better, gains_more
from claims.base.world import worlds


def arm(activation: str, norm: str, depth: int = 8) -> str:
    """Return the label of the net of these units, norm and depth."""
    return f"activation {activation}, norm {norm}, depth {depth}"


CLAIMS = {
    "A deep sigmoid net trains with batch norm and not without it: more than 20 points lie between.": better(
        arm("sigmoid", "batch"), arm("sigmoid", "none")
    ),
    "A deep tanh net is more accurate with batch norm.": better(arm("tanh", "batch"), arm("tanh", "none")),
    "Batch norm matters more to sigmoid than to ReLU nets.": gains_more(
        arm("sigmoid", "batch"), arm("sigmoid", "none"), arm("relu", "batch"), arm("relu", "none")
    ),
    "Batch norm matters more the deeper the sigmoid net is.": gains_more(
        arm("sigmoid", "batch"), arm("sigmoid", "none"),
        arm("sigmoid", "batch", depth=2), arm("sigmoid", "none", depth=2),
    ),
}  # fmt: skip

RIGHT, WRONG = worlds(
    {
        arm("sigmoid", "batch"): (0.95, 0.80),
        arm("sigmoid", "none"): (0.20, 0.70),
        arm("tanh", "batch"): (0.95, 0.80),
        arm("tanh", "none"): (0.90, 0.90),
        arm("relu", "batch"): (0.97, 0.95),
        arm("relu", "none"): (0.96, 0.50),
        arm("sigmoid", "batch", depth=2): (0.95, 0.90),
        arm("sigmoid", "none", depth=2): (0.90, 0.50),
    }
)
