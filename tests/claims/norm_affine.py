"""What the claims of `norm_affine` say, and the worlds where they are right and wrong."""

from claims.base.says import about, alike
from claims.base.world import world

FULL = "sigmoid, γ and β"

CLAIMS = {
    "γ takes the inputs of the last sigmoids beyond a standard deviation of one, their linear regime.": about(FULL),
    "Without γ a sigmoid net fits its training images less well: its loss is higher.": about("sigmoid, β", FULL),
    "Without β, too, its loss is higher.": about("sigmoid, γ", FULL),
    "γ lowers the loss of a sigmoid net by a larger factor than that of a ReLU net.": about(
        "sigmoid, β", FULL, "relu, β", "relu, γ and β"
    ),
    "Before a ReLU γ can be left out: its absence moves the test accuracy by less than a point.": alike(
        "relu, β", "relu, γ and β"
    ),
}


def ends_at(sd: float) -> dict[str, list[tuple[int, str, str, float]]]:
    return {
        FULL: [(step, layer, "sd", value) for step, layer, value in (
            (0, "first", 1 / sd), (0, "last", 1 / sd), (9, "first", 1 / sd), (9, "last", sd)
        )]
    }  # fmt: skip


RIGHT = world(
    {"relu, β": 0.96, "relu, γ and β": 0.961},
    loss={FULL: 0.1, "sigmoid, γ": 0.2, "sigmoid, β": 0.3, "relu, γ and β": 0.01, "relu, β": 0.012},
    probes=ends_at(2.0),
)
WRONG = world(
    {"relu, β": 0.90, "relu, γ and β": 0.96},
    loss={FULL: 0.3, "sigmoid, γ": 0.2, "sigmoid, β": 0.2, "relu, γ and β": 0.01, "relu, β": 0.05},
    probes=ends_at(0.5),
)
