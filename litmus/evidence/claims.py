"""Claims of the literature as data: the sentence, its source, the test over a study's records, and its verdict."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from litmus.evidence.estimate import NO_EFFECT, Effect, Estimate
from litmus.evidence.results import Analysis, Metric
from litmus.evidence.sides import Selector
from litmus.evidence.units import NUMBER, Unit, unit_of

Verdict = Literal["supported", "opposite", "smaller", "inconclusive"]

MEANING: dict[Verdict, str] = {
    "supported": "the effect's interval lies beyond the claim's practical threshold",
    "opposite": "it lies beyond zero on the other side, or, of a claim that two arms are alike, beyond the margin",
    "smaller": "it lies below the threshold: whatever effect there is, it is smaller than claimed",
    "inconclusive": "none of these, or runs are missing, or nothing can be seen where both sides are at the floor or "
    "the ceiling",
}
"""What each verdict says, the decided ones first."""


@dataclass(frozen=True)
class Finding:
    """A claim's verdict, the figures that carry it in a sentence, and the effect that was judged.

    `p_value` is the smallest alpha at whose interval the verdict still stands, 1 where there is none. `withheld` says,
    in two words, why there is no verdict whatever the interval says; empty where it decides.
    """

    verdict: Verdict
    evidence: str
    effect: Effect = NO_EFFECT
    p_value: float = 1.0
    withheld: str = ""


Test = Callable[[Analysis, float], Finding]
"""Holds a study's records against a claim, given its practical threshold."""


@dataclass(frozen=True)
class ArmTest:
    """A test that says what it speaks of, so that a slip is told before a study runs and not after.

    Args:
        test: the test itself.
        arms: what names the arms.
        metrics: what is compared.
        factors: whose levels are compared.
        equivalence: whether the claim's threshold is a margin that a difference must lie within.
        name: what the test is called.
        unit: how the effect is written; None for the unit of what is compared.
        level: whether the effect is a level and no difference: zero then means nothing.
        claimed: the value that a level is claimed to be near, NaN for none.
    """

    test: Test
    arms: tuple[Selector, ...]
    metrics: tuple[Metric, ...] = ()
    factors: tuple[str, ...] = ()
    equivalence: bool = False
    name: str = ""
    unit: Unit | None = None
    level: bool = False
    claimed: float = math.nan

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
        primary: whether the headline rests on it; where no claim of a study does, it rests on all.
    """

    sentence: str
    test: Test
    where: str = ""
    source: str = ""
    threshold: float = 0.0
    paper: str = ""
    primary: bool = False

    @property
    def unit(self) -> Unit:
        """The unit of the effect that is judged."""
        test = self.test if isinstance(self.test, ArmTest) else None
        if test is None:
            return NUMBER
        return test.unit or (unit_of(test.metrics[0]) if test.metrics else NUMBER)

    def cited(self, study_source: str) -> str:
        """Return where the claim was made: its source, or the study's, and the place in it."""
        return ", ".join(part for part in (self.source or study_source, self.where) if part)

    def find(self, analysis: Analysis) -> Finding:
        """Return what the records say of the claim."""
        return self.test(analysis, self.threshold)


def primary_claims(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims that the headline rests on: those that say so, all where none does."""
    return [claim for claim in claims if claim.primary] or list(claims)


def judge(effect: Estimate, threshold: float = 0.0) -> Verdict:
    """Return the verdict on "the effect exceeds `threshold`", by where its interval lies."""
    if effect.low > threshold:
        return "supported"
    if effect.high < min(threshold, 0.0):
        return "opposite"
    return "smaller" if effect.high < threshold else "inconclusive"


def judge_level(value: Estimate, threshold: float) -> Verdict:
    """Return the verdict on "the value is above `threshold`", which has no other side."""
    if value.low > threshold:
        return "supported"
    return "smaller" if value.high < threshold else "inconclusive"


def judge_equivalence(effect: Estimate, margin: float) -> Verdict:
    """Return the verdict on "there is no effect of `margin` or more": the interval lies within ±margin, or outside."""
    if -margin < effect.low and effect.high < margin:
        return "supported"
    return "opposite" if effect.low > margin or effect.high < -margin else "inconclusive"
