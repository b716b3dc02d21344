"""What the claims of `squeeze_excite` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import ranked, world

CLAIMS = {
    "Squeeze-and-excitation is more accurate than none.": better("average squeeze", "without"),
    "It is more accurate than a wider network of more parameters.": better("average squeeze", "without, wider"),
    "Average pooling is the better squeeze.": better("average squeeze", "max squeeze"),
}

RIGHT = world(ranked("without", "without, wider", "max squeeze", "average squeeze"))
WRONG = world(ranked("average squeeze", "max squeeze", "without, wider", "without"))

LEVELS = {
    "without": {"model.squeeze_excite": False, "model.squeeze": "average", "model.width": 16},
    "without, wider": {"model.squeeze_excite": False, "model.squeeze": "average", "model.width": 17},
    "average squeeze": {"model.squeeze_excite": True, "model.squeeze": "average", "model.width": 16},
    "max squeeze": {"model.squeeze_excite": True, "model.squeeze": "max", "model.width": 16},
}
