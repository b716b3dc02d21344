"""Every record of a study as one pandas DataFrame."""

from pathlib import Path
from typing import Any

import pandas as pd

from litmus.errors import UserError
from studies.records import lease
from studies.records.run_record import CorruptRecord, RunDirectory, run_directories
from studies.training.config import flatten


def load(directory: str | Path) -> pd.DataFrame:
    """Return one row for each run under `directory`, a study's folder.

    Columns: `run`, `study`, `arm`, `seed`, `state` (finished, diverged, running, interrupted, crashed, corrupt),
    `error`, every config key by its dotted name, and the summary: metrics under their own names (accuracies as
    fractions), `parameters`, `flops`, `activations`, `seconds`, and `environment.*`, `normalisation.*` and
    `data.*`.
    Raises `UserError` where the folder holds no run.
    """
    records = run_directories(Path(directory))
    if not records:
        raise UserError(f"no records in {directory}")
    return pd.DataFrame([_row(record) for record in records])


def load_metrics(directory: str | Path) -> pd.DataFrame:
    """Return the rows of every run's `metrics.csv` under `directory`, with the columns `run`, `arm` and `seed`."""
    frames = []
    for record in run_directories(Path(directory)):
        frame = read_metrics(record)
        if frame is not None:
            status = _status(record)
            frame.insert(0, "run", record.run_id)
            frame.insert(1, "arm", status.get("arm"))
            frame.insert(2, "seed", status.get("seed"))
            frames.append(frame)
    if not frames:
        raise UserError(f"no metrics in {directory}")
    return pd.concat(frames, ignore_index=True)


def read_metrics(record: RunDirectory) -> pd.DataFrame | None:
    """Return the rows of one run's `metrics.csv`, None where there is none that can be read."""
    try:
        return pd.read_csv(record.metrics_file)
    except (OSError, ValueError):
        return None


def read_probes(record: RunDirectory) -> pd.DataFrame | None:
    """Return the rows of one run's `probes.csv`, None where there is none that can be read."""
    try:
        return pd.read_csv(record.probes_file, keep_default_na=False, na_values={"value": ["", "nan"]})
    except (OSError, ValueError):
        return None


def state_of(record: RunDirectory) -> str:
    """Return the run's state; one that says `running` whose process is gone was interrupted."""
    try:
        state = str(record.read_status().get("state", "interrupted"))
    except CorruptRecord:
        return "corrupt"
    return "interrupted" if state == "running" and not lease.is_held(record.path) else state


def _status(record: RunDirectory) -> dict[str, Any]:
    try:
        return record.read_status()
    except CorruptRecord:
        return {}


def _row(record: RunDirectory) -> dict[str, Any]:
    status = _status(record)
    row: dict[str, Any] = {"run": record.run_id, "study": status.get("study"), "arm": status.get("arm")}
    row.update(
        seed=status.get("seed"), state=state_of(record), attempts=status.get("attempts"), error=status.get("error")
    )
    try:
        row.update({key: value for key, value in flatten(record.read_config()).items() if key != "seed"})
        summary = record.read_summary()
    except CorruptRecord:
        row["state"] = "corrupt"
        return row
    if summary:
        row.update(summary["metrics"], **summary["cost"], seconds=summary["seconds"])
        row.update(diverged_at_step=summary["diverged_at_step"])
        row.update(flatten({key: summary[key] for key in ("environment", "normalisation", "data")}))
    return row
