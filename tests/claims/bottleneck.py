"""What the claims of `bottleneck` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better
from claims.base.world import costs, worlds

DEEPER, BASIC, AS_DEEP = "bottleneck, 29 layers", "basic, 20 layers", "bottleneck, 20 layers"

CLAIMS = {
    "At equal cost the deeper network of bottlenecks is more accurate.": better(DEEPER, BASIC),
    "The two cost the same FLOPs, to 10 %.": about(DEEPER, BASIC, of=("flops",)),
}

RIGHT, WRONG = worlds(
    {DEEPER: (0.95, 0.90), BASIC: (0.90, 0.95), AS_DEEP: (0.30, 0.99)},
    cost=(
        costs(
            flops={DEEPER: 105.0, BASIC: 100.0, AS_DEEP: 70.0},
            parameters={DEEPER: 200.0, BASIC: 100.0, AS_DEEP: 70.0},
        ),
        costs(
            flops={DEEPER: 115.0, BASIC: 100.0, AS_DEEP: 100.0},
            parameters=dict.fromkeys((DEEPER, BASIC, AS_DEEP), 100.0),
        ),
    ),
)
