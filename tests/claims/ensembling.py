"""What the claims of `ensembling` say, and the worlds where they are right and wrong."""

from typing import Any

import numpy
from claims.base.says import Says
from claims.base.world import world

NONE, BATCH = "norm none", "norm batch"


def beats(norm: str) -> Says:
    """Return that the ensemble of an arm's networks beats the best of them."""
    # A network that diverged is in no ensemble: where all did, there is none to judge.
    return Says(better=(norm,), worse=(), rests=(norm,), diverged=("inconclusive", "supported"), of=())


CLAIMS = {
    "An ensemble of networks with batch norm beats the best of them.": beats(BATCH),
    "An ensemble of networks without batch norm beats the best of them.": beats(NONE),
}


def errors_of_their_own(seed: int) -> dict[str, Any]:
    """Return logits of seeds that err on different images; the one that errs on none is bad on the validation split."""
    images = numpy.arange(200)
    return _logits((images % 5 != seed) | (seed == 4), validated=seed != 4)


def errors_in_common(seed: int) -> dict[str, Any]:
    """Return logits of seeds that all err on the same half, but for the one that is best on the validation split."""
    images = numpy.arange(200)
    return _logits((images % 2 == 0) if seed else (images % 10 != 0), validated=seed == 0)


def _logits(right: numpy.ndarray[Any, Any], validated: bool) -> dict[str, Any]:
    labels = numpy.arange(len(right)) % 10
    answers = numpy.where(right, labels, (labels + 1) % 10)
    validation_answers = labels if validated else (labels + 1) % 10
    return {
        "test_logits": 5.0 * numpy.eye(10)[answers],
        "test_labels": labels,
        "val_logits": 5.0 * numpy.eye(10)[validation_answers],
        "val_labels": labels,
    }


RIGHT = world({NONE: 0.8, BATCH: 0.9}, logits={NONE: errors_of_their_own, BATCH: errors_of_their_own})
WRONG = world({NONE: 0.8, BATCH: 0.9}, logits={NONE: errors_in_common, BATCH: errors_in_common})
