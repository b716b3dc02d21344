"""What the claims of `input_scaling` say, and the worlds where they are right and wrong."""

from claims.base.says import alike, better, faster, gains_more
from claims.base.world import worlds

RAW, UNIT, CENTRED, STANDARDISED = "raw", "between 0 and 1", "centred", "standardised"
RAW_NORMALISED, STANDARDISED_NORMALISED = "raw, batch norm", "standardised, batch norm"

CLAIMS = {
    "Without batch norm raw pixels cost accuracy at any rate: more than five points below standardised ones.": better(
        STANDARDISED, RAW
    ),
    "Inputs of mean zero learn faster than those between 0 and 1.": faster(STANDARDISED, UNIT),
    "Once centred, images need no division by their deviation: accuracy is the same to two points.": alike(
        CENTRED, STANDARDISED
    ),
    "Batch norm behind the first layer makes up for it: it matters more to raw than to standardised inputs.": (
        gains_more(RAW_NORMALISED, RAW, STANDARDISED_NORMALISED, STANDARDISED)
    ),
    "With batch norm raw pixels are as accurate as standardised ones, to two points.": alike(
        RAW_NORMALISED, STANDARDISED_NORMALISED
    ),
}  # fmt: skip

RIGHT, WRONG = worlds(
    {
        STANDARDISED: (0.9, 0.8),
        RAW: (0.7, 0.9),
        CENTRED: (0.905, 0.7),
        UNIT: (0.85, 0.85),
        RAW_NORMALISED: (0.95, 0.85),
        STANDARDISED_NORMALISED: (0.951, 0.95),
    },
    steps={STANDARDISED: (100, 300), UNIT: (300, 100)},
    val=dict.fromkeys((STANDARDISED, UNIT), (0.3, 0.3)),
)
