"""A study's evidence, computed once: what its report, its table of statistics and its answer are all written from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from scipy import stats

from litmus.core.errors import UserError
from litmus.evidence.arm_table import ArmStatistics, arm_statistics, metrics_of
from litmus.evidence.claims import ArmTest, Claim, Finding, Verdict, primary_claims
from litmus.evidence.estimate import Effect
from litmus.evidence.factorial import Factorial, factorial_effects
from litmus.evidence.family import headline
from litmus.evidence.power import ALPHA, POWER
from litmus.evidence.registration import NOT_REGISTERED, Registration, registration
from litmus.evidence.results import Analysis, Metric, analyse


@dataclass(frozen=True)
class StudySummary:
    """What a study's records say.

    Args:
        analysis: the arms and their runs.
        findings: each claim with its verdict.
        judged: every arm's statistics of the metric on the test set.
        others: those of the other metrics that the records hold, by name.
        measures: those of the study's own measures, by name.
        main_effects: the analysis of variance of a study that is a full product of factors; the reason where that
            cannot be had; None for another study.
        registration: what of it was planned before the first run.
    """

    analysis: Analysis
    findings: tuple[tuple[Claim, Finding], ...]
    judged: list[ArmStatistics]
    others: dict[str, list[ArmStatistics]]
    measures: dict[str, list[ArmStatistics]]
    main_effects: Factorial | str | None
    registration: Registration = NOT_REGISTERED

    @cached_property
    def headline(self) -> list[Verdict]:
        """Each claim's verdict for the headline: that of a primary one must stand after Holm's correction."""
        return headline(self.findings)

    @property
    def statistics(self) -> dict[str, list[ArmStatistics]]:
        """Every arm's statistics of everything that was measured, by name."""
        judged = {self.analysis.test_metric: self.judged} if any(each.mean.n for each in self.judged) else {}
        return {**judged, **self.others, **self.measures}


def summarise(
    directory: str | Path, claims: Sequence[Claim] = (), measures: Mapping[str, Metric] | None = None
) -> StudySummary:
    """Read the study in `directory`, hold its records against `claims` and reduce them by `measures`.

    Raises `UserError` where there is no study.
    """
    analysis = analyse(directory)
    return StudySummary(
        analysis=analysis,
        findings=tuple((claim, claim.find(analysis)) for claim in claims),
        judged=arm_statistics(analysis, analysis.test_metric),
        others={name: arm_statistics(analysis, name) for name in metrics_of(analysis) if name != analysis.test_metric},
        measures={name: arm_statistics(analysis, metric) for name, metric in (measures or {}).items()},
        main_effects=_main_effects(analysis),
        registration=registration(analysis.directory, analysis.study),
    )


def _main_effects(analysis: Analysis) -> Factorial | str | None:
    if analysis.matched_factor is None:
        return None
    try:
        return factorial_effects(analysis, analysis.test_metric)
    except UserError as error:
        return str(error)


MOST = 10_000
"""Seeds beyond which nobody looks for the number."""


@dataclass(frozen=True)
class Undecided:
    """A claim or an arm's difference that is inconclusive; `seeds` would decide it, None where no number below `MOST`
    does, for the effect is too small beside its errors, or the test set too small for it.
    """

    what: str
    seeds: int | None


def undecided(summary: StudySummary) -> list[Undecided]:
    """Return the primary claims that are inconclusive; of a study without claims, the arms whose difference is.

    What is inconclusive for another reason than its interval's width (runs are missing, both sides are at the ceiling)
    is left out: seeds would not help.
    """
    if summary.findings:
        claims = primary_claims([claim for claim, _ in summary.findings])
        alpha = ALPHA / len(claims)
        judged = [
            (claim, finding)
            for (claim, finding), held in zip(summary.findings, summary.headline, strict=True)
            if held == "inconclusive" and claim in claims
        ]
        found = [(claim.sentence, finding.effect, _distance(claim, finding)) for claim, finding in judged]
    else:
        compared = [each for each in summary.judged if each.comparison is not None and each.comparison.difference.n]
        alpha = ALPHA / max(1, len(compared))
        found = [
            (each.arm.label, each.comparison.difference, abs(each.comparison.difference.mean))
            for each in compared
            if each.comparison is not None and not each.comparison.p_holm < ALPHA
        ]
    return [
        Undecided(what, seeds_to_decide(effect, distance, alpha))
        for what, effect, distance in found
        if effect.n >= 2 and not math.isnan(effect.half_width(alpha)) and distance < effect.half_width(alpha)
    ]


def seeds_to_decide(effect: Effect, distance: float, alpha: float = ALPHA) -> int | None:
    """Return the fewest seeds whose interval at level 1 − `alpha` is, with 80 % power, narrower than `distance`.

    `distance` is that of the effect from where its verdict changes. The errors are those of `effect`, in which that of
    the test images does not shrink with seeds, and its interval is the anytime-valid one beyond the planned number, as
    it will be. None beyond `MOST`.
    """
    chance = float(stats.norm.ppf(POWER))

    def decides(n: int) -> bool:
        more = replace(effect, n=n)
        return more.half_width(alpha) + chance * more.seed_error <= distance

    if not distance > 0 or not decides(MOST):
        return None
    too_few, enough = effect.n, MOST
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if decides(middle) else (middle, enough)
    return enough


def _distance(claim: Claim, finding: Finding) -> float:
    mean = finding.effect.mean
    if isinstance(claim.test, ArmTest) and claim.test.equivalence:
        return abs(abs(mean) - claim.threshold)
    return abs(mean - claim.threshold)
