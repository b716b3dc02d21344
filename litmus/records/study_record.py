"""`study.json`: what a study consisted of when it was last asked for, so that a report can be written from the disk."""

import contextlib
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from litmus.core.config_keys import Settings
from litmus.core.errors import UserError
from litmus.core.metrics import TASKS, Metric, Task, add_task
from litmus.records.storage import storage_errors, to_json, write_atomically


def arm_label(levels: Settings) -> str:
    """Return what an arm of these levels is called: `norm batch, lr 0.1`; empty for none."""
    return ", ".join(f"{short_name(key)} {level}" for key, level in levels.items())


def short_name(factor: str) -> str:
    """Return a factor's name without its section: `norm` of `model.norm`."""
    return factor.rpartition(".")[2]


PLAN_FILE = "plan.jsonl"


@dataclass(frozen=True)
class PlanEntry:
    """A plan as it stood when a command was given.

    Args:
        time: when it was written, ISO 8601, UTC.
        experiment: a hash of what all its runs share (their config but for the factors, the data, the first seed):
            plans of another experiment say nothing of this one.
        preset: which of the study's presets.
        arms: each arm's levels by its label.
        seeds: the seeds that each arm was to have.
        looked: whether it was to look at results on the way, as `--until decided` does.
        claims: the claims, see `claim_key`.
        tuned: each tuned key with what it is chosen from, in words.
        results_before: how many of its runs had their result already.
    """

    time: str
    experiment: str
    preset: str
    arms: dict[str, dict[str, Any]]
    seeds: tuple[int, ...]
    looked: bool
    claims: tuple[dict[str, Any], ...]
    tuned: dict[str, str]
    results_before: int

    @property
    def hash(self) -> str:
        """A hash of what is planned: twelve hexadecimal digits."""
        content = {key: value for key, value in asdict(self).items() if key not in ("time", "results_before")}
        return hash_of(content)


def hash_of(content: Mapping[str, Any]) -> str:
    """Return a hash of plain values: twelve hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:12]


def read_plans(directory: Path) -> list[PlanEntry]:
    """Return a study's plans, the first one first; none where an earlier version ran it. What is unreadable is left."""
    try:
        lines = (directory / PLAN_FILE).read_text().splitlines()
    except OSError:
        return []
    return [entry for line in lines if (entry := _parsed_plan(line)) is not None]


def append_plan(directory: Path, entry: PlanEntry) -> None:
    """Add a plan to the history, unless it is the one that stands."""
    plans = read_plans(directory)
    if plans and plans[-1].hash == entry.hash:
        return
    path = directory / PLAN_FILE
    with storage_errors(path), open(path, "a") as file:
        file.write(json.dumps({**asdict(entry), "hash": entry.hash}, default=str) + "\n")


def _parsed_plan(line: str) -> PlanEntry | None:
    try:
        content = json.loads(line)
        values = {field.name: content[field.name] for field in fields(PlanEntry)}
    except (ValueError, KeyError, TypeError):
        return None
    return PlanEntry(**{**values, "seeds": tuple(values["seeds"]), "claims": tuple(values["claims"])})


@dataclass(frozen=True)
class StudyJobs:
    """The folder `slurm/` of a study, and its files."""

    study_directory: Path

    @property
    def path(self) -> Path:
        """The folder, where the logs of the tasks are too; absolute, since jobs start elsewhere."""
        return (self.study_directory / "slurm").resolve()

    @property
    def runs_file(self) -> Path:
        """`runs.json`: what the tasks execute, with every config written out, and how."""
        return self.path / "runs.json"

    def submitted(self) -> list[str]:
        """Return the numbers of the jobs that were submitted, the oldest first; those that ended among them."""
        try:
            return [str(job) for job in json.loads((self.path / "jobs.json").read_text())["jobs"]]
        except FileNotFoundError:
            return []

    def add(self, job: str) -> None:
        """Write down that `job` was submitted."""
        write_atomically(self.path / "jobs.json", to_json({"jobs": [*self.submitted(), job]}))


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


FILE = "study.json"

RECORD_FORMAT = 1
"""Version of the records and of the training procedure; a change that makes old records incomparable raises it."""


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

    `start` says how far it starts as the baseline does; earlier versions did not count that.
    """

    label: str
    levels: dict[str, Any]
    is_baseline: bool
    runs: dict[int, str]
    start: Start | None = None


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
        codes: the code of that file and what it imports, as a hash for each module, the latest first: that of the last
            command, then those before changes.
        own_task: the task where it is none of the package's, so that it can be reported without that file.
        design: how the levels are combined into arms; empty where the study names its arms, and in the record of an
            earlier version.
        tuning: what the arms tried before they were compared, and what they chose; None where nothing was tuned.
        diverged_value: the accuracy that a diverged run counts with; None for that of guessing.
        roles: of each config key that is not simply part of a run's identity, what it is instead, see `Role`.
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
    codes: tuple[dict[str, str], ...] = ()
    own_task: Task | None = None
    design: str = ""
    tuning: TuningRecord | None = None
    diverged_value: float | None = None
    roles: dict[str, str] = field(default_factory=dict)

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
    write_atomically(directory / FILE, to_json({"format": RECORD_FORMAT, **asdict(record)}))


def read_study_record(directory: Path) -> StudyRecord:
    """Return the record of a study's folder. Raises `UserError` where there is none or it cannot be read."""
    path = directory / FILE
    try:
        content = json.loads(path.read_bytes())
        if content.get("format") == RECORD_FORMAT:
            return _parsed(content)
    except FileNotFoundError:
        raise UserError(f"no study in {directory}: there is no {FILE}; run it first") from None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(f"{path} cannot be read ({error}); the same litmus run command writes it anew") from None
    raise UserError(
        f"{path} has record format {content.get('format')}, and this version of Litmus reads format {RECORD_FORMAT}; "
        "read it with the version that wrote it, or run the study again with another --out"
    )


def _parsed(content: Mapping[str, Any]) -> StudyRecord:
    arms = tuple(
        ArmRecord(
            label=arm["label"],
            levels=arm["levels"],
            is_baseline=arm["is_baseline"],
            runs={int(seed): run for seed, run in arm["runs"].items()},
            start=Start(**{**arm["start"], "unequal": tuple(arm["start"]["unequal"])}) if arm.get("start") else None,
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
        codes=tuple(content["codes"]),
        own_task=_own_task(content.get("own_task")),
        design=content.get("design", ""),
        tuning=parsed_tuning(content.get("tuning")),
        diverged_value=content.get("diverged_value"),
        roles=content.get("roles", {}),
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
