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
    """How a study stands to its plan.

    Args:
        history: the plans of this experiment.
        arms_added: labels of the arms that the first plan did not have.
        claims: the keys of the planned claims.
    """

    history: History = NO_HISTORY
    arms_added: tuple[str, ...] = ()
    claims: frozenset[str] = frozenset()

    @property
    def plan(self) -> PlanEntry | None:
        """The first plan, None where there is none."""
        return self.history.plan

    def is_exploratory(self, claim: Claim) -> bool:
        """Whether a claim, its threshold or its test is not as it was planned, or speaks of arms that came later."""
        if self.plan is None:
            return False
        return _text(claim_key(claim)) not in self.claims or self._speaks_of_added(claim)

    def dropped(self, claims: Sequence[Claim]) -> list[str]:
        """Return the sentences of the claims that were planned and are no longer made."""
        if self.plan is None:
            return []
        standing = {claim.sentence for claim in claims}
        return [each["sentence"] for each in self.plan.claims if each["sentence"] not in standing]

    def _speaks_of_added(self, claim: Claim) -> bool:
        if not self.arms_added or not isinstance(claim.test, ArmTest):
            return False
        planned = self.plan.arms if self.plan is not None else {}
        for selector in claim.test.arms:
            if isinstance(selector, str):
                if selector not in planned:
                    return True
            elif not any(all(arm.get(k) == v for k, v in selector.items()) for arm in planned.values()):
                return True
        return False


NOT_REGISTERED = Registration()
"""Of a study that an earlier version ran."""


def registration(directory: Path, study: StudyRecord) -> Registration:
    """Return how the study in `directory` stands to its plan."""
    found = history(directory, study)
    if found.plan is None:
        return NOT_REGISTERED
    return Registration(
        history=found,
        arms_added=tuple(arm.label for arm in study.arms if arm.levels not in found.plan.arms.values()),
        claims=frozenset(map(_text, found.plan.claims)),
    )


def claim_key(claim: Claim) -> dict[str, Any]:
    """Return what makes a claim the one that was planned: its sentence, its threshold and what its test compares."""
    test = claim.test
    name = getattr(test, "name", "") or _name(test.test if isinstance(test, ArmTest) else test)
    key: dict[str, Any] = {"sentence": claim.sentence, "threshold": claim.threshold, "test": name}
    if isinstance(test, ArmTest):
        key["arms"] = [each if isinstance(each, str) else dict(each) for each in test.arms]
        key["metrics"] = [each if isinstance(each, str) else _name(each) for each in test.metrics]
        key["factors"] = list(test.factors)
    return key


def _name(function: object) -> str:
    """Return what a function is called, of one within another the outer one's name; of a measure, its function's."""
    inner = getattr(function, "function", function)
    return str(getattr(inner, "__qualname__", type(inner).__name__)).partition(".")[0]


def _text(key: Mapping[str, Any]) -> str:
    # As the file has it, where tuples are lists.
    return json.dumps(key, sort_keys=True, default=str)
