"""What the claims of `input_scaling` say, and the worlds where they are right and wrong."""

from claims.base.says import alike, better, faster, gains_more
from claims.base.world import worlds


def arm(centring: str, norm: str = "none") -> str:
    """Return the label of the arm of a scaling and a norm."""
    return f"centring {centring}, norm {norm}"


CLAIMS = {
    "Without batch norm raw pixels cost accuracy at any rate: more than five points below standardised ones.": better(
        arm("channel"), arm("none")
    ),
    "Inputs of mean zero learn faster than those between 0 and 1.": faster(arm("channel"), arm("unit")),
    "Once centred, images need no division by their deviation: accuracy is the same to two points.": alike(
        arm("pixel_mean"), arm("channel")
    ),
    "Batch norm behind the first layer takes the scale out: raw pixels are as accurate, to a point.": alike(
        arm("none", "batch"), arm("channel", "batch")
    ),
    "So batch norm matters more to raw than to standardised inputs.": gains_more(
        arm("none", "batch"), arm("none"), arm("channel", "batch"), arm("channel")
    ),
}  # fmt: skip

RIGHT, WRONG = worlds(
    {
        arm("channel"): (0.9, 0.8),
        arm("none"): (0.7, 0.9),
        arm("pixel_mean"): (0.905, 0.7),
        arm("unit"): (0.85, 0.85),
        arm("none", "batch"): (0.95, 0.85),
        arm("channel", "batch"): (0.951, 0.95),
    },
    steps={arm("channel"): (100, 300), arm("unit"): (300, 100)},
    val=dict.fromkeys((arm("channel"), arm("unit")), (0.3, 0.3)),
)
