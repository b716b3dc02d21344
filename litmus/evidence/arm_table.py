"""Every statistic of every arm as one tidy table: what the report shows and `statistics.csv` keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from litmus.evidence.differences import Comparison, compare, difference, with_holm
from litmus.evidence.estimate import NO_EFFECT, NO_ESTIMATE, TAIL, Estimate, bca_interval, estimate, proportion
from litmus.evidence.results import Analysis, ArmResult, Metric, guessed

_GRID = 401
"""Risks at which the nuisance parameter is tried."""


def risk_difference(first: int, of_first: int, second: int, of_second: int) -> Estimate:
    """Return the difference of two risks, `first` of `of_first` runs less `second` of `of_second`, with its interval.

    The 95 % interval is exact and unconditional (Santner & Snell 1980; Chan & Zhang 1999 for the search over the
    nuisance parameter): a difference lies in it where the data's or a more extreme one has a chance above 2.5 % at some
    pair of risks that differ by so much. The runs of a seed are taken as independent; that they share data and initial
    weights makes both more often diverge together, and the interval longer than it need be.
    """
    if not of_first or not of_second:
        return NO_ESTIMATE
    observed = first / of_first - second / of_second
    high = -_lowest(of_second, of_first, -observed)
    return Estimate(observed, _lowest(of_first, of_second, observed), high, of_first + of_second)


def _lowest(of_first: int, of_second: int, observed: float) -> float:
    """Return the least difference at which one as high as `observed` or higher is not too improbable."""
    if observed <= -1:
        return -1.0
    low, high = -1.0, observed
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if _chance(of_first, of_second, observed, middle) < TAIL else (low, middle)
    return low


def _chance(of_first: int, of_second: int, observed: float, difference: float) -> float:
    """Return the largest chance of a difference of at least `observed`, over the pairs of risks that differ so much."""
    from scipy import special

    second = np.linspace(max(0.0, -difference), min(1.0, 1 - difference), _GRID)
    one, other = np.arange(of_first + 1), np.arange(of_second + 1)
    mass = [
        special.binom(n, counts)[:, None] * p ** counts[:, None] * (1 - p) ** (n - counts)[:, None]
        for n, counts, p in ((of_first, one, second + difference), (of_second, other, second))
    ]
    as_high = one[:, None] / of_first - other / of_second >= observed - 1e-12
    return float(np.einsum("ig,jg,ij->g", mass[0], mass[1], as_high.astype(float)).max())


@dataclass(frozen=True)
class ArmStatistics:
    """One metric of one arm: its mean with its interval, and, but for the baseline, how it compares with that.

    `diverged` is the share of its runs that diverged, `more_diverged` that share less the baseline's, each with its
    exact interval.
    """

    arm: ArmResult
    outcomes: tuple[float, ...]
    mean: Estimate
    diverged: Estimate
    more_diverged: Estimate
    comparison: Comparison | None

    @cached_property
    def bca(self) -> tuple[float, float]:
        """The mean's 95 % bootstrap interval over the seeds (low, high), see `bca_interval`."""
        return bca_interval(self.outcomes)


def arm_statistics(analysis: Analysis, metric: Metric) -> list[ArmStatistics]:
    """Return the statistics of `metric` for each arm; Holm's correction is over all comparisons with the baseline.

    Differences are paired by seed. A diverged run counts with its outcome, see `ArmResult.outcomes`; in a metric where
    it has none, what is left would be a selection, and an arm with such a run is not compared.
    """
    baseline = analysis.baseline
    others = [result for result in analysis.arms if not result.arm.is_baseline]
    compared = with_holm([_comparison(analysis, metric, result) for result in others])
    comparisons = {result.label: each for result, each in zip(others, compared, strict=True)}
    of_baseline = baseline.count("diverged"), _ended(baseline)
    statistics = []
    for result in analysis.arms:
        diverged, ended = result.count("diverged"), _ended(result)
        outcomes = tuple(result.outcomes(metric).values())
        statistics.append(
            ArmStatistics(
                result,
                outcomes,
                estimate(outcomes),
                proportion(diverged, ended),
                risk_difference(diverged, ended, *of_baseline) if diverged or of_baseline[0] else NO_EFFECT,
                comparisons.get(result.label),
            )
        )
    return statistics


def _comparison(analysis: Analysis, metric: Metric, result: ArmResult) -> Comparison:
    reference = analysis.baseline
    if not guessed(metric) and (result.count("diverged") or reference.count("diverged")):
        return compare({}, {}, NO_EFFECT)
    return compare(result.outcomes(metric), reference.outcomes(metric), difference(analysis, result, metric))


def _ended(result: ArmResult) -> int:
    return result.count("finished") + result.count("diverged")


def metrics_of(analysis: Analysis) -> list[str]:
    """Return the metrics that the records hold, those of the test set first."""
    primary_metric = analysis.task.primary_metric
    names = [
        f"{split}_{name}"
        for split in ("test", "val", "fit", "train")
        for name in (primary_metric, "top5", "dice", "loss")
    ]
    names += [f"best_val_{primary_metric}", "seconds"]
    return [name for name in names if any(result.values(name) for result in analysis.arms)]


def statistics_table(statistics: Mapping[str, Sequence[ArmStatistics]]) -> pd.DataFrame:
    """Return a row for each arm of each metric or measure; accuracies are fractions, missing values empty."""
    return pd.DataFrame([{"metric": name, **_row(each)} for name, arms in statistics.items() for each in arms])


def _row(each: ArmStatistics) -> dict[str, Any]:
    row: dict[str, Any] = {
        "arm": each.arm.label,
        "baseline": each.arm.arm.is_baseline,
        **_interval("", each.mean),
        "sd": each.mean.sd,
        "bca_low": each.bca[0],
        "bca_high": each.bca[1],
        "diverged": each.arm.count("diverged"),
        "diverged_share_low": each.diverged.low,
        "diverged_share_high": each.diverged.high,
        "missing": each.arm.missing,
    }
    if each.comparison is not None:
        compared = each.comparison
        row |= {
            **_interval("difference_", compared.difference),
            "difference_sd": compared.difference.sd,
            "difference_seeds_only_low": compared.difference.seeds_only.low,
            "difference_seeds_only_high": compared.difference.seeds_only.high,
            "difference_seed_error": compared.difference.seed_error,
            "difference_image_error": compared.difference.image_error,
            "anytime_valid": compared.difference.sampling.is_anytime(compared.difference.n),
            "difference_bca_low": compared.bca[0],
            "difference_bca_high": compared.bca[1],
            "hedges_g_z": compared.hedges_g_z,
            "p_value": compared.p_value,
            "p_holm": compared.p_holm,
            **_interval("probability_of_improvement_", compared.probability_of_improvement),
            "minimum_detectable_effect": compared.minimum_detectable_effect,
            "pairing_correlation": compared.pairing.correlation,
            "pairing_variance_ratio": compared.pairing.variance_ratio,
            **_interval("more_diverged_", each.more_diverged),
        }
        if compared.difference.seeds:  # more than one to a validation split
            row["difference_split_error"] = compared.difference.split_error
    return row


def _interval(prefix: str, value: Estimate) -> dict[str, float]:
    return {f"{prefix}mean": value.mean, f"{prefix}low": value.low, f"{prefix}high": value.high, f"{prefix}n": value.n}
