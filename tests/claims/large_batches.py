"""What the claims of `large_batches` say, and the worlds where they are right and wrong."""

from claims.base.says import alike, better, gap
from claims.base.world import world

SMALL, SAME, SCALED = "batch norm, 32", "batch norm, 256, same rate", "batch norm, 256, scaled rate"
LONGER = "batch norm, 256, same rate, same steps"
GROUP, GROUP_LONGER = "group norm, 32", "group norm, 256, same rate, same steps"

CLAIMS = {
    "At the same epochs and rate a large batch is less accurate, with batch norm.": better(SMALL, SAME),
    "A rate proportional to the batch makes up for it, to a percentage point.": alike(SCALED, SMALL),
    "With as many steps a large batch is as accurate, to a percentage point.": alike(LONGER, SMALL),
    "At the same steps and rate a large batch leaves a larger gap of training and test, with batch norm.": gap(
        LONGER, SMALL
    ),
    "The batch matters more to that gap with batch norm than with group norm.": gap(LONGER, SMALL, GROUP_LONGER, GROUP),
}

RIGHT = world(
    {SMALL: 0.90, SAME: 0.80, SCALED: 0.902, LONGER: 0.899, GROUP: 0.9, GROUP_LONGER: 0.9},
    train={SMALL: 0.92, LONGER: 0.99, GROUP: 0.95, GROUP_LONGER: 0.96},
)
WRONG = world(
    {SMALL: 0.80, SAME: 0.90, SCALED: 0.70, LONGER: 0.90, GROUP: 0.8, GROUP_LONGER: 0.7},
    train={SMALL: 0.95, LONGER: 0.96, GROUP: 0.85, GROUP_LONGER: 0.99},
)
LEVELS = {
    f"{norm} norm, {form}": {"model.norm": norm, "data.batch_size": size, "optim.lr": rate, "trainer.epochs": epochs}
    for norm in ("batch", "group")
    for form, size, rate, epochs in (
        ("32", 32, 0.05, 20),
        ("256, same rate", 256, 0.05, 20),
        ("256, scaled rate", 256, 0.4, 20),
        ("256, same rate, same steps", 256, 0.05, 160),
        ("256, scaled rate, same steps", 256, 0.4, 160),
    )
}
