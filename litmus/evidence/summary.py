"""A study's statistics, computed once: its report, its table of statistics and its answer are all written from them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from litmus.evidence.claim_tests import interaction
from litmus.evidence.claims import Claim, Finding, Verdict, after_holm, primary_claims
from litmus.evidence.differences import Comparison, compare, contrast, side_of_arm, with_holm
from litmus.evidence.estimate import (
    ALPHA,
    NO_EFFECT,
    Effect,
    Estimate,
    normal_critical,
    proportion,
    risk_difference,
)
from litmus.evidence.power import seeds_to_decide
from litmus.evidence.preregistration import Registration, registration
from litmus.evidence.results import Analysis, ArmResult, Metric, analyse
from litmus.records.study_record import arm_label, short_name

MOST = 100
"""Seeds of an arm beyond which no number is named: at effects so small something else has to change."""


@dataclass(frozen=True)
class ArmStatistics:
    """One metric of one arm: its mean with its interval, and, but for the baseline, how it compares with that.

    `diverged` is the share of its runs that failed, `more_diverged` that share less the baseline's, each with its
    interval.
    """

    arm: ArmResult
    mean: Estimate
    diverged: Estimate
    more_diverged: Estimate
    comparison: Comparison | None


@dataclass(frozen=True)
class Interaction:
    """How the effect of a 2×2 product's first factor differs between the levels of its second.

    Args:
        of: the first factor, `on` the second, each by its short name.
        level: the first factor's level whose effect is meant, as arms are called.
        effects: that effect at each level of the second factor.
        finding: the second level's effect less the first's.
    """

    of: str
    on: str
    level: str
    effects: dict[str, Effect]
    finding: Finding


@dataclass(frozen=True)
class StudySummary:
    """The statistics of a study.

    Args:
        analysis: the arms and their runs.
        findings: each claim with its verdict.
        judged: every arm's statistics of the metric on the test set.
        others: those of the other metrics that the records hold, by name.
        measures: those of the study's measures, by name.
        registration: what of it was planned before the first run.
    """

    analysis: Analysis
    findings: tuple[tuple[Claim, Finding], ...]
    judged: list[ArmStatistics]
    others: dict[str, list[ArmStatistics]]
    measures: dict[str, list[ArmStatistics]]
    registration: Registration

    @cached_property
    def interaction(self) -> Interaction | None:
        """The interaction of a product of two factors with two levels each; None for other studies."""
        analysis, study = self.analysis, self.analysis.study
        levels, base = study.factors, study.baseline.levels
        if not study.full_product or len(study.arms) != 4 or [len(each) for each in levels.values()] != [2, 2]:
            return None
        first, second = levels
        (level,) = (each for each in levels[first] if each != base[first])
        effects, pairs = {}, []
        for at in sorted(levels[second], key=lambda each: each != base[second]):
            pair = {first: level, second: at}, {first: base[first], second: at}
            sides = [(sign, side_of_arm(analysis.at(arm)[0])) for sign, arm in zip((1.0, -1.0), pair, strict=True)]
            effects[arm_label({second: at}, study.level_names)] = contrast(analysis, analysis.test_metric, sides)
            pairs.append(pair)
        finding = interaction(analysis.test_metric, of=pairs[1], than=pairs[0])(analysis, 0.0)
        called = arm_label({first: level}, study.level_names)
        return Interaction(short_name(first), short_name(second), called, effects, finding)

    @cached_property
    def headline(self) -> list[Verdict]:
        """Each claim's verdict for the headline: that of a primary one must hold after Holm's correction."""
        return [finding.verdict for finding in after_holm(self.findings)]

    @property
    def statistics(self) -> dict[str, list[ArmStatistics]]:
        """Every arm's statistics of everything that was measured, by name."""
        judged = {self.analysis.test_metric: self.judged} if any(each.mean.n for each in self.judged) else {}
        return {**judged, **self.others, **self.measures}


def summarise(
    study: str | Path | Analysis, claims: Sequence[Claim] = (), measures: Mapping[str, Metric] | None = None
) -> StudySummary:
    """Return the statistics of a study, given its folder or its analysis, of its claims and of its measures.

    Raises `UserError` where there is no study.
    """
    analysis = study if isinstance(study, Analysis) else analyse(study)
    others = [name for name in metrics_of(analysis) if name != analysis.test_metric]
    return StudySummary(
        analysis=analysis,
        findings=tuple((claim, claim.find(analysis)) for claim in claims),
        judged=arm_statistics(analysis, analysis.test_metric),
        others={name: arm_statistics(analysis, name) for name in others},
        measures={name: arm_statistics(analysis, metric) for name, metric in (measures or {}).items()},
        registration=registration(analysis.directory, analysis.study),
    )


def metrics_of(analysis: Analysis) -> list[str]:
    """Return the columns of the task's metrics that the records hold, those of the test set first.

    Of each split the primary metric comes first and the loss last.
    """
    task = analysis.task
    evaluated = sorted(task.evaluated, key=lambda name: (name != task.primary_metric, name == "loss"))
    names = [f"{split}_{name}" for split in ("test", "val") for name in evaluated]
    names += [*reversed(task.fit_columns), *reversed(task.training_columns), f"best_val_{task.primary_metric}"]
    return [name for name in (*names, "seconds") if any(result.values(name) for result in analysis.arms)]


def arm_statistics(analysis: Analysis, metric: Metric) -> list[ArmStatistics]:
    """Return the statistics of `metric` for each arm; Holm's correction is over all comparisons with the baseline.

    Differences are paired by seed. A diverged run counts with its outcome, see `ArmResult.outcomes`.
    """
    baseline = analysis.baseline
    others = [result for result in analysis.arms if not result.arm.is_baseline]
    compared = with_holm([compare(analysis, result, metric) for result in others])
    comparisons = {result.label: each for result, each in zip(others, compared, strict=True)}
    of_baseline = len(baseline.failed), baseline.ended
    statistics = []
    for result in analysis.arms:
        diverged, ended = len(result.failed), result.ended
        statistics.append(
            ArmStatistics(
                result,
                result.estimate(metric),
                proportion(diverged, ended),
                risk_difference(diverged, ended, *of_baseline) if diverged or of_baseline[0] else NO_EFFECT,
                comparisons.get(result.label),
            )
        )
    return statistics


def statistics_table(statistics: Mapping[str, Sequence[ArmStatistics]]) -> pd.DataFrame:
    """Return a row for each arm of each metric or measure; accuracies are fractions, missing values empty."""
    return pd.DataFrame([{"metric": name, **_row(each)} for name, arms in statistics.items() for each in arms])


def _row(each: ArmStatistics) -> dict[str, Any]:
    row: dict[str, Any] = {
        "arm": each.arm.label,
        "baseline": each.arm.arm.is_baseline,
        **_interval("", each.mean),
        "sd": each.mean.sd,
        "diverged": len(each.arm.failed),
        "diverged_share_low": each.diverged.low,
        "diverged_share_high": each.diverged.high,
        "missing": each.arm.missing,
    }
    if each.comparison is not None:
        compared, difference = each.comparison, each.comparison.difference
        row |= {
            **_interval("difference_", difference),
            "difference_sd": difference.sd,
            "difference_seeds_only_low": difference.seeds_only.low,
            "difference_seeds_only_high": difference.seeds_only.high,
            "difference_seed_error": difference.seed_error,
            "difference_image_error": difference.image_error,
            "paired": difference.paired,
            "anytime_valid": difference.sampling.is_anytime(difference.n),
            "hedges_g_z": difference.hedges_g_z,
            "p_value": difference.p_value,
            "p_holm": compared.p_holm,
            **_interval("probability_of_improvement_", compared.improvement),
            "minimum_detectable_effect": compared.minimum_detectable_effect,
            **_interval("more_diverged_", each.more_diverged),
        }
    return row


def _interval(prefix: str, value: Estimate) -> dict[str, float]:
    return {f"{prefix}mean": value.mean, f"{prefix}low": value.low, f"{prefix}high": value.high, f"{prefix}n": value.n}


@dataclass(frozen=True)
class Undecided:
    """A claim or an arm's difference that is inconclusive; `seeds` would decide it, None where no number up to `MOST`
    does. `by_images` says that no number of seeds could: the test set is too small for the effect.
    """

    what: str
    seeds: int | None
    by_images: bool = False


def undecided(summary: StudySummary) -> list[Undecided]:
    """Return the primary claims that are inconclusive; of a study without claims, the arms whose difference is.

    What is inconclusive for another reason than its interval's width (runs are missing, both sides are at the ceiling)
    is left out: seeds would not help.
    """
    found: list[tuple[str, Effect, float]] = []
    if summary.findings:
        claims = primary_claims([claim for claim, _ in summary.findings])
        alpha = ALPHA / len(claims)
        for (claim, finding), verdict in zip(summary.findings, summary.headline, strict=True):
            if verdict == "inconclusive" and claim in claims:
                distance = min(abs(finding.effect.mean - end) for end in claim.region)
                found.append((claim.sentence, finding.effect, distance))
    else:
        compared = [(each.arm.label, each.comparison) for each in summary.judged if each.comparison is not None]
        compared = [(label, comparison) for label, comparison in compared if comparison.difference.n]
        alpha = ALPHA / max(1, len(compared))
        for label, comparison in compared:
            if not comparison.p_holm < ALPHA:
                found.append((label, comparison.difference, abs(comparison.difference.mean)))
    return [
        Undecided(
            what,
            seeds_to_decide(effect, distance, MOST, alpha),
            by_images=normal_critical(alpha) * effect.image_error >= distance,
        )
        for what, effect, distance in found
        if effect.n >= 2 and not math.isnan(effect.half_width(alpha)) and distance < effect.half_width(alpha)
    ]
