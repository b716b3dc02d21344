"""What the claims of `layer_adaptation` say, and the worlds where they are right and wrong."""

from collections.abc import Mapping

from claims.base.says import about
from claims.base.world import Rows, world

PLAIN, RESIDUAL = "residual False", "residual True"

CLAIMS = {
    "In a plain network the first layer is more like its end than the last hidden one, while it trains.": about(PLAIN),
    "In a residual network, too.": about(RESIDUAL),
    "Counted from where it starts, too: a plain network's first layer is further on its way than its last.": about(
        PLAIN
    ),
    "And so in a residual network.": about(RESIDUAL),
}


def likeness(by_layer: Mapping[str, tuple[float, float]]) -> Rows:
    """Return rows of each layer's likeness at the start and halfway, by the layer's name."""
    rows = [
        (step, layer, "similarity_to_final", value)
        for layer, values in by_layer.items()
        for step, value in zip((0, 10, 20), (*values, 0.99), strict=True)
    ]
    return {PLAIN: rows, RESIDUAL: rows}


# The layers between and the classifier are set to mislead.
RIGHT = world(
    {}, probes=likeness({"conv": (0.6, 0.9), "middle": (0.0, 0.1), "last": (0.4, 0.5), "classifier": (0.9, 0.99)})
)
WRONG = world(
    {}, probes=likeness({"conv": (0.3, 0.4), "middle": (0.9, 0.99), "last": (0.7, 0.95), "classifier": (0.0, 0.1)})
)
