"""What the claims of `warm_up` say, and the worlds where they are right and wrong."""

from claims.base.says import alike, better, gains_more, tuned
from claims.base.world import Left, World

SCHEDULES, WARMED, RATES = ("cosine", "constant"), ("warm-up", "no warm-up"), ("low", "middle", "high")
arm = "{}, {}, {} rate".format
COSINE, CONSTANT = (tuple(arm(each, name, rate) for name in WARMED for rate in RATES) for each in SCHEDULES)
HIGH, LOW = (tuple(arm("cosine", name, rate) for name in WARMED) for rate in ("high", "low"))
BEST = arm("cosine", "warm-up", "middle"), arm("constant", "warm-up", "middle")

CLAIMS = {
    "At the high rate warm-up raises the accuracy.": better(*HIGH),
    "Each at its best rate and warm-up, a rate that falls along a cosine is more accurate than a constant one.": tuned(
        COSINE, CONSTANT, BEST, "test_top1"
    ),
    "Warm-up matters more at the high rate than at the low one.": gains_more(*HIGH, *LOW),
    "At the low rate warm-up makes no difference of three points.": alike(*LOW),
}


def world_of(test: dict[str, float]) -> World:
    """Return the world of these test accuracies, in which the arms of `BEST` are chosen."""

    def of(label: str) -> Left:
        return {"test": test.get(label, 0.7), "val": 0.95 if label in BEST else 0.6, "train": 0.5}

    return of


RIGHT = world_of({BEST[0]: 0.9, BEST[1]: 0.8, HIGH[0]: 0.85, HIGH[1]: 0.7, LOW[0]: 0.801, LOW[1]: 0.8})
WRONG = world_of({BEST[0]: 0.8, BEST[1]: 0.9, HIGH[0]: 0.7, HIGH[1]: 0.75, LOW[0]: 0.9, LOW[1]: 0.7})
