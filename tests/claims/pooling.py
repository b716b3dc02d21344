"""What the claims of `pooling` say, and the worlds where they are right and wrong."""

from collections.abc import Mapping

from claims.base.says import about, better, gap
from claims.base.world import Rows, costs, worlds

pooled = "pooling {}".format

CLAIMS = {
    "Max pooling is more accurate than average pooling.": better(pooled("max"), pooled("average")),
    "L2 pooling is more accurate than average pooling.": better(pooled("l2"), pooled("average")),
    "A trained convolution at stride 2 costs no accuracy, to two points.": better(
        pooled("convolution"), pooled("max")
    ),
    "Max pooling makes answers more invariant to shifts than leaving every other position out.": about(
        pooled("max"), pooled("subsample")
    ),
    "So does average pooling.": about(pooled("average"), pooled("subsample")),
    "Max pooling makes answers more invariant to changes of size than leaving every other position out.": about(
        pooled("max"), pooled("subsample")
    ),
    "And to rotations.": about(pooled("max"), pooled("subsample")),
    "Max pooling is not enough: blurred before positions are left out, answers are more invariant.": about(
        pooled("blurred_max"), pooled("max")
    ),
    "The blur costs no accuracy, to a point.": better(pooled("blurred_max"), pooled("max")),
    "Pooling controls overfitting: without it training accuracy is further above test accuracy.": gap(
        pooled("none"), pooled("max")
    ),
    "Pooling saves computation: without it an image costs over twice the FLOPs.": about(
        pooled("none"), pooled("max"), of=("flops",)
    ),
}  # fmt: skip


def kept(by_kind: Mapping[str, float]) -> Rows:
    """Return rows of answers that are kept; for a shift by two pixels, of which no claim speaks, the opposite."""
    return {
        pooled(kind): [
            (20, "", "same_answer_1", share),
            (20, "", "same_answer_2", 1 - share),
            (20, "", "same_answer_scaled", share),
            (20, "", "same_answer_rotated", share),
        ]
        for kind, share in by_kind.items()
    }


RIGHT, WRONG = worlds(
    {
        pooled("max"): (0.8, 0.7), pooled("average"): (0.7, 0.8), pooled("l2"): (0.75, 0.75),
        pooled("convolution"): (0.79, 0.6), pooled("blurred_max"): (0.795, 0.6), pooled("subsample"): (0.9, 0.5),
        pooled("none"): (0.6, 0.8),
    },
    train={pooled("max"): (0.85, 0.9), pooled("none"): (0.95, 0.82)},
    cost=tuple(costs(flops={pooled("max"): 1.0, pooled("none"): ratio}) for ratio in (3.0, 0.5)),
    probes=(
        kept({"max": 0.8, "average": 0.85, "subsample": 0.6, "blurred_max": 0.9}),
        kept({"max": 0.6, "average": 0.65, "subsample": 0.8, "blurred_max": 0.5}),
    ),
)  # fmt: skip
