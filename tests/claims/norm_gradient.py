"""What the claims of `norm_gradient` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better
from claims.base.world import world

FULL, MEAN, BOTH = "full, no γ and β", "mean constant, no γ and β", "both constant, no γ and β"
SHIFTED = "both constant, γ and β"

CLAIMS = {
    "Where the gradient takes the mean for a constant, biases grow that the full gradient leaves alone.": about(
        MEAN, FULL
    ),
    "They go on growing: at the end they exceed their median over the run by a quarter.": about(MEAN),
    "Meanwhile the loss falls less than with the full gradient.": about(MEAN, FULL),
    "So it does where both statistics are constants.": about(BOTH, FULL),
    "With constants the net is less accurate: by more than a point.": better(FULL, BOTH),
    "It is worse where the normalisation scales and not only centres: the loss is higher.": about(BOTH, MEAN),
    "With a β behind the norm, whose gradient the bias's is proportional to, the biases grow less.": about(
        BOTH, SHIFTED
    ),
}


def biases(**by_arm: tuple[float, float]) -> dict[str, list[tuple[int, str, str, float]]]:
    """Return rows of norms in the middle and at the end, and of a classifier's that runs against them."""
    labels = {"full": FULL, "mean": MEAN, "both": BOTH, "shifted": SHIFTED}
    return {
        labels[name]: [
            row
            for step, value in ((0, 0.0), (10, middle), (20, end))
            for row in ((step, "linear1", "bias_norm", value), (step, "classifier", "bias_norm", 100 - value))
        ]
        for name, (middle, end) in by_arm.items()
    }


RIGHT = world(
    {FULL: 0.95, BOTH: 0.85},
    loss={FULL: 0.01, MEAN: 0.1, BOTH: 0.2, SHIFTED: 0.05},
    probes=biases(full=(1e-8, 1e-8), mean=(2.0, 5.0), both=(2.0, 5.0), shifted=(1.0, 1.5)),
)
WRONG = world(
    {FULL: 0.85, BOTH: 0.95},
    loss={FULL: 0.2, MEAN: 0.1, BOTH: 0.05, SHIFTED: 0.05},
    probes=biases(full=(6.0, 6.0), mean=(5.0, 5.0), both=(1.0, 1.0), shifted=(2.0, 3.0)),
)

LEVELS = {
    f"{gradient}, {'γ and β' if affine else 'no γ and β'}": {
        "norm.gradient": value, "norm.scale": affine, "norm.shift": affine,
    }
    for gradient, value in (("full", "full"), ("mean constant", "mean_stopped"), ("both constant", "stopped"))
    for affine in (False, True)
}  # fmt: skip
