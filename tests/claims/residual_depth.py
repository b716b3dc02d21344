"""What the claims of `residual_depth` say, and the worlds where they are right and wrong."""

from claims.base.says import better, gains_more, rises
from claims.base.world import worlds

plain = "residual False, depth {}".format
residual = "residual True, depth {}".format

CLAIMS = {
    "A plain network of 56 layers has a higher training error than one of 20.": better(
        plain(20), plain(56), of="fit_top1"
    ),
    "So it is not overfitting: training error rises with the depth of plain networks.": rises(
        plain(56), plain(44), plain(32), plain(20), of="fit_top1"
    ),
    "At 56 layers the residual network has the lower training error.": better(residual(56), plain(56), of="fit_top1"),
    "At 56 layers the residual network has the lower test error.": better(residual(56), plain(56)),
    "Shortcuts matter more at 56 layers than at 20.": gains_more(
        residual(56), plain(56), residual(20), plain(20), of="fit_top1"
    ),
    "A residual network of 56 layers has a lower test error than one of 20.": better(residual(56), residual(20)),
}

RIGHT, WRONG = worlds(
    {
        plain(20): (0.90, 0.70), plain(32): (0.85, 0.80), plain(44): (0.80, 0.85), plain(56): (0.70, 0.90),
        residual(20): (0.90, 0.90), residual(32): (0.91, 0.87), residual(44): (0.92, 0.83), residual(56): (0.93, 0.80),
    },
    train={
        plain(20): (0.95, 0.60), plain(32): (0.85, 0.75), plain(44): (0.75, 0.85), plain(56): (0.60, 0.95),
        residual(20): (0.96, 0.80), residual(32): (0.97, 0.75), residual(44): (0.97, 0.70), residual(56): (0.98, 0.60),
    },
)  # fmt: skip
