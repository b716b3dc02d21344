"""What each job of a study executes: run after run, by lease, until none is left.

It is imported before PyTorch is, so that a signal which comes meanwhile is answered too.
"""

import json
import signal
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from litmus.launch.forecast import packed
from litmus.launch.local import Launcher
from litmus.launch.machine import LaunchConfig, execution_of, settled, team_execution
from litmus.launch.progress import Progress
from litmus.launch.run_queue import from_entry
from litmus.launch.torchrun import Team, TeamLauncher, meet, part, share, slurm_team
from litmus.launch.worker import GIVE_WAY, GO_ON_LATER, changed_code, import_file, told_of_change
from litmus.records.run_record import FINAL_STATES, RunRecord
from litmus.records.study_record import StudyJobs
from litmus.training.run import Execution, Place, Run


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
    outcomes = {entry["run_id"]: RunRecord(study_directory / entry["run_id"]).outcome() for entry in content["runs"]}
    left = [entry for entry in content["runs"] if outcomes[entry["run_id"]].state not in (*FINAL_STATES, "crashed")]
    runs = [from_entry(entry, content["study"], study_directory) for entry in left]
    changed = {run.run_id: changed_code(run) for run in runs}
    files = tuple(sorted({file for each in changed.values() for file in each}))
    if files:
        print(f"litmus: {told_of_change(files)}", file=sys.stderr)
    return [run for run in runs if not changed[run.run_id]]


def _read(study_directory: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(StudyJobs(study_directory).runs_file.read_text())
    return content


def work(directory: str) -> None:
    """Execute what is missing of the study in `directory`, and exit by what came of it.

    0 where no run is left for this task, `GO_ON_LATER` where it was told to give way.
    """
    for number in GIVE_WAY:
        signal.signal(number, _give_way)
    from litmus.core.errors import UserError
    from litmus.launch.worker import Interrupted

    try:
        execute_missing(Path(directory))
    except Interrupted as interruption:
        print(f"stopped by {interruption}", file=sys.stderr)
        sys.exit(GO_ON_LATER)
    except UserError as error:
        print(f"litmus: {error}", file=sys.stderr)
        sys.exit(1)


def _give_way(number: int, frame: types.FrameType | None) -> None:
    sys.exit(GO_ON_LATER)  # nothing is running yet
