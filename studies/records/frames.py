"""Records as pandas frames: every run of a study as one row, and the rows that a run left."""

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from litmus.errors import UserError
from litmus.settings import flatten
from studies.records.code_record import recorded_code
from studies.records.code_use import code_use
from studies.records.run_record import RunRecord, run_records
from studies.records.storage import CorruptRecord
from studies.records.study_record import read_study_record


def load(directory: str | Path, older_code: bool = False) -> pd.DataFrame:
    """Return one row for each run under `directory`, a study's folder.

    Runs of code of the user's that has changed since are left out, but for those that `--same-code` took over; with
    `older_code` they are there too. What a run's own code is, says the column `own_code`.

    Columns: `run`, `study`, `arm`, `seed`, `trial` (what a trial of the tuning sets, else empty), `state` (finished,
    diverged, running, interrupted, crashed, corrupt), `error`, every config key by its dotted name, and the summary:
    metrics under their own names (accuracies as fractions), `parameters`, `flops`, `activations`, `seconds`, and
    `environment.*`, `normalisation.*` and `data.*`.
    Raises `UserError` where the folder holds no run.
    """
    records = run_records(Path(directory))
    if not records:
        raise UserError(f"no records in {directory}")
    aside = () if older_code else _of_older_code(Path(directory))
    columns = _Columns()
    for record in records:
        if record.run_id not in aside:
            columns.add(_row(record))
    return columns.frame()


def _of_older_code(directory: Path) -> Collection[str]:
    try:
        study = read_study_record(directory)
    except UserError:
        return ()  # runs alone, of no study
    return code_use(directory, study).aside


def read_metrics(record: RunRecord) -> pd.DataFrame | None:
    """Return the rows of one run's `metrics.csv`, None where there is none that can be read."""
    try:
        return pd.read_csv(record.metrics_file)
    except (OSError, ValueError):
        return None


def read_probes(record: RunRecord) -> pd.DataFrame | None:
    """Return the rows of one run's `probes.csv`, None where there is none that can be read."""
    try:
        return pd.read_csv(record.probes_file, keep_default_na=False, na_values={"value": ["", "nan"]})
    except (OSError, ValueError):
        return None


class _Columns:
    """Rows that grow column by column: ten thousand dictionaries of a hundred keys would take a gigabyte."""

    def __init__(self) -> None:
        self._rows = 0
        self._values: dict[str, list[Any]] = {}
        self._texts: dict[str, str] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row; columns that it lacks are empty in it, and those that are new are empty in all before it."""
        for name, value in row.items():
            column = self._values.get(name)
            if column is None:
                column = self._values[name] = []
            column.extend([math.nan] * (self._rows - len(column)))
            # Most texts are the same in all rows: one object serves.
            column.append(self._texts.setdefault(value, value) if isinstance(value, str) else value)
        self._rows += 1

    def frame(self) -> pd.DataFrame:
        """Return the rows as a frame."""
        for column in self._values.values():
            column.extend([math.nan] * (self._rows - len(column)))
        return pd.DataFrame(self._values)


def _row(record: RunRecord) -> dict[str, Any]:
    try:
        status = record.read_status()
    except CorruptRecord:
        status = {}
    row: dict[str, Any] = {"run": record.run_id, "study": status.get("study"), "arm": status.get("arm")}
    row.update(seed=status.get("seed"), state=record.state(), attempts=status.get("attempts"))
    row.update(error=status.get("error"), trial=status.get("trial"))
    code = recorded_code(status)
    if code is not None:
        row["own_code"] = code.version
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
