"""Every statistic of every arm as one tidy table: what the report shows and `statistics.csv` keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from studies.evidence.estimate import Estimate, bca_interval, proportion
from studies.evidence.paired import Comparison, compare, with_holm
from studies.evidence.results import Analysis, ArmResult, Metric


@dataclass(frozen=True)
class ArmStatistics:
    """One metric of one arm: its mean and bootstrap interval, and, but for the baseline, how it compares with that."""

    arm: ArmResult
    mean: Estimate
    bca: tuple[float, float]
    diverged: Estimate
    comparison: Comparison | None


def arm_statistics(analysis: Analysis, metric: Metric) -> list[ArmStatistics]:
    """Return the statistics of `metric` for each arm; Holm's correction is over all comparisons with the baseline.

    Differences are paired by seed. A diverged run has no value and is counted in `diverged`, a share of the runs that
    ended, with its exact interval.
    """
    reference = analysis.baseline.values(metric)
    others = [result for result in analysis.arms if not result.arm.is_baseline]
    compared = with_holm([compare(result.values(metric), reference) for result in others])
    comparisons = {result.label: each for result, each in zip(others, compared, strict=True)}
    statistics = []
    for result in analysis.arms:
        values = list(result.values(metric).values())
        diverged = result.count("diverged")
        statistics.append(
            ArmStatistics(
                result,
                result.estimate(metric),
                bca_interval(values),
                proportion(diverged, diverged + result.count("finished")),
                comparisons.get(result.label),
            )
        )
    return statistics


def metrics_of(analysis: Analysis) -> list[str]:
    """Return the metrics that the records hold, those of the test set first."""
    primary_metric = analysis.task.primary_metric
    names = [
        f"{split}_{name}" for split in ("test", "val", "train") for name in (primary_metric, "top5", "dice", "loss")
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
            "difference_bca_low": compared.bca[0],
            "difference_bca_high": compared.bca[1],
            "hedges_g_z": compared.hedges_g_z,
            "p_value": compared.p_value,
            "p_holm": compared.p_holm,
            **_interval("probability_of_improvement_", compared.probability_of_improvement),
            "minimum_detectable_effect": compared.minimum_detectable_effect,
        }
    return row


def _interval(prefix: str, value: Estimate) -> dict[str, float]:
    return {f"{prefix}mean": value.mean, f"{prefix}low": value.low, f"{prefix}high": value.high, f"{prefix}n": value.n}
