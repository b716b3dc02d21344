"""What the claims of `residual_depth` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better, gains_more, rises
from claims.base.world import worlds

plain = "plain, depth {}".format
residual = "residual, depth {}".format

CLAIMS = {
    "A plain network of 44 layers has a higher training error than one of 20, by more than two points.": better(
        plain(20), plain(44), of="fit_top1"
    ),
    "A residual network of 44 layers has no higher training loss than one of 20, to 0.05.": about(
        residual(44), residual(20), of=("fit_loss",)
    ),
    "So it is not overfitting: training error rises with the depth of plain networks.": rises(
        plain(44), plain(32), plain(20), of="fit_top1"
    ),
    "At 44 layers the residual network has the lower training error.": better(residual(44), plain(44), of="fit_top1"),
    "At 44 layers the residual network has the lower test error.": better(residual(44), plain(44)),
    "Shortcuts matter more at 44 layers than at 20.": gains_more(residual(44), plain(44), residual(20), plain(20)),
}

RIGHT, WRONG = worlds(
    {
        plain(20): (0.90, 0.70), plain(32): (0.85, 0.80), plain(44): (0.70, 0.90),
        residual(20): (0.90, 0.90), residual(32): (0.91, 0.87), residual(44): (0.93, 0.80),
    },
    train={
        plain(20): (0.95, 0.60), plain(32): (0.85, 0.75), plain(44): (0.60, 0.95),
        residual(20): (0.96, 0.80), residual(32): (0.97, 0.75), residual(44): (0.98, 0.60),
    },
    loss={residual(20): (0.10, 0.10), residual(44): (0.12, 0.30)},
)  # fmt: skip
