"""Claims of the literature as data: the sentence, its source, and the test over a study's records."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from studies.engine.analysis import Analysis

Verdict = Literal["supported", "contradicted", "inconclusive"]


@dataclass(frozen=True)
class Finding:
    """A claim's verdict and the figures that carry it, in a sentence."""

    verdict: Verdict
    evidence: str


@dataclass(frozen=True)
class Claim:
    """A statement, where it was made, and the function that holds a study's records against it."""

    sentence: str
    source: str
    test: Callable[[Analysis], Finding]
