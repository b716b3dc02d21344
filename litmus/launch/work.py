"""A job of SLURM: it executes run after run until none is left, and requeues itself if a signal stops it.

PyTorch is imported within the functions, once the signals are handled: it takes seconds, in which a signal may come.
"""

import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import submitit

from litmus.core.errors import UserError
from litmus.launch.signals import Interrupted, stop_on_signals
from litmus.records import slurm
from litmus.records.run_record import RunRecord
from litmus.records.study_record import StudyJobs

if TYPE_CHECKING:
    from litmus.training.run import Run


def run_job(directory: str) -> None:
    """Execute what is missing of the study in `directory`.

    At a signal the runs are checkpointed, and the first process requeues the job.
    """
    with stop_on_signals():
        try:
            execute_missing(Path(directory))
        except Interrupted as interruption:
            print(f"stopped by {interruption}", file=sys.stderr)
            environment = submitit.JobEnvironment()
            if environment.global_rank == 0:
                requeue(environment.job_id)
        except UserError as error:
            print(f"litmus: {error}", file=sys.stderr)
            sys.exit(1)


def requeue(job: str) -> None:
    """Requeue `job`, to which this process belongs, unless it was cancelled."""
    while True:
        try:
            state, _, _ = slurm.job_state(job)
            if state == "RUNNING":
                slurm.ask("scontrol", "requeue", job)
            return
        except UserError as error:  # its controller may be away for a while
            print(f"litmus: {error}; trying again", file=sys.stderr)
            time.sleep(5)


def execute_missing(study_directory: Path) -> None:
    """Execute the runs of `runs.json` that no other process executes, until none is left.

    Raises `Interrupted` at a signal, once its runs are checkpointed.
    """
    import torch.distributed as distributed

    from litmus.launch.config import LaunchConfig, execution_of, places_of
    from litmus.launch.local import LocalLauncher
    from litmus.launch.process_group import ProcessGroupLauncher, broadcast, slurm_group
    from litmus.launch.progress import Progress
    from litmus.records.wandb import available_mode

    group = slurm_group()
    launch = LaunchConfig(**_read(study_directory)["launch"])
    # This node may not reach the servers that the login node reaches.
    launch = dataclasses.replace(launch, wandb=available_mode(launch.wandb, study_directory.name))
    execution = execution_of(launch, None if group is None else group.processes_per_node)
    # The list is read once more after the last run: another call may have added some.
    if group is None:
        places = places_of(launch, execution)
        while True:
            runs = missing_runs(study_directory)
            launcher = LocalLauncher(execution, places, Progress(runs, len(places)), wait_for_others=False)
            if not launcher.execute(runs):
                break
    else:
        group.initialise(execution.accelerator)
        while True:
            runs = broadcast(missing_runs(study_directory) if group.rank == 0 else [])
            if not ProcessGroupLauncher(group, execution, Progress(runs, 1, group.console())).execute(runs):
                break
        distributed.barrier()
        distributed.destroy_process_group()


def missing_runs(study_directory: Path) -> "list[Run]":
    """Return the runs of `runs.json` that have not ended and whose code has not changed since they were submitted."""
    from litmus.launch.worker import changed_code, import_file, message_of_change
    from litmus.training.run import Run

    content = _read(study_directory)
    for source in {entry["source"] for entry in content["runs"]} - {None}:
        import_file(Path(source))  # registers the networks and datasets of its configs
    runs: list[Run] = []
    changed: set[str] = set()
    for entry in content["runs"]:
        if RunRecord(study_directory / entry["run_id"]).outcome().has_ended:
            continue
        run = Run.from_dict(entry, study_directory)
        files = changed_code(run)
        changed.update(files)
        if not files:
            runs.append(run)
    if changed:
        print(f"litmus: {message_of_change(tuple(sorted(changed)))}", file=sys.stderr)
    return runs


def _read(study_directory: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(StudyJobs(study_directory).runs_file.read_text())
    return content
