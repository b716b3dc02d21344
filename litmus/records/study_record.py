"""What a study's folder says of the study: what it consists of, what was planned, and its jobs."""

import contextlib
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pydantic

from litmus.core.config_keys import Settings
from litmus.core.errors import UserError
from litmus.core.metrics import TASKS, Task, add_task
from litmus.records import slurm
from litmus.records.storage import RECORD_FORMAT, storage_errors, to_json, write_atomically

JUDGED_FILE = "judged.json"
"""In the folder of the report of a table: what `litmus judge` was given."""
STUDY_FILE = "study.json"
PLAN_FILE = "plan.jsonl"


@dataclass(frozen=True)
class Start:
    """How an arm starts in comparison with the baseline.

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
    """An arm as a study's record keeps it: its `runs` by seed, and how many parameters `start` as in the baseline."""

    label: str
    levels: dict[str, Any]
    is_baseline: bool
    runs: dict[int, str]
    start: Start | None = None


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


@dataclass(frozen=True)
class StudyRecord:
    """A study as it was last run.

    Args:
        study: its name.
        question: what it asks.
        preset: which of its presets.
        factors: each factor's levels, in the order in which the study declares them.
        full_product: whether the arms are all combinations of the levels.
        task: what its networks are trained for.
        settings: what the user asked for on top of the study.
        protocol: what the preset follows.
        arms: its arms.
        experiment: what tells it from every other experiment, see `litmus.design.experiment`.
        shared: the config that all its runs share, by key.
        data: the fingerprints of its data.
        data_root: the folder that is its dataset; empty where that is the same wherever it lies.
        source: the file that defines it where the package does not.
        codes: the code of that file and what it imports, as a hash for each module, the latest first: that of the last
            command, then those before changes.
        custom_task: the task where it is none of the package's, so that it can be reported without that file.
        design: how the levels are combined into arms; empty where the study names its arms.
        tuning: what the arms tried before they were compared, and what they chose; None where nothing was tuned.
        diverged_value: the accuracy that a diverged run counts with; None for that of guessing.
        roles: of each config key that is not simply part of a run's identity, what it is instead, see `Role`.
        given: the config keys that the study or the user gives a value; all others have their default.
        level_names: by a factor's key, the names of its levels, where the study gives them names.
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
    experiment: str = ""
    shared: dict[str, Any] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    data_root: str = ""
    source: str | None = None
    codes: tuple[dict[str, str], ...] = ()
    custom_task: Task | None = None
    design: str = ""
    tuning: TuningRecord | None = None
    diverged_value: float | None = None
    roles: dict[str, str] = field(default_factory=dict)
    given: tuple[str, ...] = ()
    level_names: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def baseline(self) -> ArmRecord:
        """The arm that the others are compared with."""
        return next(arm for arm in self.arms if arm.is_baseline)

    @property
    def known_task(self) -> Task | None:
        """What its networks are trained for, None where the record does not say."""
        return self.custom_task or TASKS.get(self.task)

    def arm_of_run(self) -> dict[str, ArmRecord]:
        """Return each run's arm."""
        return {run: arm for arm in self.arms for run in arm.runs.values()}


def write_study_record(directory: Path, record: StudyRecord) -> None:
    """Write `study.json`."""
    write_atomically(directory / STUDY_FILE, to_json({"format": RECORD_FORMAT, **asdict(record)}))


def read_study_record(directory: Path) -> StudyRecord:
    """Return the record of a study's folder. Raises `UserError` where there is none or it cannot be read."""
    path = directory / STUDY_FILE
    try:
        content = json.loads(path.read_bytes())
        found = content.get("format")
        record = _parser(StudyRecord).validate_python(content) if found == RECORD_FORMAT else None
    except FileNotFoundError:
        raise UserError(f"no study in {directory} (no {STUDY_FILE}); run it first") from None
    except (ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path} cannot be read ({reason}); the same litmus run command writes it again") from None
    if record is None:
        raise UserError(
            f"{path} has record format {found}, and this version of Litmus reads {RECORD_FORMAT}; choose another --out"
        )
    if record.custom_task is not None:
        with contextlib.suppress(UserError):  # the study's file was imported, and defines it otherwise by now
            add_task(record.custom_task)
    return record


def experiments_in(out: Path) -> list[Path]:
    """Return the folders of the experiments in a folder of records, by name."""
    return sorted(path.parent for path in out.glob(f"*/{STUDY_FILE}"))


@cache
def _parser(record: type) -> pydantic.TypeAdapter[Any]:
    """Return what makes a dataclass of JSON's values: tuples of its lists, numbers of the keys of its objects."""
    return pydantic.TypeAdapter(record)


LevelNames = Mapping[str, Mapping[str, Any]]
"""The levels that have a name: by a factor's key, each name with its level."""


def level_name(key: str, level: Any, names: LevelNames) -> str:
    """Return the name of a factor's level; empty where it has none."""
    return next((name for name, named in names.get(key, {}).items() if named == level), "")


def arm_label(levels: Settings, names: LevelNames = MappingProxyType({})) -> str:
    """Return what an arm of these levels is called: `norm batch, lr 0.1`, or by their names; empty for none."""
    return ", ".join(level_name(key, level, names) or f"{short_name(key)} {level}" for key, level in levels.items())


def short_name(factor: str) -> str:
    """Return a factor's name without its section: `norm` of `model.norm`."""
    return factor.rpartition(".")[2]


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


@dataclass(frozen=True)
class Earlier:
    """An experiment of the same study that had results when a plan was written.

    Args:
        experiment: its name.
        time: when the last of its runs ended, ISO 8601, UTC.
        runs: how many of its runs had a result.
        seeds: their seeds.
    """

    experiment: str
    time: str
    runs: int
    seeds: tuple[int, ...]


AS_FOUND = ("time", "results_before", "earlier", "confirms")
"""What a plan's entry says of the moment at which it was written, and not of the plan."""


@dataclass(frozen=True)
class PlanEntry:
    """What a command planned, before it ran anything.

    Args:
        time: when it was written, ISO 8601, UTC.
        experiment: a hash of what all its runs share (their config but for the factors, the data, the user's code, what
            is tuned): plans of another experiment say nothing of this one.
        preset: which of the study's presets.
        arms: each arm's levels by its label.
        seeds: the seeds that each arm was to have.
        looked: whether results were to decide how many seeds follow, as with `--max-seeds`.
        claims: the claims, see `Claim.key`.
        tuned: each tuned key with what it is chosen from, in words.
        results_before: how many of its runs had their result already.
        code: the version of the user's code; empty where there is none.
        earlier: other experiments of the study that had results on the same data.
        confirms: the one of them whose design and claims it repeats on seeds that none has used; empty for none.
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
    code: str = ""
    earlier: tuple[Earlier, ...] = ()
    confirms: str = ""

    @property
    def hash(self) -> str:
        """A hash of what is planned: twelve hexadecimal digits."""
        content = {key: value for key, value in asdict(self).items() if key not in AS_FOUND}
        return hash_of(content)


def read_plans(directory: Path) -> list[PlanEntry]:
    """Return a study's plans, the first one first. Lines that cannot be read are left out."""
    plans = []
    with contextlib.suppress(OSError):
        for line in (directory / PLAN_FILE).read_text().splitlines():
            with contextlib.suppress(pydantic.ValidationError):
                plans.append(_parser(PlanEntry).validate_json(line))
    return plans


def append_plan(directory: Path, entry: PlanEntry) -> None:
    """Add a plan to the history, unless it is the latest."""
    plans = read_plans(directory)
    if plans and list(plans[-1].arms.values()) == list(entry.arms.values()):
        entry = replace(entry, arms=plans[-1].arms)  # other labels make no other plan
    if plans and plans[-1].hash == entry.hash:
        return
    path = directory / PLAN_FILE
    with storage_errors(path), open(path, "a") as file:
        file.write(json.dumps({**asdict(entry), "hash": entry.hash}, default=str) + "\n")


def to_text(content: Any) -> str:
    """Return plain values as text, in which tuples are lists as in a file."""
    return json.dumps(content, sort_keys=True, default=str)


def hash_of(content: Mapping[str, Any]) -> str:
    """Return a hash of plain values: twelve hexadecimal digits."""
    return hashlib.sha256(to_text(content).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class StudyJobs:
    """What the jobs of a study execute, and which were submitted."""

    study_directory: Path

    @property
    def runs_file(self) -> Path:
        """`runs.json`: what the jobs and `litmus work` execute, with every config written out, and how."""
        return self.study_directory / "runs.json"

    @property
    def path(self) -> Path:
        """The folder `slurm/` of SLURM's scripts and logs; absolute, since jobs start elsewhere."""
        return (self.study_directory / "slurm").resolve()

    def submitted(self) -> list[str]:
        """Return the numbers of the jobs that were submitted, the oldest first; those that ended among them."""
        try:
            return [str(job) for job in json.loads((self.path / "jobs.json").read_text())["jobs"]]
        except FileNotFoundError:
            return []

    def add(self, job: str) -> None:
        """Write down that `job` was submitted."""
        write_atomically(self.path / "jobs.json", to_json({"jobs": [*self.submitted(), job]}))

    def tasks(self) -> list[slurm.Task]:
        """Return the tasks that wait or run, whoever submitted them. Raises `UserError` where SLURM does not answer."""
        return slurm.tasks({self.study_directory.name: self.submitted()})
