"""What the claims of `large_batches` say, and the worlds where they are right and wrong."""

from claims.base.says import better, gap
from claims.base.world import worlds

SMALL, SAME, SCALED = "small", "large, same rate", "large, proportional rate"
LONGER, SCALED_LONGER = "large, same rate, same steps", "large, proportional rate, same steps"

CLAIMS = {
    "At the same epochs and rate a large batch is less accurate.": better(SMALL, SAME),
    "With a rate proportional to the batch it is no less accurate, to three points.": better(SCALED, SMALL),
    "At the same steps and rate a large batch leaves a larger gap of training and test accuracy.": gap(LONGER, SMALL),
    "With as many steps and a proportional rate a large batch is no less accurate, to a point.": better(
        SCALED_LONGER, SMALL
    ),
}

RIGHT, WRONG = worlds(
    {
        SMALL: (0.90, 0.80),
        SAME: (0.80, 0.90),
        SCALED: (0.89, 0.70),
        LONGER: (0.85, 0.85),
        SCALED_LONGER: (0.897, 0.75),
    },
    train={SMALL: (0.92, 0.95), LONGER: (0.99, 0.96)},
)
LEVELS = {
    label: {"data.batch_size": size, "optim.lr": rate, "trainer.epochs": epochs}
    for label, size, rate, epochs in (
        (SMALL, 16, 0.05, 12),
        (SAME, 64, 0.05, 12),
        (SCALED, 64, 0.2, 12),
        (LONGER, 64, 0.05, 48),
        (SCALED_LONGER, 64, 0.2, 48),
    )
}
