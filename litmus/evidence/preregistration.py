"""What of a study was planned before its first run, and what came later and is exploratory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litmus.evidence.claims import ArmTest, Claim
from litmus.evidence.results import NO_HISTORY, History, history
from litmus.records.study_record import PlanEntry, StudyRecord


@dataclass(frozen=True)
class Registration:
    """How a study compares with its plan.

    Args:
        history: the plans of this experiment.
        arms_added: labels of the arms that the first plan did not have.
    """

    history: History = NO_HISTORY
    arms_added: tuple[str, ...] = ()

    @property
    def plan(self) -> PlanEntry | None:
        """The first plan, None where there is none."""
        return self.history.plan

    def is_exploratory(self, claim: Claim) -> bool:
        """Whether a claim, its threshold or its test is not as it was planned, or is about arms that came later."""
        if self.plan is None:
            return False
        if _text(claim_key(claim)) not in map(_text, self.plan.claims):
            return True
        arms = self.plan.arms
        return isinstance(claim.test, ArmTest) and not all(
            selector in arms
            if isinstance(selector, str)
            else any(all(levels.get(key) == value for key, value in selector.items()) for levels in arms.values())
            for selector in claim.test.arms
        )

    def dropped(self, claims: Sequence[Claim]) -> list[str]:
        """Return the sentences of the claims that were planned and are no longer made."""
        made = {claim.sentence for claim in claims}
        planned = [] if self.plan is None else [each["sentence"] for each in self.plan.claims]
        return [sentence for sentence in planned if sentence not in made]


def registration(directory: Path, study: StudyRecord) -> Registration:
    """Return how the study in `directory` compares with its plan."""
    found = history(directory, study)
    if found.plan is None:
        return Registration()
    return Registration(found, tuple(arm.label for arm in study.arms if arm.levels not in found.plan.arms.values()))


def claim_key(claim: Claim) -> dict[str, Any]:
    """Return what makes a claim the one that was planned: its sentence, its threshold and what its test compares."""
    test = claim.test
    name = test.name if isinstance(test, ArmTest) else _name(test)
    key: dict[str, Any] = {"sentence": claim.sentence, "threshold": claim.threshold, "test": name}
    if isinstance(test, ArmTest):
        key["arms"] = [each if isinstance(each, str) else dict(each) for each in test.arms]
        key["metrics"] = [each if isinstance(each, str) else _name(each) for each in test.metrics]
        key["factors"] = list(test.factors)
    return key


def _name(function: object) -> str:
    """Return a function's name, of one within another the outer one's; of a measure, its function's."""
    inner = getattr(function, "function", function)
    return str(getattr(inner, "__qualname__", type(inner).__name__)).partition(".")[0]


def _text(key: Mapping[str, Any]) -> str:
    # As the file has it, where tuples are lists.
    return json.dumps(key, sort_keys=True, default=str)
