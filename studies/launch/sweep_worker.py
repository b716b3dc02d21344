"""What an agent of W&B calls: the one run of a sweep that has an arm and a seed, as its study planned it."""

import json
import sys
from pathlib import Path
from typing import Any

from litmus.errors import UserError, unknown_name
from studies.launch.import_own_code import changed_code, import_file, told_of_change
from studies.launch.launcher import Interrupted, Launcher
from studies.launch.machine import LaunchConfig, execution_of
from studies.launch.progress import Progress
from studies.launch.run_entries import from_entry
from studies.launch.sweep_launcher import runs_file
from studies.launch.tracked import not_uploaded, settled
from studies.tracking.publish import UploadFailed, publish
from studies.training.run import Run


def execute_one(directory: Path, arm: str, seed: int) -> int:
    """Execute the run of `arm` and `seed` unless it has its result, and return the exit status.

    A run that has it is uploaded into the agent's W&B run. Raises `UserError` for an arm or a seed that the sweep has
    not, and where the user's code is no longer what the sweep was written for.
    """
    try:
        content = json.loads(runs_file(directory).read_bytes())
    except (OSError, ValueError):
        raise UserError(f"{directory} has no sweep; litmus wandb sweep STUDY writes it") from None
    run = _run(content, directory, arm, seed)
    changed = changed_code(run)
    if changed:
        raise UserError(told_of_change(changed))
    launch = settled(LaunchConfig(**content["launch"], out=str(directory.parent)))
    execution, places = execution_of(launch)
    launcher = Launcher(execution, places[:1], Progress([run], 1))
    try:
        outcome = launcher.execute([run])
    except Interrupted as interruption:
        print(f"litmus: stopped by {interruption}; {interruption.advice}", file=sys.stderr)
        return interruption.exit_status
    for error in outcome.crashed.values():
        print(f"litmus: run {run.run_id} crashed: {error}; see {run.record.log_file}", file=sys.stderr)
    if outcome.crashed:
        return 1
    if not launcher.executed:
        print(f"litmus: run {run.run_id} has its result already; it is not trained again", file=sys.stderr)
        if launch.wandb == "online":
            try:
                publish(run.record)
            except UploadFailed as error:
                print(f"litmus: W&B: not uploaded ({error}); the record is whole", file=sys.stderr)
    elif launch.wandb == "online" and (line := not_uploaded([run])):
        print(f"litmus: {line}", file=sys.stderr)
    return 0


def _run(content: dict[str, Any], directory: Path, arm: str, seed: int) -> Run:
    entries: list[dict[str, Any]] = content["runs"]
    for source in {entry["source"] for entry in entries} - {None}:
        import_file(Path(source))  # it registers what its configs name
    runs = [from_entry(entry, str(content["study"]), directory) for entry in entries]
    labels = list(dict.fromkeys(run.arm for run in runs))
    if arm not in labels:
        raise unknown_name("arm", arm, labels)
    seeds = {run.config.seed: run for run in runs if run.arm == arm}
    if seed not in seeds:
        raise UserError(f"arm {arm!r} has no seed {seed}; it has {', '.join(map(str, sorted(seeds)))}")
    return seeds[seed]
