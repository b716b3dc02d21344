"""The launcher of a sweep: it executes nothing, but writes a study down for the agents of W&B, who take a run each."""

import contextlib
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from litmus.metrics import METRICS
from studies.launch.machine import LaunchConfig
from studies.launch.outcome import Outcome
from studies.launch.progress import Progress
from studies.launch.run_entries import as_entry
from studies.launch.slurm_launcher import OURS
from studies.records.run_record import FINAL_STATES
from studies.records.storage import CorruptRecord, to_json, write_atomically
from studies.tracking import account, names
from studies.tracking.wandb_run import client
from studies.training.run import Run


def sweep_file(directory: Path) -> Path:
    """Return `sweep.yaml` of a study's folder: the sweep as W&B takes it."""
    return directory / "sweep" / "sweep.yaml"


def runs_file(directory: Path) -> Path:
    """Return `runs.json` of a study's sweep: every run with its config written out, and how it is executed."""
    return directory / "sweep" / "runs.json"


class SweepLauncher:
    """Writes `sweep.yaml` and `runs.json` into a study's folder, for `wandb agent` and what it calls."""

    def __init__(self, study: str, directory: Path, launch: LaunchConfig, primary_metric: str) -> None:
        self.study = study
        self.directory = directory
        self.launch = launch
        self.primary_metric = primary_metric
        self.progress = Progress([], 1)

    def execute(self, runs: Sequence[Run]) -> Outcome:
        """Write the sweep of `runs` and return which of them have their result, and which are left to the agents."""
        outcome = Outcome()
        for run in runs:
            state = _state(run)
            ended = outcome.diverged if state == "diverged" else outcome.finished
            (ended if state in FINAL_STATES else outcome.missing).append(run.run_id)
        launch = {key: value for key, value in dataclasses.asdict(self.launch).items() if key not in OURS}
        # Which mode of W&B it is, the machine of the agent says.
        content = {"study": self.study, "launch": {**launch, "wandb": None}, "runs": [as_entry(run) for run in runs]}
        write_atomically(runs_file(self.directory), to_json(content))
        text = yaml.safe_dump(specification(self.directory, runs, self.primary_metric), sort_keys=False)
        write_atomically(sweep_file(self.directory), text)
        return outcome


def specification(directory: Path, runs: Sequence[Run], primary_metric: str) -> dict[str, Any]:
    """Return the sweep of a study: a grid over its arms and seeds, whose program executes the run of one of each."""
    goal = "maximize" if METRICS[primary_metric].higher_is_better else "minimize"
    folder = str(directory.resolve())
    return {
        "name": names.shortened(runs[0].study),
        "project": account.project(),
        "method": "grid",
        "metric": {"name": f"val_{primary_metric}", "goal": goal},
        "parameters": {
            # Seeds first: the arms of a seed are paired, and fill up early.
            "seed": {"values": sorted({run.config.seed for run in runs})},
            "arm": {"values": list(dict.fromkeys(run.arm for run in runs))},
        },
        "program": "litmus",
        "command": [sys.executable, "-m", "studies.command.main", "wandb", "agent", folder, "${args}"],
    }


def registered(spec: Mapping[str, Any], entity: str) -> str:
    """Create a sweep in W&B and return its path, which `wandb agent` takes. Raises whatever the client raises."""
    wandb = client()
    # The client prints its address; what to type next says as much.
    with contextlib.redirect_stdout(None):
        identity = wandb.sweep(dict(spec), entity=entity or None, project=account.project())
    return "/".join(part for part in (entity, account.project(), identity) if part)


def _state(run: Run) -> str:
    try:
        return str(run.record.read_status().get("state")) if run.record.is_complete() else ""
    except CorruptRecord:
        return ""
