"""Conduct a study: check it before anything runs, write down what is planned, execute what is missing."""

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch.distributed as distributed

from litmus.core.errors import UserError
from litmus.core.formatting import listed
from litmus.core.source import being_imported, set_environment
from litmus.datamodules.loading.registry import load
from litmus.design.plan import Arm, Plan
from litmus.launch.checks import check, compare_arms, lines_about_outputs, look_at_data
from litmus.launch.config import LaunchConfig, execution_of, places_of
from litmus.launch.history import append_to_history, lines_about_history
from litmus.launch.local import LocalLauncher
from litmus.launch.process_group import ProcessGroup, ProcessGroupLauncher, torchrun_group
from litmus.launch.progress import Progress
from litmus.launch.slurm import SlurmLauncher, script
from litmus.launch.tune import tune
from litmus.launch.work import NoLauncher
from litmus.records.run_record import STATES_WITH_RESULT
from litmus.records.storage import storage_errors
from litmus.records.study_record import TuningRecord, read_study_record, write_study_record
from litmus.records.user_code import RunCode, changed_files
from litmus.records.wandb import available_mode
from litmus.training.config import require_precision
from litmus.training.identity import run_id
from litmus.training.older_runs import codes_of_study, reuse_older_runs
from litmus.training.run import Execution, Run
from litmus.training.user_code import (
    environment_lines,
    hashes_as_executed,
    keep_copies,
    read_user_code,
    require_read,
)


@dataclass(frozen=True)
class StudyResult:
    """How the runs of a study ended: identities by state, and the errors of those that crashed.

    `missing` are runs without a result whose jobs ended; `notes` are lines that follow the study's answer. `rank` is
    the rank of this process under `torchrun`; rank 0 writes the report.
    """

    directory: Path
    runs: list[Run]
    finished: list[str] = field(default_factory=list)
    diverged: list[str] = field(default_factory=list)
    crashed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    rank: int = 0


def conduct(plan: Plan, launch: LaunchConfig, source: Path | None = None, *, looked: bool = False) -> StudyResult:
    """Run what is missing of `plan` under `launch.out`, and record what the study consists of.

    `source` is the file of a study outside the package, which every worker imports before it builds anything; `looked`
    says that the results decide whether more seeds follow. Raises `UserError` before any run starts where one could
    not: a network that cannot be built, a folder that cannot be written, a missing GPU.
    """
    importing = being_imported()
    if importing is not None:
        raise UserError(f"{importing} runs a study whenever it is imported; put it under if __name__ == '__main__'")
    directory = plan.directory(launch.out)
    group = torchrun_group()
    if group is not None:
        launch = _launch_of_group(launch, group)
    rank = 0 if group is None else group.rank
    launch = replace(launch, wandb=available_mode(launch.wandb, directory, announce=rank == 0))
    execution = None
    if launch.launcher == "local":
        execution = execution_of(launch, None if group is None else group.processes_per_node)
        if execution.accelerator == "cpu":  # a GPU is asked by the workers: a context here may keep it from them
            for arm in plan.arms:
                require_precision(arm.config.trainer.precision, "cpu")

    # Every arm and every trial is checked before anything is written.
    factory = RunFactory(plan, launch, source)
    runs = [factory.make(arm, seed) for arm, seed in plan.runs()]
    for point in plan.tuning.points if plan.tuning is not None else ():
        for arm in plan.arms:
            factory.check(arm.at(point))
    if factory.code is not None:
        changed = changed_files(factory.code.hashes, hashes_as_executed(factory.code))
        if changed:
            raise UserError(
                f"{listed(changed)} changed after this process imported it; the same command runs the present code, in "
                "a notebook after the kernel is started again"
            )
    if source is not None and not hasattr(sys, "ps1"):  # who types at a prompt runs other files too
        require_read(source)

    def execute(runs: Sequence[Run]) -> None:
        launcher = _launcher(plan, launch, execution, group, runs)
        if rank == 0:
            message = factory.keep_code(runs)
            if message is not None:
                launcher.progress.notice(message)
            for run in runs if launch.launcher != "local" or group is not None else ():
                # These launchers pass over runs that crashed: here the user asks for them again.
                if run.record.state() == "crashed":
                    run.record.write_status(**{**run.record.read_status(), "state": "interrupted"})
        launcher.execute(runs)

    with storage_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
    require_same_experiment(plan, directory, factory.data)
    if rank == 0:
        for line in (*plan.notes, *factory.lines):
            print(f"litmus: {line}", file=sys.stderr)
        record = plan.record(runs, source, factory.codes, data=factory.data)
        append_to_history(plan, directory, runs, record, looked, launch.same_code)
        for line in lines_about_history(plan, directory, record, looked):
            print(f"litmus: {line}", file=sys.stderr)
    tuning: TuningRecord | None = None
    if plan.tuning is not None:
        untuned = plan

        def write_tuning(record: TuningRecord) -> None:
            if rank == 0:
                write_study_record(
                    directory, untuned.record((), source, factory.codes, tuning=record, data=factory.data)
                )

        tuned, tuning, trials = tune(plan, plan.tuning, directory, factory.make, execute, write_tuning)
        if tuned is None:
            return replace(_result(directory, trials, rank), runs=[])
        plan = factory.plan = tuned
        runs = [factory.make(arm, seed) for arm, seed in plan.runs()]
    if rank == 0:
        starts, lines = compare_arms(plan, plan.seeds[0])
        for line in lines:
            print(f"litmus: {line}", file=sys.stderr)
        write_study_record(directory, plan.record(runs, source, factory.codes, starts, tuning, factory.data))
    execute(runs)
    if rank == 0 and (changed := factory.edited_files()):
        print(
            f"litmus: {listed(changed)} changed while the runs were trained, which are of the code before; the same "
            "command runs the present one",
            file=sys.stderr,
        )
    if group is not None:
        distributed.barrier()
        distributed.destroy_process_group()
    return _result(directory, runs, rank)


def require_same_experiment(plan: Plan, directory: Path, fingerprints: Collection[str]) -> None:
    """Raise `UserError` where the folder of `plan`, whose data have these fingerprints, holds another experiment."""
    try:
        held = read_study_record(directory)
    except UserError:  # there is none yet; what cannot be read is written anew
        return
    what, name = held.experiment or plan.experiment, plan.experiment
    if what == name and held.data_root != plan.data_root and held.data and not set(held.data) & set(fingerprints):
        what, name = f"{what} with the images in {held.data_root}", f"the one with those in {plan.data_root}"
    if what != name:
        raise UserError(f"{directory} holds another experiment, {what}; give {name} a name of its own with --name")


class RunFactory:
    """Makes the runs of a plan, having checked each arm once, and gives each its identity."""

    def __init__(self, plan: Plan, launch: LaunchConfig, source: Path | None) -> None:
        self.plan = plan
        self.directory = plan.directory(launch.out)
        self.fingerprints: dict[str, str] = {}
        self.lines: list[str] = []
        self._devices = launch.devices
        self.source = source
        self.code = None if source is None else read_user_code(source)
        if source is not None and self.code is not None:
            set_environment(source, plan.baseline.config.env)
            self.lines += environment_lines(self.code, plan.baseline.config.env)
        self._same_code = launch.same_code
        # Within a notebook, files and what a user's function returns may be others than at the call before.
        load.cache_clear()
        self.codes = [] if self.code is None else codes_of_study(self.directory, self.code.hashes)

    @property
    def data(self) -> tuple[str, ...]:
        """The fingerprints of the data of all arms."""
        return tuple(sorted(set(self.fingerprints.values())))

    def make(self, arm: Arm, seed: int, trial: str = "") -> Run:
        """Return the run of an arm with a seed; `trial` says what a trial sets. Raises `UserError`."""
        fingerprint = self.check(arm)
        config = arm.config.with_seed(seed) if trial else self.plan.config(arm, seed)
        identity = run_id(config, fingerprint, self._devices)
        code = None if self.code is None else RunCode(identity, self.code.hashes)
        if code is not None:
            identity = code.run_id
        path = self.directory / identity
        return Run(identity, self.plan.name, arm.label, arm.levels, config, path, self.source, code, trial, fingerprint)

    def check(self, arm: Arm) -> str:
        """Check an arm, once, and return the fingerprint of its data. Raises `UserError`."""
        key = repr(arm.config)
        if key not in self.fingerprints:
            try:
                fingerprint = check(arm.config, self._devices)
                lines = lines_about_outputs(arm.config)
            except UserError as error:
                raise UserError(str(error) if len(self.plan.arms) == 1 else f"arm {arm.label!r}: {error}") from None
            self.lines += [line for line in lines if line not in self.lines]
            if fingerprint not in self.fingerprints.values():
                self.lines += look_at_data(arm.config.data, fingerprint)
            self.fingerprints[key] = fingerprint
        return self.fingerprints[key]

    def edited_files(self) -> tuple[str, ...]:
        """Return the user's files that are no longer as they were when the runs were planned."""
        if self.code is None or self.source is None:
            return ()
        try:
            return changed_files(self.code.hashes, read_user_code(self.source).hashes)
        except FileNotFoundError:
            return (self.source.name,)

    def keep_code(self, runs: Sequence[Run]) -> str | None:
        """Copy the user's code into the study's folder, and return a message if there are runs of older code."""
        if self.code is None:
            return None
        keep_copies(self.code, self.directory)
        return reuse_older_runs(runs, self.codes, self._same_code)


def _launch_of_group(launch: LaunchConfig, group: ProcessGroup) -> LaunchConfig:
    if launch.launcher != "local":
        raise UserError(f"--launcher {launch.launcher} needs a single process; run it without torchrun")
    if launch.devices not in (1, group.size):
        raise UserError(f"--devices {launch.devices}: torchrun started {group.size} processes")
    return replace(launch, devices=group.size)


def _launcher(
    plan: Plan,
    launch: LaunchConfig,
    execution: Execution | None,
    group: ProcessGroup | None,
    runs: Sequence[Run],
) -> LocalLauncher | SlurmLauncher | ProcessGroupLauncher | NoLauncher:
    """Return what executes `runs`; `execution` is None where other processes find out by themselves."""
    if execution is None:
        launcher = SlurmLauncher if launch.launcher == "slurm" else NoLauncher
        return launcher(plan.directory(launch.out), launch, Progress(runs, launch.slurm.parallel))
    if group is not None:
        return ProcessGroupLauncher(group, execution, Progress(runs, 1, group.console()))
    places = places_of(launch, execution)
    return LocalLauncher(execution, places, Progress(runs, len(places)))


def _result(directory: Path, runs: list[Run], rank: int) -> StudyResult:
    result = StudyResult(directory, runs, rank=rank)
    for run in runs:
        state = run.record.outcome().state
        if state == "crashed":
            result.crashed[run.run_id] = str(run.record.read_status().get("error", ""))
        elif state in STATES_WITH_RESULT:
            (result.finished if state == "finished" else result.diverged).append(run.run_id)
        else:
            result.missing.append(run.run_id)
    return result


def dry_run(plan: Plan, launch: LaunchConfig) -> str:
    """Return the script that SLURM would get for `plan`, with nothing submitted or written.

    Raises `UserError` where another launcher is asked for.
    """
    if launch.launcher != "slurm":
        raise UserError("--dry-run prints what --launcher slurm would submit; add it")
    jobs = min(len(plan.runs()), launch.slurm.parallel)
    return script(plan.directory(launch.out), launch, jobs)
