"""What the claims of `width_depth` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better
from claims.base.world import world

FAT, MIDDLE, THIN = "short and fat", "between", "deep and thin"

CLAIMS = {
    "Short and fat is more accurate than deep and thin.": better(FAT, THIN),
    "Short and fat fits the training set better than deep and thin.": better(FAT, THIN, of="fit_top1"),
    "It trains at least twice as fast.": about(THIN, FAT),
}

RIGHT = world(
    {FAT: 0.9, MIDDLE: 0.5, THIN: 0.8},
    train={FAT: 0.95, MIDDLE: 0.5, THIN: 0.9},
    seconds={FAT: 2.0, MIDDLE: 1.0, THIN: 6.0},
)
WRONG = world(
    {FAT: 0.8, MIDDLE: 0.99, THIN: 0.9},
    train={FAT: 0.8, MIDDLE: 0.99, THIN: 0.9},
    seconds={FAT: 2.0, MIDDLE: 9.0, THIN: 1.5},
)

LEVELS = {
    FAT: {"model.depth": 8, "model.width": 17},
    MIDDLE: {"model.depth": 20, "model.width": 9},
    THIN: {"model.depth": 56, "model.width": 5},
}
