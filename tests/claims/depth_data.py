"""What the claims of `depth_data` say, and the worlds where they are right and wrong."""

from claims.base.says import better, gains_more, gap
from claims.base.world import world

SHALLOW_FEW, SHALLOW_ALL = "8 layers, a tenth", "8 layers, all"
DEEP_FEW, DEEP_ALL = "32 layers, a tenth", "32 layers, all"

CLAIMS = {
    "At equal steps the deeper network is more accurate with all of the data than with a tenth.": better(
        DEEP_ALL, DEEP_FEW
    ),
    "So is the shallower one.": better(SHALLOW_ALL, SHALLOW_FEW),
    "Depth pays more with more data.": gains_more(DEEP_ALL, SHALLOW_ALL, DEEP_FEW, SHALLOW_FEW),
    "The deeper network overfits more with a tenth of the data than with all: its gap is wider.": gap(
        DEEP_FEW, DEEP_ALL
    ),
}

RIGHT = world(
    {SHALLOW_FEW: 0.6, SHALLOW_ALL: 0.8, DEEP_FEW: 0.55, DEEP_ALL: 0.9}, train={DEEP_FEW: 0.99, DEEP_ALL: 0.98}
)
WRONG = world(
    {SHALLOW_FEW: 0.7, SHALLOW_ALL: 0.6, DEEP_FEW: 0.9, DEEP_ALL: 0.65}, train={DEEP_FEW: 0.91, DEEP_ALL: 0.98}
)

LEVELS = {
    SHALLOW_FEW: {"model.depth": 8, "data.train_fraction": 0.1, "trainer.epochs": 80},
    SHALLOW_ALL: {"model.depth": 8, "data.train_fraction": 1.0, "trainer.epochs": 8},
    DEEP_FEW: {"model.depth": 32, "data.train_fraction": 0.1, "trainer.epochs": 80},
    DEEP_ALL: {"model.depth": 32, "data.train_fraction": 1.0, "trainer.epochs": 8},
}
