"""Which arm stands for a side of a comparison where several could: the best on the validation split, by other seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from litmus.evidence.results import Analysis, ArmResult, Metric
from litmus.records.study_record import arm_label

Selector = str | Mapping[str, Any]
"""Names arms: one by its label, or those at these levels of these factors."""


@dataclass(frozen=True)
class Side:
    """What stands for one side of a comparison: in each seed an arm, the same one where there is no choice.

    Where there is one, a seed's arm is the best on the validation split over the seeds before it, and the first seed
    has none: it only chooses. What is chosen by a run's luck cannot be tested by the same luck. That each seed is
    tested on what the past chose, and not on what all other seeds did, keeps the seeds' differences independent where
    arms are alike.
    """

    by_seed: Mapping[int, ArmResult]

    @cached_property
    def results(self) -> list[ArmResult]:
        """The arms that stand for it in some seed, those in most seeds first."""
        chosen = [id(result) for result in self.by_seed.values()]
        distinct = {id(result): result for result in self.by_seed.values()}
        return sorted(distinct.values(), key=lambda result: -chosen.count(id(result)))

    @property
    def label(self) -> str:
        """The arm's label; where seeds chose different ones, each with the number of seeds."""
        if len(self.results) == 1:
            return self.results[0].label
        counted = [(each.label, sum(result is each for result in self.by_seed.values())) for each in self.results]
        return " / ".join(f"{label} ({count} seed{'s' if count != 1 else ''})" for label, count in counted)

    def outcomes(self, metric: Metric) -> dict[int, float]:
        """Return the outcome in each seed of the arm that stands for the side in it."""
        found = {id(result): result.outcomes(metric) for result in self.results}
        return {seed: found[id(r)][seed] for seed, r in self.by_seed.items() if seed in found[id(r)]}


def arms_of(analysis: Analysis, selector: Selector) -> list[ArmResult]:
    """Return the arms that `selector` names."""
    if isinstance(selector, str):
        return [result for result in analysis.arms if result.label == selector]
    return analysis.at(selector)


def side_of(analysis: Analysis, selector: Selector) -> Side | None:
    """Return what stands for the arms that `selector` names; None where none of them has a finished run."""
    return chosen_side(analysis, arms_of(analysis, selector))


def chosen_side(analysis: Analysis, candidates: Sequence[ArmResult]) -> Side | None:
    """Return what stands for these arms: the only one, or in each seed the best by the seeds before it."""
    if len(candidates) == 1:
        return Side(dict.fromkeys(candidates[0].arm.runs, candidates[0]))
    seeds = sorted({seed for result in candidates for seed in result.arm.runs})
    chosen = {seed: analysis.best(candidates, before=seed) for seed in seeds}
    found = {seed: result for seed, result in chosen.items() if result is not None}
    return Side(found) if found else None


def named(selector: Selector) -> str:
    """Return a selector in words."""
    return selector if isinstance(selector, str) else arm_label(selector) or "any level"
