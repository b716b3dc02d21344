"""Claims of the literature as data: the sentence, its source, the test over a study's records, and its verdict."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from litmus.core.declaration import Declared
from litmus.core.errors import UserError
from litmus.evidence.differences import NothingToCompare, Selector, holm
from litmus.evidence.estimate import ALPHA, NO_EFFECT, Effect, Estimate
from litmus.evidence.results import Analysis, Metric
from litmus.evidence.units import NUMBER, Unit

Verdict = Literal["supported", "opposite", "smaller", "inconclusive"]

MEANING: dict[Verdict, str] = {
    "supported": "the effect's interval lies beyond the claim's practical threshold",
    "opposite": "it lies beyond zero on the other side, or, of a claim that two arms are alike, beyond the margin",
    "smaller": "it lies below the threshold: whatever effect there is, it is smaller than claimed",
    "inconclusive": "none of these, or runs are missing, or nothing can be seen where both sides are at the floor or "
    "the ceiling",
}
"""What each verdict says, the decided ones first."""

Region = tuple[float, float]
"""The effects (above low, below high) for which a claim is right; high is infinite where only a threshold counts."""


@dataclass(frozen=True)
class Finding:
    """A claim's verdict, the figures that it rests on in a sentence, and the effect that was judged.

    `p_value` is the smallest alpha at whose interval the verdict still holds, 1 where there is none. `withheld` says,
    in two words, why there is no verdict whatever the interval says; empty where the interval decides.
    """

    verdict: Verdict
    evidence: str
    effect: Effect = NO_EFFECT
    p_value: float = 1.0
    withheld: str = ""


Test = Callable[[Analysis, float], Finding]
"""Returns what a study's records say of a claim, given its practical threshold."""


@dataclass(frozen=True)
class Measurement:
    """What a test measured, before it is judged.

    `withheld` says in two words why there can be no verdict; the data cannot show any of the verdicts `unproven`.
    """

    effect: Effect
    evidence: str
    withheld: str = ""
    unproven: tuple[Verdict, ...] = ()


@dataclass(frozen=True)
class ArmTest(Declared):
    """A test that declares what it compares, so that a mistake is found before a study runs.

    Args:
        name: what the test is called.
        measure: returns the effect, given the records. Raises `NothingToCompare`.
        arms: the selectors of the arms.
        unit: how the effect is written.
        metrics: what is compared.
        factors: whose levels are compared.
        equivalence: whether the claim's threshold is a margin that the effect must lie within.
        level: whether the effect is a level and no difference: zero then means nothing.
        claimed: the value that an equivalence claims: 0 for two arms that are alike.
        boundary: the threshold as a value of the effect, of which it may be another function.
        options: what else the test was given, which makes it another one.
    """

    name: str
    measure: Callable[[Analysis], Measurement]
    arms: tuple[Selector, ...]
    unit: Unit
    metrics: tuple[Metric, ...] = ()
    factors: tuple[str, ...] = ()
    equivalence: bool = False
    level: bool = False
    claimed: float = 0.0
    boundary: Callable[[float], float] = float
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, analysis: Analysis, threshold: float) -> Finding:
        """Return what the records say."""
        try:
            found = self.measure(analysis)
        except NothingToCompare as reason:
            return Finding("inconclusive", str(reason), withheld=reason.withheld)
        evidence = f"{found.evidence}{self._to_be_shown(threshold)}"
        finding = finding_of(found.effect, self.region(threshold), evidence, found.withheld, self.level)
        if finding.verdict in found.unproven:
            return Finding("inconclusive", evidence, found.effect, withheld="only a bound")
        return finding

    def region(self, threshold: float) -> Region:
        """Return the effects for which a claim with this threshold is right."""
        if self.equivalence:
            return self.claimed - threshold, self.claimed + threshold
        return self.boundary(threshold), math.inf

    def _to_be_shown(self, threshold: float) -> str:
        """Return what the effect must be, as a sentence; empty where it must only be above zero."""
        size = self.unit.size(self.boundary(threshold))
        if self.level:
            value = self.unit.text(self.claimed if self.equivalence else threshold)
            return f" To be shown: {value} ± {size}." if self.equivalence else f" To be shown: above {value}."
        if self.equivalence:
            return f" To be shown: less than {size} either way."
        return f" To be shown: more than {size}." if threshold else ""


@dataclass(frozen=True)
class Claim(Declared):
    """A statement of the literature with its test.

    Args:
        sentence: what is claimed.
        test: the function that tests it on the records, such as `more("test_top1", WITH, than=WITHOUT)`.
        where: the place in the study's source where it is made: "figure 6 left".
        source: its source, where that is not the study's; shown with `where`.
        threshold: the practical threshold: an effect must be shown to exceed it, in the unit of what is measured.
        paper: the source's figure, shown next to ours.
        primary: whether the headline rests on it; where no claim of a study does, it rests on all but the checks.
        check: whether it is computed and not measured, as a count of parameters or an exact invariance: that it holds
            is no finding.
        answers: what the answer to the study's question is where the claim is right, `yes` or `no`; the report then
            begins with it.
    """

    sentence: str
    test: Test
    where: str = ""
    source: str = ""
    threshold: float = 0.0
    paper: str = ""
    primary: bool = False
    check: bool = False
    answers: Literal["", "yes", "no"] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.primary and self.check:
            raise UserError(f"claim {self.sentence!r} cannot be a primary one and a check")

    @property
    def unit(self) -> Unit:
        """The unit of the effect that is judged."""
        return self.test.unit if isinstance(self.test, ArmTest) else NUMBER

    @property
    def region(self) -> Region:
        """The effects for which the claim is right."""
        return self.test.region(self.threshold) if isinstance(self.test, ArmTest) else (self.threshold, math.inf)

    def cited(self, study_source: str) -> str:
        """Return where the claim was made: its source, or the study's, and the place in it."""
        return ", ".join(part for part in (self.source or study_source, self.where) if part)

    @property
    def key(self) -> dict[str, Any]:
        """What makes the claim the one that was planned: its sentence, its threshold and what its test compares."""
        test = self.test
        planned = {"sentence": self.sentence, "threshold": self.threshold, "primary": self.primary}
        if not isinstance(test, ArmTest):
            return {**planned, "test": _name(test)}
        return {
            **planned,
            "test": test.name,
            "arms": [each if isinstance(each, str) else dict(each) for each in test.arms],
            "metrics": [each if isinstance(each, str) else _name(each) for each in test.metrics],
            "factors": list(test.factors),
            "options": dict(test.options),
        }

    def find(self, analysis: Analysis) -> Finding:
        """Return what the records say of the claim."""
        return self.test(analysis, self.threshold)


def judge(effect: Estimate, region: Region, level: bool = False) -> Verdict:
    """Return the verdict on "the effect lies in the region", by where its interval lies.

    Above a threshold, the opposite lies beyond zero on the other side; a `level` has no other side.
    """
    low, high = region
    if low < effect.low and effect.high < high:
        return "supported"
    if math.isfinite(high):
        return "opposite" if effect.low > high or effect.high < low else "inconclusive"
    if effect.high < min(low, 0.0) and not level:
        return "opposite"
    return "smaller" if effect.high < low else "inconclusive"


def finding_of(effect: Effect, region: Region, evidence: str, withheld: str = "", level: bool = False) -> Finding:
    """Return the finding on "the effect lies in the region": inconclusive where the verdict is `withheld`."""
    verdict = "inconclusive" if withheld else judge(effect, region, level)
    if verdict == "inconclusive":
        return Finding(verdict, evidence, effect, withheld=withheld)
    # An interval below the threshold that shrinks to a point below zero ends beyond zero.
    standing = ("smaller", "opposite") if verdict == "smaller" else (verdict,)
    return Finding(
        verdict, evidence, effect, effect.smallest_alpha(lambda each: judge(each, region, level) in standing)
    )


def primary_claims(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims that the headline rests on: those that are primary, all but the checks where none is."""
    return [claim for claim in claims if claim.primary] or [claim for claim in claims if not claim.check]


def after_holm(findings: Sequence[tuple[Claim, Finding]]) -> list[Finding]:
    """Return each claim's finding for the headline, in their order: verdict and p-value after Holm's correction.

    A primary claim's verdict must hold after the correction over all primary claims (Holm 1979): the chance that any of
    these verdicts is false is then at most 5 %, whatever the truth. Other claims keep their verdict, each by itself.
    """
    primary = {id(claim) for claim in primary_claims([claim for claim, _ in findings])}
    p_values = iter(holm([finding.p_value for claim, finding in findings if id(claim) in primary]))
    held = []
    for claim, finding in findings:
        if id(claim) in primary:
            p_value = next(p_values)
            verdict = "inconclusive" if p_value > ALPHA else finding.verdict
            finding = replace(finding, verdict=verdict, p_value=p_value)
        held.append(finding)
    return held


def _name(function: object) -> str:
    """Return a function's name, of one within another the outer one's; of a measure, its function's."""
    inner = getattr(function, "function", function)
    return str(getattr(inner, "__qualname__", type(inner).__name__)).partition(".")[0]
