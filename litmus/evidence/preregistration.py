"""What of a study was planned before its first run, and what came later and is exploratory.

Whoever has seen results on some test images can choose, knowingly or not, what does well on them. So a claim counts as
stated beforehand only where nobody could have looked:

- The first experiment of a study on its data: its claims are stated beforehand.
- The same experiment again, continued or with more seeds: as they were when it was first planned.
- Another experiment of the study had results on the same data, whatever differs (settings, preset, levels, the study's
  file, the user's code): the claims are stated after it, and exploratory.
- The same design with the same claims on seeds that no earlier experiment has used: a confirmation. Its claims were
  fixed before these seeds ran. The test images are those that were seen, which the report says.
- Fresh seeds with another design or other claims: exploratory, since each try on fresh seeds is another chance.
- Seeds of which some were used before: exploratory.
- Other data: nothing was seen of them. Trials of a tuning have no test results. A plan without results shows nothing.

What lies in another folder of records, or was deleted, cannot be seen.
"""

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from litmus.core.errors import UserError
from litmus.core.formatting import listed, several
from litmus.evidence.estimate import AS_PLANNED, Sampling
from litmus.records.aside import runs_aside
from litmus.records.run_record import STATES_WITH_RESULT, run_records
from litmus.records.storage import CorruptRecord
from litmus.records.study_record import (
    Earlier,
    PlanEntry,
    StudyRecord,
    experiments_in,
    read_plans,
    read_study_record,
    to_text,
)


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

    @property
    def came_after(self) -> bool:
        """Whether it was planned after results on the same data, and confirms none of them on fresh seeds."""
        return self.plan is not None and bool(self.plan.earlier) and not self.plan.confirms

    def earlier_in_words(self) -> str:
        """Return the experiments whose results came before the plan: `attention (18 runs, 2026-11-29)`."""
        earlier = () if self.plan is None else self.plan.earlier
        return listed([f"{each.experiment} ({several(each.runs, 'run')}, {each.time[:10]})" for each in earlier], 4)

    def is_exploratory(self, key: Mapping[str, Any]) -> bool:
        """Whether a claim, given its `Claim.key`, was stated after results that could have suggested it."""
        return self.came_after or self.is_new(key)

    def is_new(self, key: Mapping[str, Any]) -> bool:
        """Whether a claim is not as it was planned, or is about arms that came later, given its `Claim.key`."""
        if self.plan is None:
            return False
        if to_text(key) not in map(to_text, self.plan.claims):
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


def earlier_experiments(directory: Path, study: StudyRecord, same_code: bool = False) -> tuple[Earlier, ...]:
    """Return the other experiments of a study, in any folder next to `directory`, that have results on the same data.

    `study` is the record of what is planned in `directory`; with `same_code` runs of the user's code before a change
    are its own. A study of the same name that varies nothing that this one varies asks another question.
    """
    found: dict[str, list[tuple[float, int]]] = {}
    here = directory.resolve()
    for folder in sorted({folder.resolve() for folder in experiments_in(here.parent)} | {here}):
        own, held = folder == here, study
        if not own:
            try:
                held = read_study_record(folder)
            except UserError:
                continue
        if held.study != study.study or not set(held.factors) & set(study.factors):
            continue
        differences = runs_aside(folder, held).differences
        for record in run_records(folder):
            other = differences.get(record.run_id)
            if own and (other is None or (same_code and not (other.settings or other.data))):
                continue
            with contextlib.suppress(CorruptRecord):
                status = record.read_status()
                if status.get("state") not in STATES_WITH_RESULT or status.get("trial"):
                    continue
                if record.read_summary().get("data", {}).get("fingerprint") in study.data:
                    name = folder.name if other is None else other.named(folder.name)
                    found.setdefault(name, []).append((status["updated"], int(status["seed"])))
    return tuple(
        Earlier(
            name,
            datetime.fromtimestamp(max(time for time, _ in runs), UTC).isoformat(timespec="seconds"),
            len(runs),
            tuple(sorted({seed for _, seed in runs})),
        )
        for name, runs in sorted(found.items(), key=lambda each: max(each[1]))
    )
