"""`litmus work`: a process that executes run after run of a study's `runs.json` until none is left.

A job of SLURM is one, a pod of Kubernetes or a shell on another machine may be others. PyTorch is imported within the
functions, once the signals are handled: it takes seconds, in which a signal may come.
"""

import dataclasses
import hashlib
import json
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litmus.core.errors import UserError
from litmus.core.formatting import several
from litmus.launch.signals import Interrupted, stop_on_signals
from litmus.records import slurm
from litmus.records.run_record import RunRecord
from litmus.records.storage import to_json, write_atomically
from litmus.records.study_record import StudyJobs

if TYPE_CHECKING:
    from litmus.launch.config import LaunchConfig
    from litmus.launch.progress import Progress
    from litmus.training.run import Run

AGAIN = 75
"""The exit status that asks for the same command again: EX_TEMPFAIL of sysexits.h, which schedulers can tell apart."""

LAUNCHER_SETTINGS = ("slurm", "launcher", "out", "dry_run", "same_code")
"""Settings that are no part of how a run is executed."""


def write_runs(directory: Path, runs: Sequence["Run"], launch: "LaunchConfig", keep_others: bool = False) -> None:
    """Write `runs.json` of the study in `directory`; with `keep_others`, the runs that it lists already stay in it."""
    file = StudyJobs(directory).runs_file
    entries = {run.run_id: run.as_dict() for run in runs}
    if keep_others:
        entries = {**{entry["run_id"]: entry for entry in _read(directory)["runs"]}, **entries}
    settings = {key: value for key, value in dataclasses.asdict(launch).items() if key not in LAUNCHER_SETTINGS}
    write_atomically(file, to_json({"launch": settings, "runs": list(entries.values())}))


class NoLauncher:
    """The launcher `none`: it executes nothing, and writes down what `litmus work` is to execute."""

    def __init__(self, directory: Path, launch: "LaunchConfig", progress: "Progress") -> None:
        self.directory = directory
        self.launch = launch
        self.progress = progress

    def execute(self, runs: Sequence["Run"]) -> None:
        """Write `runs.json`, and say how many of `runs` are missing."""
        write_runs(self.directory, runs, self.launch)
        missing = sum(not run.record.outcome().is_complete for run in runs)
        how = f"; `litmus work {self.directory}` executes them, any number of times at once" if missing else ""
        self.progress.notice(f"{several(len(runs), 'run')} planned, {missing} to do{how}")


def work(directory: Path) -> int:
    """Execute what is missing of the study in `directory` until nothing is left that no other process executes.

    Returns the exit status: 0; 1 where runs crashed; `AGAIN` after a signal, once the runs are checkpointed, and after
    a crash of one of several processes that train a run together; 130 after Ctrl-C. Raises `UserError` where no run
    can continue.
    """
    with stop_on_signals():
        try:
            return 1 if _execute_missing(directory) else 0
        except Interrupted as interruption:
            print(f"litmus: stopped by {interruption}; {interruption.advice}", file=sys.stderr)
            return interruption.exit_status if interruption.number == signal.SIGINT else AGAIN


def _execute_missing(directory: Path) -> int:
    """Execute the runs of `runs.json` that no other process executes, until none is left; return how many crashed.

    Raises `Interrupted` at a signal, once its runs are checkpointed.
    """
    content = _read(directory)  # before PyTorch is imported: the folder may be another one

    import torch.distributed as distributed

    from litmus.launch.config import LaunchConfig, execution_of, places_of
    from litmus.launch.local import LocalLauncher
    from litmus.launch.process_group import ProcessGroupLauncher, broadcast, slurm_group, torchrun_group
    from litmus.launch.progress import Progress
    from litmus.records.wandb import available_mode

    launch = LaunchConfig(**content["launch"])
    group = torchrun_group() or slurm_group(str(launch.accelerator))
    # This node may not reach the servers that the login node reaches.
    launch = dataclasses.replace(launch, wandb=available_mode(launch.wandb, directory))
    execution = execution_of(launch, None if group is None else group.processes_per_node)
    if group is not None:
        group.initialise(execution.accelerator)
    crashed: set[str] = set()
    # The list is read once more after the last run: another call may have added some.
    if group is None:
        places = places_of(launch, execution)
        while True:
            runs = missing_runs(directory)
            launcher = LocalLauncher(execution, places, Progress(runs, len(places)), wait_for_others=False)
            executed = launcher.execute(runs)
            crashed.update(run.run_id for run in runs if run.record.state() == "crashed")
            if not executed:
                return len(crashed)
    while True:
        runs = broadcast(missing_runs(directory, repeat_crashed=True) if group.rank == 0 else [])
        try:
            if not ProcessGroupLauncher(group, execution, Progress(runs, 1, group.console())).execute(runs):
                break
        except UserError:
            raise
        except Exception:
            # The processes may be at different points by now: they start anew, and then repeat the run.
            traceback.print_exc()
            raise SystemExit(AGAIN) from None
    distributed.barrier()
    distributed.destroy_process_group()
    return sum(run.record.state() == "crashed" for run in runs)


def missing_runs(directory: Path, repeat_crashed: bool = False) -> "list[Run]":
    """Return the runs of `runs.json` that have not ended and whose code has not changed since they were planned.

    Each job has an order of its own, so that hundreds do not ask for the same run at the same time; the arms of a seed
    follow one another. With `repeat_crashed`, runs that crashed once are among them.
    """
    from litmus.core.source import import_source, is_imported, set_environment
    from litmus.launch.local import MAX_ATTEMPTS
    from litmus.launch.worker import changed_code, message_of_change
    from litmus.training.run import Run

    content = _read(directory)
    for entry in {entry["source"]: entry for entry in content["runs"] if entry["source"] is not None}.values():
        source = Path(entry["source"])
        if not is_imported(source):
            set_environment(source, entry["config"].get("env", {}))
        import_source(source)  # registers the networks and datasets of its configs
    runs: list[Run] = []
    changed: set[str] = set()
    for entry in content["runs"]:
        record = RunRecord(directory / entry["run_id"])
        outcome = record.outcome()
        repeated = repeat_crashed and outcome.state == "crashed" and _crashes(record) < MAX_ATTEMPTS
        if outcome.has_ended and not repeated:
            continue
        run = Run.from_dict(entry, directory)
        files = changed_code(run)
        changed.update(files)
        if not files:
            runs.append(run)
    if changed:
        print(f"litmus: {message_of_change(tuple(sorted(changed)))}", file=sys.stderr)
    job = slurm.own_job()
    walker = job.id if job is not None else socket.gethostname()

    def draw(*key: object) -> bytes:
        return hashlib.sha256(repr((walker, *key)).encode()).digest()

    return sorted(runs, key=lambda run: (draw(run.trial, run.config.seed), draw(run.run_id)))


def _crashes(record: RunRecord) -> int:
    return int(record.read_status().get("attempts", 1))


def _read(directory: Path) -> Mapping[str, Any]:
    file = StudyJobs(directory).runs_file
    try:
        content: Mapping[str, Any] = json.loads(file.read_bytes())
        if not {"launch", "runs"} <= content.keys():
            raise ValueError("it lists no runs")
    except FileNotFoundError:
        advice = "litmus run STUDY --launcher none writes it"
        raise UserError(f"{directory} has no list of runs ({file.name}): {advice}") from None
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{file} cannot be read: {' '.join(str(error).split())[:120]}") from None
    return content
