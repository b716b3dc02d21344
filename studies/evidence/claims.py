"""Claims of the literature as data: the sentence, its source, the test over a study's records, and its verdict."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from studies.evidence.estimate import NO_ESTIMATE, Estimate
from studies.evidence.results import Analysis, Metric

Verdict = Literal["supported", "contradicted", "inconclusive"]


@dataclass(frozen=True)
class Finding:
    """A claim's verdict, the figures that carry it in a sentence, and the effect that was judged."""

    verdict: Verdict
    evidence: str
    effect: Estimate = NO_ESTIMATE


Test = Callable[[Analysis, float], Finding]
"""Holds a study's records against a claim, given its practical threshold."""

Selector = str | Mapping[str, Any]
"""Names arms: one by its label, or those at these levels of these factors."""


@dataclass(frozen=True)
class ArmTest:
    """A test that says what it speaks of, so that a slip is told before a study runs and not after.

    Args:
        test: the test itself.
        arms: what names the arms.
        metrics: what is compared.
        factors: whose levels are compared.
        equivalence: whether the claim's threshold is a margin that a difference must lie within.
    """

    test: Test
    arms: tuple[Selector, ...]
    metrics: tuple[Metric, ...] = ()
    factors: tuple[str, ...] = ()
    equivalence: bool = False

    def __call__(self, analysis: Analysis, threshold: float) -> Finding:
        """Return what the records say."""
        return self.test(analysis, threshold)


@dataclass(frozen=True)
class Claim:
    """A statement of the literature, turned into a test.

    Args:
        sentence: what is claimed.
        test: the function that holds the records against it, such as `more("test_top1", WITH, than=WITHOUT)`.
        where: the place in the study's source where it is made: "figure 6 left".
        source: its own source, where it is not the study's; with `where`, the two are told together.
        threshold: the practical threshold: an effect must be shown to exceed it, in the unit of what is measured.
        paper: the source's own figure, shown beside ours.
    """

    sentence: str
    test: Test
    where: str = ""
    source: str = ""
    threshold: float = 0.0
    paper: str = ""

    def cited(self, study_source: str) -> str:
        """Return where the claim was made: its source, or the study's, and the place in it."""
        return ", ".join(part for part in (self.source or study_source, self.where) if part)

    def find(self, analysis: Analysis) -> Finding:
        """Return what the records say of the claim."""
        return self.test(analysis, self.threshold)


def judge(effect: Estimate, threshold: float = 0.0) -> Verdict:
    """Return the verdict on "the effect exceeds `threshold`": its 95 % interval lies above it, below it, or neither."""
    if effect.low > threshold:
        return "supported"
    return "contradicted" if effect.high < threshold else "inconclusive"


def judge_equivalence(effect: Estimate, margin: float) -> Verdict:
    """Return the verdict on "there is no effect of `margin` or more": the interval lies within ±margin, or outside."""
    if -margin < effect.low and effect.high < margin:
        return "supported"
    return "contradicted" if effect.low > margin or effect.high < -margin else "inconclusive"
