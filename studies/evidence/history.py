"""How the seeds of a study came about, from the history of its plans."""

from dataclasses import dataclass
from pathlib import Path

from studies.evidence.anytime import AS_PLANNED, Sampling
from studies.records.plan_history import PlanEntry, read_plans
from studies.records.study_record import StudyRecord


@dataclass(frozen=True)
class History:
    """The plans of an experiment.

    Args:
        plan: the first one; None where an earlier version ran it and wrote none.
        changes: how many followed it.
        looked: whether results were looked at on the way, or fewer seeds stand than were planned.
    """

    plan: PlanEntry | None
    changes: int = 0
    looked: bool = False


NO_HISTORY = History(None)
"""Of a study that an earlier version ran."""


def history(directory: Path, study: StudyRecord) -> History:
    """Return the plans of the experiment that stands in `directory`."""
    plans = read_plans(directory)
    if not plans:
        return NO_HISTORY
    same = [plan for plan in plans if plan.experiment == plans[-1].experiment]
    fewest = min((len(arm.runs) for arm in study.arms), default=0)
    looked = any(plan.looked for plan in same) or 0 < fewest < len(same[0].seeds)
    return History(same[0], len(same) - 1, looked)


def sampling(directory: Path, study: StudyRecord) -> Sampling:
    """Return how the number of seeds came about, which decides between fixed-n and anytime-valid intervals."""
    found = history(directory, study)
    return AS_PLANNED if found.plan is None else Sampling(len(found.plan.seeds), found.looked)
