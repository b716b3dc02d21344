"""What the claims of `regularisers` say, and the worlds where they are right and wrong."""

from claims.base.says import better, gap
from claims.base.world import worlds

CLAIMS = {
    "Mixup raises test accuracy.": better("mixup", "none"),
    "Mixup narrows the gap between training and test accuracy.": gap("mixup", "none"),
    "Cutout raises test accuracy.": better("cutout", "none"),
    "CutMix raises test accuracy.": better("CutMix", "none"),
    "Label smoothing raises test accuracy.": better("label smoothing", "none"),
    "Dropout raises test accuracy.": better("dropout", "none"),
    "Weight decay raises test accuracy.": better("weight decay", "none"),
}

RIGHT, WRONG = worlds(
    {
        "none": (0.70, 0.90),
        "mixup": (0.75, 0.80),
        "cutout": (0.76, 0.79),
        "CutMix": (0.77, 0.78),
        "label smoothing": (0.78, 0.77),
        "dropout": (0.79, 0.76),
        "weight decay": (0.80, 0.75),
    },
    train={"none": (0.99, 0.92), "mixup": (0.85, 0.99)},
)
