"""Learning curves: when a run reaches a target, and the test of who learns sooner."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from litmus.core.errors import UserError, require_choice
from litmus.core.metrics import metric_of
from litmus.evidence.claim_tests import missing_runs
from litmus.evidence.claims import ArmTest, Measurement, Verdict
from litmus.evidence.differences import NothingToCompare, Selector, Side, arms_of, distinct, side_of, side_of_arm
from litmus.evidence.estimate import effect_of
from litmus.evidence.results import Analysis, ArmResult
from litmus.evidence.units import LogRatio

SPEED = LogRatio("", "times as fast")
ChosenFor = Literal["accuracy", "speed"]


@dataclass(frozen=True)
class Arrival:
    """When a run reached the target: at `steps`, or, where `reached` is false, not within the `steps` it was watched.

    Runs are watched at their evaluations; between two of them an arrival is interpolated. A run that had arrived at its
    `first` evaluation may have done so at any step before. A run that diverged never arrives, which is more than not
    having been seen to: its `steps` are infinite.
    """

    steps: float
    reached: bool = True
    first: bool = False


NEVER = Arrival(math.inf, False)
"""Of a run that diverged before it reached the target."""


@dataclass(frozen=True)
class Smoothed:
    """A run's curve of a metric: the steps of its evaluations and the rising values; of a loss mirrored, it falls.

    Smoothed by isotonic regression: the rising curve that is closest to the evaluations in squares (Barlow et al.
    1972), a mean over just those among which it does not rise. The first evaluation above a target is the earlier the
    noisier evaluations are; where the smoothed curve passes it is not, for noise above and below is alike.
    """

    steps: NDArray[np.float64]
    rising: NDArray[np.float64]
    sign: float

    @property
    def best(self) -> float:
        """The best value that the run reaches."""
        return self.sign * float(self.rising[-1])

    def arrival(self, target: float) -> Arrival:
        """Return when the run is first as good as `target`."""
        target *= self.sign
        passed = np.flatnonzero(self.rising >= target - 1e-12)
        if not len(passed):
            return Arrival(float(self.steps[-1]), reached=False)
        at = int(passed[0])
        if at == 0:
            return Arrival(float(self.steps[0]), first=True)
        share = (target - self.rising[at - 1]) / (self.rising[at] - self.rising[at - 1])
        return Arrival(float(self.steps[at - 1] + share * (self.steps[at] - self.steps[at - 1])))


def smoothed(curve: pd.DataFrame | None, metric: str) -> Smoothed | None:
    """Return a run's curve of `metric`; None where it was never evaluated. Of several at a step the last one counts."""
    from scipy import optimize  # takes a third of a second to import

    if curve is None or metric not in curve:
        return None
    steps, values = curve["step"].to_numpy(dtype=float), curve[metric].to_numpy(dtype=float)
    there = ~np.isnan(values)
    if not there.any():
        return None
    distinct_steps, last = np.unique(steps[there][::-1], return_index=True)
    known = metric_of(metric)
    sign = 1.0 if known is None or known.higher_is_better else -1.0
    rising = optimize.isotonic_regression(sign * values[there][::-1][last]).x
    return Smoothed(distinct_steps, rising, sign)


def sooner(
    of: Selector, *, than: Selector, to: float | None = None, share: float = 0.95, choose: ChosenFor = "accuracy"
) -> ArmTest:
    """Test whether the arm `of` needs fewer steps than `than` to a target on the validation split.

    Args:
        of, than: the two sides. Where several arms could stand for one, such as one a learning rate, see `choose`.
        to: the target, where the claim sets it beforehand.
        share: else the target: this fraction of the way from guessing to the best that `than` ever reaches. With 1 it
            is that best itself, as Ioffe & Szegedy (2015) count. About half of the runs of `than` stay below it then:
            a claim can be supported, where `of` ends higher, but not refuted. A smaller one also compares arms that end
            alike.
        choose: what represents a side in each seed, by the seeds before it: the arm with the best `accuracy` at the
            end, or with the highest `speed`, the one that reaches the target in most runs, of these in fewest steps.

    The best is the mean over the other seeds of the highest value of each run's smoothed curve, at the rate of `than`
    with the best accuracy: a target taken from the very run that is followed to it would favour one side.

    The effect is the logarithm of the ratio of steps, seed by seed: times are compared by their ratio, as the papers do
    ("14 times fewer steps"). The claim's threshold is the gain that must be exceeded, 0.5 for half as fast again.

    Curves are smoothed, see `Smoothed`, and followed in straight lines between evaluations. A run that never got there
    counts with all the steps that it had, which understates what it needed; one that had arrived at its first
    evaluation counts with the steps to that, which overstates it. No verdict may rest on such a bound in its favour.
    """
    require_choice("choose", choose, ("accuracy", "speed"))
    if not 0 < share <= 1:
        raise UserError(f"share must be greater than 0 and at most 1, got {share:g}")

    def measure(analysis: Analysis) -> Measurement:
        curves = _Curves(analysis)
        fast, slow = (side_of(analysis, selector) for selector in (of, than))
        targets, where = _targets(analysis, curves, slow, to, share)
        if choose == "speed":
            fast = curves.fastest(arms_of(analysis, of), targets, fast)
            slow = curves.fastest(arms_of(analysis, than), targets, slow)
        mine, other = (curves.arrivals(side, targets) for side in (fast, slow))
        seeds = sorted(mine.keys() & other.keys())
        evidence = (
            f"Steps to {_text(analysis, [targets[seed] for seed in seeds])} on the validation split ({where}), "
            f"{fast.label} against {slow.label}, seed by seed: "
            + "; ".join(f"{_shown(mine[seed])} against {_shown(other[seed])}" for seed in seeds)
        )
        results = distinct([*fast.results, *slow.results])
        missing = missing_runs(results)
        if sum(mine[seed].reached or other[seed].reached for seed in seeds) < 2:
            raise NothingToCompare(f"{evidence}. Too few pairs reached it.{missing}", "too few")
        budget = float(max(rows["step"].max() for result in results for rows in result.curves.values()))
        early, late = ([each[seed].steps if each[seed].reached else budget for seed in seeds] for each in (mine, other))
        effect = effect_of(
            [math.log(b / a) for a, b in zip(early, late, strict=True)],
            sampling=analysis.sampling,
            splits=analysis.splits(seeds),
        )
        mean, low, high = (f"{math.exp(value):.2f}" for value in (effect.mean, effect.low, effect.high))
        evidence += f"; {mean} times as fast [{low}, {high}], {effect.count}.{missing}"
        bound = {(False, True): "a lower bound", (True, False): "an upper bound", (True, True): "no bound"}
        never_mine, never_other = (any(not each[seed].reached for seed in seeds) for each in (mine, other))
        if which := bound.get((never_mine, never_other)):
            evidence += f" “Never” counts as all {budget:,.0f} steps, so the figure is {which}."
        # A `late` too low or an `early` too high can only speak against the claim, and the other way round.
        unproven: tuple[Verdict, ...] = ()
        if not all(mine[seed].reached and not other[seed].first for seed in seeds):
            unproven += ("supported",)
        if not all(other[seed].reached and not mine[seed].first for seed in seeds):
            unproven += ("opposite", "smaller")
        return Measurement(effect, evidence, "runs missing" if missing else "", unproven)

    options = {"share": share, "choose": choose} if to is None else {"to": to, "choose": choose}
    return ArmTest("sooner", measure, (of, than), SPEED, boundary=math.log1p, options=options)


class _Curves:
    """The smoothed curves of a study's runs, and when they reach targets; each curve is smoothed once."""

    def __init__(self, analysis: Analysis) -> None:
        self._metric = analysis.val_metric
        self._smoothed: dict[tuple[int, int], Smoothed | None] = {}

    def of(self, result: ArmResult, seed: int) -> Smoothed | None:
        """Return the smoothed curve of a run; None where it has none."""
        key = id(result), seed
        if key not in self._smoothed:
            self._smoothed[key] = smoothed(result.curves.get(seed), self._metric)
        return self._smoothed[key]

    def arrival(self, result: ArmResult, seed: int, target: float) -> Arrival | None:
        """Return when a run arrived that diverged, or finished and has a curve; None for any other."""
        curve = self.of(result, seed)
        seen = None if curve is None else curve.arrival(target)
        if seed in result.failed:
            return seen if seen is not None and seen.reached else NEVER
        return seen if seed in result.seeds("finished") else None

    def arrivals(self, side: Side, targets: Mapping[int, float]) -> dict[int, Arrival]:
        """Return when the run that represents the side in each seed reached the seed's target."""
        found = {
            seed: self.arrival(result, seed, targets[seed]) for seed, result in side.by_seed.items() if seed in targets
        }
        return {seed: each for seed, each in found.items() if each is not None}

    def fastest(self, candidates: Sequence[ArmResult], targets: Mapping[int, float], accurate: Side) -> Side:
        """Return the side of the arm that is fastest by the seeds before each; the most accurate where none arrived."""
        if len(candidates) == 1:
            return side_of_arm(candidates[0])
        chosen = dict(accurate.by_seed)
        for seed in chosen.keys() & targets.keys():
            speeds: list[tuple[float, float, int]] = []
            for index, result in enumerate(candidates):
                before = [self.arrival(result, other, targets[seed]) for other in result.arm.runs if other < seed]
                seen = [each for each in before if each is not None]
                reached = [math.log(each.steps) for each in seen if each.reached]
                if reached:
                    speeds.append((-len(reached) / len(seen), sum(reached) / len(reached), index))
            if speeds:
                chosen[seed] = candidates[min(speeds)[2]]
        return Side(chosen)


def _targets(
    analysis: Analysis, curves: _Curves, slow: Side, to: float | None, share: float
) -> tuple[dict[int, float], str]:
    """Return each seed's target, and what it is in words."""
    if to is not None:
        return dict.fromkeys(sorted({seed for arm in analysis.arms for seed in arm.arm.runs}), to), "as set beforehand"
    found = {
        seed: curve.best
        for seed, result in slow.by_seed.items()
        if seed in result.seeds("finished") and (curve := curves.of(result, seed)) is not None
    }
    if len(found) < 2:
        raise NothingToCompare(f"Fewer than two runs of {slow.label} finished.", "too few")
    targets = {}
    for seed in sorted(slow.by_seed):
        others = [best for other, best in found.items() if other != seed]
        targets[seed] = analysis.chance + share * (sum(others) / len(others) - analysis.chance)
    best = f"the best that {slow.label} reaches in the other seeds"
    return targets, best if share == 1 else f"{100 * share:g} % of the way from guessing to {best}"


def _text(analysis: Analysis, targets: Sequence[float]) -> str:
    """Return the lowest and the highest target, or the only one."""
    ends = list(dict.fromkeys(analysis.unit.text(value) for value in (min(targets), max(targets)))) if targets else []
    return " to ".join(ends) or "no target"


def _shown(arrival: Arrival) -> str:
    if not arrival.reached:
        return "never"
    return f"{'at most ' if arrival.first else ''}{arrival.steps:,.0f}"
