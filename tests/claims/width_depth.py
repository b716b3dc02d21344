"""What the claims of `width_depth` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better
from claims.base.world import worlds

FAT, MIDDLE, THIN = "short and fat", "between", "deep and thin"

CLAIMS = {
    "Short and fat is more accurate than deep and thin.": better(FAT, THIN),
    "Short and fat fits the training set better than deep and thin.": better(FAT, THIN, of="fit_top1"),
    "Short and fat takes fewer seconds to train than deep and thin.": about(THIN, FAT),
}

RIGHT, WRONG = worlds(
    {FAT: (0.9, 0.8), MIDDLE: (0.5, 0.99), THIN: (0.8, 0.9)},
    train={FAT: (0.95, 0.8), MIDDLE: (0.5, 0.99), THIN: (0.9, 0.9)},
    seconds={FAT: (2.0, 2.0), MIDDLE: (1.0, 9.0), THIN: (6.0, 1.5)},
)
