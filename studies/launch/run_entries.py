"""Runs as `runs.json` keeps them, for the jobs of a study: with every config written out."""

from pathlib import Path
from typing import Any

from litmus.settings import flatten
from studies.records.code_record import RunCode
from studies.training.config import resolve
from studies.training.run import Run


def as_entry(run: Run) -> dict[str, Any]:
    """Return a run as `runs.json` keeps it."""
    return {
        "run_id": run.run_id,
        "arm": run.arm,
        "levels": run.levels,
        "config": run.config.as_dict(),
        "trial": run.trial,
        "source": None if run.source is None else str(run.source),
        "code": None if run.code is None else run.code.as_dict(),
    }


def from_entry(entry: dict[str, Any], study: str, directory: Path) -> Run:
    """Return the run of an entry of `runs.json`."""
    source = None if entry["source"] is None else Path(entry["source"])
    config = resolve(flatten(entry["config"]))
    return Run(
        entry["run_id"],
        study,
        entry["arm"],
        entry["levels"],
        config,
        directory / entry["run_id"],
        source,
        code=None if entry["code"] is None else RunCode(**entry["code"]),
        trial=entry["trial"],
    )
