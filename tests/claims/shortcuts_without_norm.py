"""What the claims of `shortcuts_without_norm` say, and the worlds where they are right and wrong."""

from claims.base.says import alike, better, gains_more
from claims.base.world import world

SHORTCUTS, FIXUP, BATCH, BOTH = (
    f"{kind}, 20 layers" for kind in ("shortcuts", "Fixup", "batch norm", "shortcuts + batch norm")
)
SHALLOW, SHALLOW_BOTH = "shortcuts, 8 layers", "shortcuts + batch norm, 8 layers"

CLAIMS = {
    "Shortcuts do not make up for batch norm: with both, 20 layers fit better than with shortcuts alone.": better(
        BOTH, SHORTCUTS, of="fit_top1"
    ),
    "Nor does batch norm make up for shortcuts: with both, 20 layers fit better than with batch norm alone.": better(
        BOTH, BATCH, of="fit_top1"
    ),
    "Batch norm matters more to shortcuts at 20 layers than at 8.": gains_more(
        BOTH, SHORTCUTS, SHALLOW_BOTH, SHALLOW, of="fit_top1"
    ),
    "It is the start that shortcuts lack: with Fixup, 20 layers without norm fit better than with shortcuts.": better(
        FIXUP, SHORTCUTS, of="fit_top1"
    ),
    "With Fixup they are as accurate as with batch norm, to three points.": alike(FIXUP, BOTH),
}

RIGHT = world(
    {FIXUP: 0.94, BOTH: 0.945},
    train={SHORTCUTS: 0.5, FIXUP: 0.95, BATCH: 0.6, BOTH: 0.97, SHALLOW: 0.95, SHALLOW_BOTH: 0.96},
)
WRONG = world(
    {FIXUP: 0.80, BOTH: 0.90},
    train={SHORTCUTS: 0.95, FIXUP: 0.90, BATCH: 0.95, BOTH: 0.80, SHALLOW: 0.70, SHALLOW_BOTH: 0.96},
)
