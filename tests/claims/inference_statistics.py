"""What the claims of `inference_statistics` say, and the worlds where they are right and wrong."""

from claims.base.says import alike, better
from claims.base.world import worlds

RUNNING, SMALL = "running averages, large batches", "running averages, batches of 2"
SLOW, POPULATION = "slow running averages, large batches", "population, large batches"
BATCH, SMALL_BATCH = "batch statistics, large batches", "batch statistics, batches of 2"

CLAIMS = {
    "With running averages, small evaluation batches give what large ones give.": alike(SMALL, RUNNING),
    "In batches of two, running averages are more accurate than the batch's own, by more than a point.": better(
        SMALL, SMALL_BATCH
    ),
    "In large batches the two agree to a percentage point.": alike(BATCH, RUNNING),
    "Running averages and the statistics of the training set agree to a percentage point.": alike(POPULATION, RUNNING),
    "Averages that follow slowly (momentum 0.01) lag behind the weights and cost accuracy in a short run.": better(
        RUNNING, SLOW
    ),
}

RIGHT, WRONG = worlds({
    SMALL: (0.95, 0.6), RUNNING: (0.95, 0.8), SMALL_BATCH: (0.6, 0.9), BATCH: (0.952, 0.7), POPULATION: (0.948, 0.9),
    SLOW: (0.5, 0.95),
})  # fmt: skip
