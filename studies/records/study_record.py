"""`study.json`: what a study consisted of when it was last asked for, so that a report can be written from the disk."""

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from litmus.errors import UserError
from litmus.metrics import TASKS, Metric, Task, add_task
from litmus.settings import Settings
from studies.records.code_record import RunCode
from studies.records.storage import to_json, write_atomically
from studies.records.tuning_record import TuningRecord, parsed_tuning

FILE = "study.json"


@dataclass(frozen=True)
class Start:
    """How an arm starts beside the baseline.

    Args:
        equal: parameters that start with the values of their counterpart.
        shared: parameters that have a counterpart: of the same name and shape, or in the same place among those of it.
        unequal: names of those that start otherwise.
    """

    equal: int
    shared: int
    unequal: tuple[str, ...] = ()

    def some_unequal(self, count: int = 3) -> str:
        """Return the first of `unequal` in words."""
        more = len(self.unequal) - count
        return ", ".join(self.unequal[:count]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class ArmRecord:
    """An arm as a study's record keeps it; `runs` are identities by seed.

    `start` says how far it starts as the baseline does; earlier versions did not count that. `code` is what it depends
    on of the user's code, None where the study is of the package.
    """

    label: str
    levels: dict[str, Any]
    is_baseline: bool
    runs: dict[int, str]
    start: Start | None = None
    code: RunCode | None = None


@dataclass(frozen=True)
class StudyRecord:
    """A study as it was last asked for.

    Args:
        study: its name.
        question: what it asks.
        preset: which of its presets.
        factors: each factor's levels, in the order in which the study declares them.
        full_product: whether the arms are all combinations of the levels.
        task: what its networks are trained for; empty in the record of an earlier version, which did not say.
        settings: what the user asked for on top of the study.
        protocol: what the preset follows.
        arms: its arms.
        source: the file that defines it where the package does not.
        own_task: the task where it is none of the package's, so that it can be reported without that file.
        design: how the levels are combined into arms; empty where the study names its arms, and in the record of an
            earlier version.
        tuning: what the arms tried before they were compared, and what they chose; None where nothing was tuned.
        diverged_value: the accuracy that a diverged run counts with; None for that of guessing.
    """

    study: str
    question: str
    preset: str
    factors: dict[str, tuple[Any, ...]]
    full_product: bool
    task: str
    settings: dict[str, Any]
    protocol: str
    arms: tuple[ArmRecord, ...]
    source: str | None = None
    own_task: Task | None = None
    design: str = ""
    tuning: TuningRecord | None = None
    diverged_value: float | None = None

    @property
    def baseline(self) -> ArmRecord:
        """The arm that the others are held against."""
        return next(arm for arm in self.arms if arm.is_baseline)

    @property
    def known_task(self) -> Task | None:
        """What its networks are trained for, None where the record does not say."""
        return self.own_task or TASKS.get(self.task)

    def arm_of_run(self) -> dict[str, ArmRecord]:
        """Return each run's arm."""
        return {run: arm for arm in self.arms for run in arm.runs.values()}


def levels_by_factor(arms: Sequence[Settings], order: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Return the levels of each factor that an arm sets, in the arms' order; the factors in that of `order`."""
    found: dict[str, list[Any]] = {}
    for key in [*order, *(key for levels in arms for key in levels)]:
        if key not in found and any(key in levels for levels in arms):
            found[key] = []
            for levels in arms:
                if key in levels and levels[key] not in found[key]:
                    found[key].append(levels[key])
    return {key: tuple(levels) for key, levels in found.items()}


def is_full_product(arms: Sequence[Settings]) -> bool:
    """Whether the arms set the same factors in the same order, and are all combinations of their levels."""
    keys = list(arms[0])
    if any(list(levels) != keys for levels in arms):
        return False
    return math.prod(len({str(levels[key]) for levels in arms}) for key in keys) == len(arms)


def write_study_record(directory: Path, record: StudyRecord) -> None:
    """Write `study.json`."""
    write_atomically(directory / FILE, to_json(asdict(record)))


def read_study_record(directory: Path) -> StudyRecord:
    """Return the record of a study's folder. Raises `UserError` where there is none or it cannot be read."""
    path = directory / FILE
    try:
        return _parsed(json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise UserError(f"no study in {directory}: there is no {FILE}; run it first") from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(f"{path} cannot be read ({error}); the same litmus run command writes it anew") from None


def _parsed(content: Mapping[str, Any]) -> StudyRecord:
    arms = tuple(
        ArmRecord(
            label=arm["label"],
            levels=arm["levels"],
            is_baseline=arm["is_baseline"],
            runs={int(seed): run for seed, run in arm["runs"].items()},
            start=Start(**{**arm["start"], "unequal": tuple(arm["start"]["unequal"])}) if arm.get("start") else None,
            code=RunCode(**arm["code"]) if arm.get("code") else None,
        )
        for arm in content["arms"]
    )
    levels = [arm.levels for arm in arms]
    return StudyRecord(
        study=content["study"],
        question=content["question"],
        preset=content["preset"],
        # Earlier versions kept the factors' names alone.
        factors=levels_by_factor(levels, list(content["factors"])),
        full_product=content["full_product"] if "full_product" in content else is_full_product(levels),
        task=content.get("task", ""),
        settings=content["settings"],
        protocol=content["protocol"],
        arms=arms,
        source=content.get("source"),
        own_task=_own_task(content.get("own_task")),
        design=content.get("design", ""),
        tuning=parsed_tuning(content.get("tuning")),
        diverged_value=content.get("diverged_value"),
    )


def _own_task(content: Mapping[str, Any] | None) -> Task | None:
    """Return the task of a record where it is none of the package's, having made its metrics known."""
    if content is None:
        return None
    metrics = tuple(Metric(**metric) for metric in content["metrics"])
    task = Task(**{**content, "evaluated": tuple(content["evaluated"]), "metrics": metrics})
    with contextlib.suppress(UserError):  # the study's file has been read, and says otherwise by now
        add_task(task)
    return task
