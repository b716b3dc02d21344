"""What the claims of `residual_imagenet` say, and the worlds where they are right and wrong."""

from claims.base.says import better, faster
from claims.base.world import worlds

PLAIN_18, PLAIN_34 = "plain, 18 layers", "plain, 34 layers"
RESIDUAL_18, RESIDUAL_34 = "residual, 18 layers", "residual, 34 layers"

CLAIMS = {
    "The plain network of 34 layers has a higher test error than that of 18.": better(PLAIN_18, PLAIN_34),
    "That is no overfitting: its training error is higher, too.": better(PLAIN_18, PLAIN_34, of="fit_top1"),
    "The residual network of 34 layers has a lower test error than that of 18.": better(RESIDUAL_34, RESIDUAL_18),
    "At 34 layers the residual network has the lower test error.": better(RESIDUAL_34, PLAIN_34),
    "At 18 layers the residual network converges faster.": faster(RESIDUAL_18, PLAIN_18),
}

RIGHT, WRONG = worlds(
    {PLAIN_18: (0.72, 0.70), PLAIN_34: (0.70, 0.74), RESIDUAL_18: (0.722, 0.76), RESIDUAL_34: (0.75, 0.71)},
    train={PLAIN_18: (0.80, 0.70), PLAIN_34: (0.75, 0.80), RESIDUAL_18: (0.70, 0.9), RESIDUAL_34: (0.60, 0.8)},
    val={PLAIN_18: (0.72, 0.72), PLAIN_34: (0.80, 0.70), RESIDUAL_18: (0.72, 0.72), RESIDUAL_34: (0.60, 0.75)},
    steps={PLAIN_18: (400, 200), PLAIN_34: (200, 400), RESIDUAL_18: (200, 400), RESIDUAL_34: (900, 200)},
)
