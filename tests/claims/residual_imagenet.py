"""What the claims of `residual_imagenet` say, and the worlds where they are right and wrong."""

from claims.base.says import Says, alike, better
from claims.base.world import world

PLAIN_18, PLAIN_34 = "plain, 18 layers", "plain, 34 layers"
RESIDUAL_18, RESIDUAL_34 = "residual, 18 layers", "residual, 34 layers"

CLAIMS = {
    "The plain network of 34 layers has a higher test error than that of 18.": better(PLAIN_18, PLAIN_34),
    "That is no overfitting: its training error is higher, too.": better(PLAIN_18, PLAIN_34, of="fit_top1"),
    "The residual network of 34 layers has a lower test error than that of 18.": better(RESIDUAL_34, RESIDUAL_18),
    "At 34 layers the residual network has the lower test error.": better(RESIDUAL_34, PLAIN_34),
    "At 18 layers the two are within a point of each other.": alike(RESIDUAL_18, PLAIN_18),
    "At 18 layers the residual network converges faster.": Says(
        (RESIDUAL_18,), (PLAIN_18,), (RESIDUAL_18, PLAIN_18), ("opposite", "inconclusive"), of=("val_top1",)
    ),
}

RIGHT = world(
    {PLAIN_18: 0.72, PLAIN_34: 0.70, RESIDUAL_18: 0.722, RESIDUAL_34: 0.75},
    train={PLAIN_18: 0.80, PLAIN_34: 0.75, RESIDUAL_18: 0.70, RESIDUAL_34: 0.60},
    val={PLAIN_18: 0.72, PLAIN_34: 0.80, RESIDUAL_18: 0.72, RESIDUAL_34: 0.60},
    steps={PLAIN_18: 400, PLAIN_34: 200, RESIDUAL_18: 200, RESIDUAL_34: 900},
)
WRONG = world(
    {PLAIN_18: 0.70, PLAIN_34: 0.74, RESIDUAL_18: 0.76, RESIDUAL_34: 0.71},
    train={PLAIN_18: 0.70, PLAIN_34: 0.80, RESIDUAL_18: 0.9, RESIDUAL_34: 0.8},
    val={PLAIN_18: 0.72, PLAIN_34: 0.70, RESIDUAL_18: 0.72, RESIDUAL_34: 0.75},
    steps={PLAIN_18: 200, PLAIN_34: 400, RESIDUAL_18: 400, RESIDUAL_34: 200},
)

LEVELS = {
    f"{kind}, {depth} layers": {"model.residual": kind == "residual", "model.name": f"resnet{depth}"}
    for kind in ("plain", "residual")
    for depth in (18, 34)
}
