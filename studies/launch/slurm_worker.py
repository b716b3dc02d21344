"""A job of a study at work: it executes what is missing, alone or together with the other processes of its nodes."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from studies.launch.import_own_code import changed_code, import_file, told_of_change
from studies.launch.launcher import Launcher
from studies.launch.machine import LaunchConfig, execution_of, team_execution
from studies.launch.packing import packed
from studies.launch.progress import Progress
from studies.launch.run_entries import from_entry
from studies.launch.team_launcher import TeamLauncher, meet, part, share
from studies.launch.tracked import settled
from studies.records.run_record import RunRecord
from studies.records.storage import CorruptRecord
from studies.records.study_jobs import StudyJobs
from studies.training.run import Execution, Place, Run
from studies.training.team import Team, slurm_team


def execute_missing(study_directory: Path) -> None:
    """Execute the runs of `runs.json` that nobody executes, until none is left.

    Raises `Interrupted` at a signal, once its runs are checkpointed.
    """
    # What the machine that submitted reached, this one may not.
    launch, team = settled(LaunchConfig(**_read(study_directory)["launch"])), slurm_team()
    # Looked once more after the last run: another call may have added some.
    if team is None:
        launch, told = packed(launch, _missing(study_directory))
        if told:
            print(f"litmus: {told}", file=sys.stderr)
        execution, places = execution_of(launch)
        while _execute_alone(study_directory, execution, places):
            pass
    else:
        execution = team_execution(launch, team)
        meet(team, execution.accelerator)
        while _execute_together(study_directory, execution, team):
            pass
        part()


def _execute_alone(study_directory: Path, execution: Execution, places: Sequence[tuple[Place, ...]]) -> int:
    runs = _missing(study_directory)
    launcher = Launcher(execution, places, Progress(runs, len(places)), wait_for_others=False)
    launcher.execute(runs)
    return launcher.executed


def _execute_together(study_directory: Path, execution: Execution, team: Team) -> int:
    # Every process goes through the same runs: the first says which.
    runs: list[Run] = share(_missing(study_directory) if team.rank == 0 else [])
    console = None if team.rank == 0 else Console(quiet=True)
    launcher = TeamLauncher(team, execution, Progress(runs, 1, console))
    launcher.execute(runs)
    return launcher.executed


def _missing(study_directory: Path) -> list[Run]:
    content = _read(study_directory)
    for source in {entry["source"] for entry in content["runs"]} - {None}:
        import_file(Path(source))  # it registers what its configs name
    left = [entry for entry in content["runs"] if _is_left(RunRecord(study_directory / entry["run_id"]))]
    runs = [from_entry(entry, content["study"], study_directory) for entry in left]
    changed = {run.run_id: changed_code(run) for run in runs}
    files = tuple(sorted({file for each in changed.values() for file in each}))
    if files:
        print(f"litmus: {told_of_change(files)}", file=sys.stderr)
    return [run for run in runs if not changed[run.run_id]]


def _is_left(record: RunRecord) -> bool:
    try:
        return record.read_status().get("state") != "crashed" and not record.is_complete()
    except CorruptRecord:
        return True


def _read(study_directory: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(StudyJobs(study_directory).runs_file.read_text())
    return content
