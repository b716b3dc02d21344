"""What the claims of `norm_gradient` say, and the worlds where they are right and wrong."""

from claims.base.says import about, tuned
from claims.base.world import world


def arm(gradient: str, rate: float = 0.03) -> str:
    """Return the label of the arm of that gradient and learning rate."""
    return f"gradient {gradient}, lr {rate}"


RATES = (0.01, 0.03, 0.1, 0.3)
FULL, MEAN, BOTH = arm("full"), arm("mean_stopped"), arm("stopped")
BEST_FULL, BEST_BOTH = arm("full", 0.1), arm("stopped", 0.3)

CLAIMS = {
    "Where the gradient takes the mean for a constant, biases grow that the full gradient leaves alone.": about(
        MEAN, FULL
    ),
    "They go on growing: at the end they exceed their median over the run by a quarter.": about(MEAN),
    "Meanwhile the loss falls less than with the full gradient.": about(MEAN, FULL),
    "So it does where both statistics are constants.": about(BOTH, FULL),
    "Each at its best rate, the net is less accurate with constants.": tuned(
        [arm("full", rate) for rate in RATES], [arm("stopped", rate) for rate in RATES], (BEST_FULL, BEST_BOTH),
        "test_top1",
    ),
    "It is worse where the normalisation scales and not only centres: the loss is higher.": about(BOTH, MEAN),
}  # fmt: skip


def biases(full: tuple[float, float], mean: tuple[float, float]) -> dict[str, list[tuple[int, str, str, float]]]:
    """Return rows of norms in the middle and at the end, and of a classifier's that runs against them."""
    return {
        label: [
            row
            for step, value in ((0, 0.0), (10, middle), (20, end))
            for row in ((step, "linear1", "bias_norm", value), (step, "classifier", "bias_norm", 100 - value))
        ]
        for label, (middle, end) in ((FULL, full), (MEAN, mean))
    }


CHOSEN = {BEST_FULL: 0.9, BEST_BOTH: 0.9}

RIGHT = world(
    {BEST_FULL: 0.95, BEST_BOTH: 0.85},
    val=CHOSEN,
    loss={FULL: 0.01, MEAN: 0.1, BOTH: 0.2},
    probes=biases(full=(1e-8, 1e-8), mean=(2.0, 5.0)),
)
WRONG = world(
    {BEST_FULL: 0.85, BEST_BOTH: 0.95},
    val=CHOSEN,
    loss={FULL: 0.2, MEAN: 0.1, BOTH: 0.05},
    probes=biases(full=(6.0, 6.0), mean=(5.0, 5.0)),
)
