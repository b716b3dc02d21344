"""What of a study was planned before its first run, and what came later and is exploratory."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litmus.evidence.estimate import AS_PLANNED, Sampling
from litmus.records.study_record import PlanEntry, StudyRecord, read_plans


@dataclass(frozen=True)
class Registration:
    """How a study compares with its plan.

    Args:
        plan: the first plan of this experiment; None where none was written.
        changes: how many plans followed it.
        looked: whether results were looked at before all seeds had run, or there are fewer seeds than were planned.
        arms_added: labels of the arms that the first plan did not have.
    """

    plan: PlanEntry | None = None
    changes: int = 0
    looked: bool = False
    arms_added: tuple[str, ...] = ()

    @property
    def sampling(self) -> Sampling:
        """How the number of seeds was decided."""
        return AS_PLANNED if self.plan is None else Sampling(len(self.plan.seeds), self.looked)

    def is_exploratory(self, key: Mapping[str, Any]) -> bool:
        """Whether a claim is not as it was planned, or is about arms that came later, given its `Claim.key`."""
        if self.plan is None:
            return False
        if _text(key) not in map(_text, self.plan.claims):
            return True
        arms = self.plan.arms
        return not all(
            selector in arms
            if isinstance(selector, str)
            else any(all(levels.get(factor) == level for factor, level in selector.items()) for levels in arms.values())
            for selector in key.get("arms", ())
        )

    def dropped(self, sentences: Collection[str]) -> list[str]:
        """Return the sentences of the planned claims that are not among those of the claims now."""
        planned = [] if self.plan is None else [each["sentence"] for each in self.plan.claims]
        return [sentence for sentence in planned if sentence not in sentences]


def registration(directory: Path, study: StudyRecord) -> Registration:
    """Return how the study in `directory` compares with the plans of the experiment that was planned there last."""
    plans = read_plans(directory)
    if not plans:
        return Registration()
    same = [plan for plan in plans if plan.experiment == plans[-1].experiment]
    fewest = min((len(arm.runs) for arm in study.arms), default=0)
    return Registration(
        plan=same[0],
        changes=len(same) - 1,
        looked=any(plan.looked for plan in same) or 0 < fewest < len(same[0].seeds),
        arms_added=tuple(arm.label for arm in study.arms if arm.levels not in same[0].arms.values()),
    )


def _text(key: Mapping[str, Any]) -> str:
    # As the file has it, where tuples are lists.
    return json.dumps(key, sort_keys=True, default=str)
