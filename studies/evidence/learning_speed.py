"""How fast runs learn: steps to a target, where some never get there, and the area under the validation curve."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import integrate, optimize, stats

from litmus.metrics import metric_of
from studies.evidence.estimate import Estimate, proportion
from studies.evidence.results import ArmResult


@dataclass(frozen=True)
class Arrival:
    """When a run reached the target: at `steps`, or, where `reached` is false, not within the `steps` it was watched.

    Runs are watched at their evaluations; between two of them an arrival is interpolated. A run that diverged never
    arrives, which is more than not having been seen to: its `steps` are infinite.
    """

    steps: float
    reached: bool


NEVER = Arrival(math.inf, False)
"""Of a run that diverged before it reached the target."""


@dataclass(frozen=True)
class MedianArrival:
    """The Kaplan–Meier median of the steps to a target, with its 95 % interval; `reached` of `n` runs arrived.

    `steps` is the first step by which more than half of the runs are estimated to have arrived, infinite where none
    is: the median is then beyond what was run. `high` is infinite likewise. The ends are NaN where all runs arrive at
    the same evaluation, and `low` where none arrives.
    """

    steps: float
    low: float
    high: float
    reached: int
    n: int


@dataclass(frozen=True)
class Race:
    """Which of two arms arrives first, seed by seed.

    Args:
        first, second: pairs in which the one or the other is known to have arrived first.
        ties: pairs that arrived at the same evaluation, and pairs in which neither arrived.
        unknown: pairs left out, as the one run was no longer watched when the other arrived.
        p_value: of the exact two-sided sign test over the pairs that are no ties; NaN where there is none.
        probability_first: the share of pairs that the first arm wins, a tie counting one half, with its exact interval.
    """

    first: int
    second: int
    ties: int
    unknown: int
    p_value: float
    probability_first: Estimate


def arrivals(result: ArmResult, target: float, metric: str = "val_top1") -> dict[int, Arrival]:
    """Return each seed's arrival at `target`, over the runs of an arm that diverged, or finished and have a curve."""
    diverged = set(result.seeds("diverged"))
    found = {}
    for seed in sorted(diverged | (result.curves.keys() & set(result.seeds("finished")))):
        curve = result.curves.get(seed)
        seen = None if curve is None or metric not in curve else arrival(curve, target, metric)
        if seed in diverged and (seen is None or not seen.reached):
            seen = NEVER
        if seen is not None:
            found[seed] = seen
    return found


def arrival(curve: pd.DataFrame, target: float, metric: str = "val_top1") -> Arrival | None:
    """Return when a run's `metric`, smoothed, is first as good as `target`; None where it was never evaluated.

    The curve is smoothed by isotonic regression: the rising curve that is closest to it in squares (Barlow et al.
    1972), a mean over just those evaluations among which it does not rise. The first evaluation above a target is the
    earlier the noisier evaluations are; where the smoothed curve passes it is not, for noise above and below is alike.
    """
    steps, values = _evaluated(curve, metric)
    if not len(steps):
        return None
    known = metric_of(metric)
    # Of a metric of which less is better the curve falls: its mirror image rises.
    sign = 1.0 if known is None or known.higher_is_better else -1.0
    target *= sign
    rising = optimize.isotonic_regression(sign * values).x
    passed = np.flatnonzero(rising >= target - 1e-12)
    if not len(passed):
        return Arrival(float(steps[-1]), False)
    at = int(passed[0])
    if at == 0:
        return Arrival(float(steps[0]), True)
    share = (target - rising[at - 1]) / (rising[at] - rising[at - 1])
    return Arrival(float(steps[at - 1] + share * (steps[at] - steps[at - 1])), True)


def median_arrival(runs: Sequence[Arrival]) -> MedianArrival:
    """Return the median number of steps to the target, runs that did not arrive treated as censored.

    Such a run counts among those that could still arrive for as long as it was watched (Kaplan & Meier 1958), where
    dropping it would favour an arm that often fails, and taking its last step for its arrival would flatter it.
    The interval is that of statsmodels, on the complementary log-log scale. NaN for no runs.
    """
    if not runs:
        return MedianArrival(math.nan, math.nan, math.nan, 0, 0)
    reached = sum(run.reached for run in runs)
    if not reached:
        return MedianArrival(math.inf, math.nan, math.inf, 0, len(runs))
    # Importing statsmodels takes a second, which commands that only read records need not wait for.
    from statsmodels.duration.survfunc import SurvfuncRight

    # A run that diverged is watched for ever; for the estimate, as long as anything happens.
    last = max(run.steps for run in runs if math.isfinite(run.steps)) + 1
    survival = SurvfuncRight([min(run.steps, last) for run in runs], [int(run.reached) for run in runs])
    # Not `survival.quantile`: the product that makes one half may be rounded to below it.
    passed = np.flatnonzero(survival.surv_prob < 0.5 - 1e-9)
    median = float(survival.surv_times[passed[0]]) if len(passed) else math.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (float(end) for end in survival.quantile_ci(0.5))
    return MedianArrival(median, low, high, reached, len(runs))


def race(one: Mapping[int, Arrival], other: Mapping[int, Arrival]) -> Race:
    """Return which of two arms arrives first, over the seeds that both have and whose order is known."""
    outcomes = [_order(one[seed], other[seed]) for seed in sorted(one.keys() & other.keys())]
    first, second, ties = outcomes.count(1), outcomes.count(-1), outcomes.count(0)
    decided = first + second
    p_value = float(stats.binomtest(first, decided, 0.5).pvalue) if decided else math.nan
    share = proportion(first + ties / 2, decided + ties)
    return Race(first, second, ties, outcomes.count(None), p_value, share)


def area_under_curve(
    curve: pd.DataFrame, chance: float = 0.0, metric: str = "val_top1", budget: int | None = None
) -> float:
    """Return the mean of `metric` over a run's steps: the trapezoid's area under its curve over the steps' number.

    Before the first evaluation the curve rises from `chance` at step 0. `budget` is the number of steps to average
    over, the curve's own by default; NaN for a curve that ends before it, as what followed was not seen.
    """
    steps, values = _evaluated(curve, metric)
    end = float(budget) if budget is not None else (steps[-1] if len(steps) else 0.0)
    if not len(steps) or end <= 0 or steps[-1] < end:
        return math.nan
    if steps[0] > 0:
        steps, values = np.append(0.0, steps), np.append(chance, values)
    inside = steps < end
    steps, values = np.append(steps[inside], end), np.append(values[inside], np.interp(end, steps, values))
    return float(integrate.trapezoid(values, steps) / end)


def _evaluated(curve: pd.DataFrame, metric: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the steps at which `metric` was evaluated, in order, and its values there; of several the last one."""
    steps, values = curve["step"].to_numpy(dtype=float), curve[metric].to_numpy(dtype=float)
    there = ~np.isnan(values)
    distinct, last = np.unique(steps[there][::-1], return_index=True)
    return distinct, values[there][::-1][last]


def _order(one: Arrival, other: Arrival) -> int | None:
    """Return 1 where `one` is first, −1 where `other` is, 0 for a tie, None where it is not known."""
    if one.reached and other.reached:
        return int(one.steps < other.steps) - int(one.steps > other.steps)
    if not one.reached and not other.reached:
        return 0
    # The run that did not arrive was watched at this step, and had not.
    if one.reached:
        return 1 if one.steps <= other.steps else None
    return -1 if other.steps <= one.steps else None
