"""What a study's record keeps of its tuning: the trials with their runs, and what each arm chose."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TrialRecord:
    """A trial: what it set, and for each arm the identities of its runs by tuning seed."""

    values: dict[str, Any]
    runs: dict[str, dict[int, str]]


@dataclass(frozen=True)
class TuningRecord:
    """A study's tuning.

    Args:
        space: each tuned key with what it was chosen from, in words.
        seeds: the tuning seeds.
        trials: what was tried, the same for every arm.
        chosen: the values that each arm chose, by its label; empty until all trials have their result.
    """

    space: dict[str, str]
    seeds: tuple[int, ...]
    trials: tuple[TrialRecord, ...]
    chosen: dict[str, dict[str, Any]]

    @property
    def keys(self) -> tuple[str, ...]:
        """The tuned keys."""
        return tuple(self.space)

    def runs(self) -> list[str]:
        """Return the identities of all runs of trials."""
        return [run for trial in self.trials for by_seed in trial.runs.values() for run in by_seed.values()]


def parsed_tuning(content: Mapping[str, Any] | None) -> TuningRecord | None:
    """Return the tuning that a study's record holds, None where it has none."""
    if content is None:
        return None
    trials = tuple(
        TrialRecord(
            trial["values"],
            {arm: {int(seed): run for seed, run in by_seed.items()} for arm, by_seed in trial["runs"].items()},
        )
        for trial in content["trials"]
    )
    return TuningRecord(dict(content["space"]), tuple(content["seeds"]), trials, dict(content["chosen"]))
