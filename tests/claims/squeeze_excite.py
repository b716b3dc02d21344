"""What the claims of `squeeze_excite` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better
from claims.base.world import Rows, ranked, worlds

CLAIMS = {
    "Squeeze-and-excitation is more accurate than none.": better("average squeeze", "without"),
    "It is more accurate than a wider network of more parameters.": better("average squeeze", "without, wider"),
    "Average pooling is the better squeeze.": better("average squeeze", "max squeeze"),
    "Excitations are more specific to the class in the last block than in the first.": about("average squeeze"),
}


def between_classes(first: float, last: float) -> Rows:
    """Return rows of the share of variance between classes; the layer between is set to mislead."""
    by_layer = {"block1": first, "block2": 1.0 - last, "block3": last}
    return {"average squeeze": [(20, layer, "between_classes", share) for layer, share in by_layer.items()]}


RIGHT, WRONG = worlds(
    ranked("without", "without, wider", "max squeeze", "average squeeze"),
    probes=(between_classes(0.1, 0.5), between_classes(0.5, 0.1)),
)
