"""What a study will cost before it starts: runs, epochs, steps, and hours from a measured step of each network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from litmus.duration import roughly
from litmus.errors import UserError
from studies.design.plan import Plan
from studies.launch.machine import LaunchConfig, execution_of
from studies.launch.older_code import OlderCode
from studies.launch.run_seconds import DataSize, RunTimes
from studies.own_code.local_modules import local_code
from studies.records.run_record import RunRecord, run_records
from studies.records.storage import CorruptRecord
from studies.records.study_record import read_study_record
from studies.training.config import RunConfig
from studies.training.environment import available_cpus
from studies.training.identity import run_id
from studies.training.run import Execution, Run
from studies.training.run_code import run_code


@dataclass(frozen=True)
class Longest:
    """The arm that takes most of a study's time, and the seconds of its step."""

    config: RunConfig
    size: DataSize
    execution: Execution
    seconds: float


@dataclass(frozen=True)
class Forecast:
    """What is left to do of a study, and how long it takes.

    `run_seconds` is the time of all the runs that are left, one after another, `wall_seconds` that of the study with
    `at_a_time` runs beside each other; a run occupies `units` CPU cores or GPUs. Loading and augmentation come
    on top, and runs that share a GPU or a core's caches take longer than one by itself. `longest` is what takes most of
    it.
    """

    runs: int
    complete: int
    epochs: int
    steps: int
    run_seconds: float
    wall_seconds: float
    accelerator: str
    units: int
    at_a_time: int
    longest: Longest | None = None

    def lines(self) -> list[str]:
        """Return the forecast in two lines of at most 80 columns."""
        done = f" ({self.complete:,} done)" if self.complete else ""
        if not self.runs:
            return [f"forecast: nothing to run{done}"]
        unit = "GPU" if self.accelerator == "cuda" else "core"
        hours = self.run_seconds * self.units / 3600
        return [
            f"forecast: {self.runs:,} runs, {self.epochs:,} epochs, {self.steps:,} steps{done}",
            f"  about {_figure(hours)} {unit}-hours, {roughly(self.wall_seconds)} with {self.at_a_time} at a time; "
            "measured here",
        ]


def forecast(
    plan: Plan,
    launch: LaunchConfig,
    step_seconds: Callable[..., float] | None = None,
    source: Path | None = None,
) -> Forecast:
    """Return what is left of `plan`, having timed a training step of each distinct network on the device that runs it.

    Complete runs under `launch.out` are left out. `step_seconds(config, size, execution)` stands in for `measure_step`;
    `source` is the file of a study outside the package.
    Raises `UserError` where a dataset is absent whose size is not known beforehand.
    """
    execution, places = execution_of(launch)
    times = RunTimes(execution, step_seconds)
    taken: list[tuple[float, RunConfig]] = []
    is_done = _done(plan, launch, source)
    seconds: list[float] = []
    complete = epochs = steps = 0
    for config, planned in _work(plan, plan.directory(launch.out)):
        missing = [seed for seed in planned if not is_done(config.with_seed(seed))]
        complete += len(planned) - len(missing)
        if not missing:
            continue
        run_steps, run_seconds = times.of(config)
        seconds += [run_seconds] * len(missing)
        taken.append((run_seconds * len(missing), config))
        epochs += config.trainer.epochs * len(missing)
        steps += run_steps * len(missing)
    units = execution.devices * (1 if _cuda(execution) else execution.threads)
    longest = None
    if taken:
        _, config = max(taken, key=lambda each: each[0])
        size, step = times.step(config)
        longest = Longest(config, size, execution, step)
    # Runs that share a GPU or a core share its time.
    available = torch.cuda.device_count() if _cuda(execution) else available_cpus()
    beside = max(1, min(len(places), available // units))
    return Forecast(
        runs=len(seconds),
        complete=complete,
        epochs=epochs,
        steps=steps,
        run_seconds=sum(seconds),
        wall_seconds=max([*seconds, sum(seconds) / beside], default=0.0),
        accelerator=execution.accelerator,
        units=units,
        at_a_time=len(places),
        longest=longest,
    )


def _work(plan: Plan, directory: Path) -> list[tuple[RunConfig, Sequence[int]]]:
    """Return the configs of a plan's runs with their seeds; first those of its tuning, where it has one.

    Arms that have chosen are at what they chose, the others at what they have untuned, which costs about the same.
    """
    if plan.tuning is None:
        return [(arm.config, plan.seeds_of(arm.label)) for arm in plan.arms]
    trials = [(arm.at(point).config, plan.tuning.seed_numbers) for point in plan.tuning.points for arm in plan.arms]
    try:
        tuning = read_study_record(directory).tuning
    except UserError:
        tuning = None
    chosen = tuning.chosen if tuning is not None else {}
    arms = [arm.at(chosen.get(arm.label, {})) for arm in plan.arms]
    return [*trials, *((arm.config, plan.seeds_of(arm.label)) for arm in arms)]


def _done(plan: Plan, launch: LaunchConfig, source: Path | None) -> Callable[[RunConfig], bool]:
    """Return whether the run of a config has its result, on whatever data the study's folder has runs of."""
    directory = plan.directory(launch.out)
    done = _complete_runs(directory)
    identities = {identity for _, identity in done}
    fingerprints = {fingerprint for fingerprint, _ in done}
    own = None if source is None else local_code(source)
    older = OlderCode(directory, launch.devices, launch.same_code)

    def is_done(config: RunConfig) -> bool:
        for fingerprint in fingerprints:
            code = None if own is None else run_code(config, own, fingerprint, launch.devices)
            identity = run_id(config, fingerprint, launch.devices, code.version if code is not None else "")
            if identity in identities:
                return True
            run = Run(identity, plan.study.name, "", {}, config, directory / identity, source, code=code)
            if code is not None and older.counting(run, older.of(run, fingerprint)) is not None:
                return True
        return False

    return is_done


def _complete_runs(directory: Path) -> set[tuple[str, str]]:
    """Return the complete runs of a study's folder: the data's fingerprint and the identity of each."""
    found = set()
    for record in run_records(directory):
        fingerprint = _fingerprint(record)
        if fingerprint is not None:
            found.add((fingerprint, record.run_id))
    return found


def _fingerprint(record: RunRecord) -> str | None:
    try:
        return str(record.read_summary()["data"]["fingerprint"]) if record.is_complete() else None
    except (CorruptRecord, KeyError):
        return None


def _cuda(execution: Execution) -> bool:
    return execution.accelerator == "cuda"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
