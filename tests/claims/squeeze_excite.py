"""What the claims of `squeeze_excite` say, and the worlds where they are right and wrong."""

from claims.base.says import better
from claims.base.world import ranked, worlds

CLAIMS = {
    "Squeeze-and-excitation is more accurate than none.": better("average squeeze", "without"),
    "It is more accurate than a wider network of more parameters.": better("average squeeze", "without, wider"),
    "Average pooling is the better squeeze.": better("average squeeze", "max squeeze"),
}

RIGHT, WRONG = worlds(ranked("without", "without, wider", "max squeeze", "average squeeze"))
