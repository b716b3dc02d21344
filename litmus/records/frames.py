"""Records as pandas frames: every run of a study as one row, and the rows that a run left."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from litmus.core.config_keys import flatten
from litmus.core.errors import UserError, require_choice
from litmus.core.formatting import listed
from litmus.core.suggestions import nearest
from litmus.records.aside import runs_aside
from litmus.records.run_record import RunRecord, run_records
from litmus.records.storage import CorruptRecord
from litmus.records.study_record import StudyRecord, experiments_in, read_study_record
from litmus.records.user_code import code_version, recorded_code

Columns = Literal["all"] | Sequence[str] | None
"""Which columns of a run are asked for: those by default, all, or those of a list."""

IDENTIFYING = ("run", "arm", "seed", "state")
"""The columns that say which run a row is of."""

COST = ("diverged_at_step", "parameters", "flops", "seconds")


def load(
    directory: str | Path,
    columns: Columns = None,
    *,
    curves: bool = False,
    experiments: Literal["present", "all"] = "present",
) -> pd.DataFrame:
    """Return one row for each run of the experiment in `directory`; with `curves`, one for each row of its curve.

    Rows are in the order of the arms, and within an arm of the seeds.

    Columns of a run: `run`, `arm`, `seed`, `state` (finished, diverged, not_finite, running, interrupted, crashed,
    corrupt), the study's factors by their dotted keys, the metrics under their names (accuracies as fractions),
    `diverged_at_step`, `parameters`, `flops` and `seconds`; where the study was tuned also `trial`, what a trial of the
    tuning sets, else empty. `columns` names others in their place, or `all`: every config key by its dotted name,
    `experiment`, `attempts`, `error`, `activations`, `environment.*`, `normalisation.*` and `data.*` too.

    With `curves`, a row is one of `metrics.csv`: `kind` (step, the training since the last such row, or evaluation),
    `step`, `epoch`, `lr` and the metrics at that time, behind `run`, `arm`, `seed`, `state` and the factors, or behind
    what `columns` names.

    The runs are those that the experiment's report is about: what its last command asked for. Where the study's file,
    the user's code or the data changed, runs of before are left out. With `experiments="all"` every run in the folder
    is there, and the column `experiment` says of which experiment it is; `directory` may then also be the folder of all
    experiments, such as `runs`.

    Raises `UserError` where the folder holds no run, and for a column that no run has.
    """
    directory, read = Path(directory), read_metrics if curves else None
    if experiments == "present":
        return _table(directory, columns, read)
    require_choice("experiments", experiments, ("present", "all"))
    folders = [directory] if run_records(directory) else experiments_in(directory)
    tables = [_table(folder, columns, read, every=True) for folder in folders]
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def load_probes(directory: str | Path, columns: Columns = None) -> pd.DataFrame:
    """Return one row for each thing that a probe measured in a run under `directory`, a study's folder.

    Columns: `step`, `probe`, `layer`, `quantity` and `value`, behind `run`, `arm`, `seed`, `state` and the study's
    factors, or behind what `columns` names, as in `load`. Raises `UserError` where the folder holds no run, and where
    no run has measured anything.
    """
    frame = _table(Path(directory), columns, read_probes)
    if not len(frame):
        raise UserError(f"no run in {directory} has measurements; add some with trainer.probes, see litmus list probes")
    return frame


def _table(
    directory: Path,
    columns: Columns,
    read: Callable[[RunRecord], pd.DataFrame | None] | None,
    every: bool = False,
) -> pd.DataFrame:
    """Return a row for each run, or, with `read`, for each row that it returns of a run.

    The runs are those of the experiment in `directory`, or `every` run there, with the column `experiment`.
    """
    try:
        study = read_study_record(directory)
    except UserError:
        study = None  # runs are read without their study, too
    frame, metrics = _runs(directory, study, every)
    tuned = "trial" in frame and frame["trial"].fillna("").astype(bool).any()
    default = [*(["experiment"] if every else []), *IDENTIFYING, *(["trial"] if tuned else [])]
    if every and isinstance(columns, list | tuple):
        columns = list(dict.fromkeys(["experiment", *columns]))
    default += study.factors if study is not None else ()
    if read is None:
        return frame[_chosen(columns, frame, [*default, *metrics, *COST])]
    names = _chosen(columns, frame, default)
    parts = {run: read(RunRecord(directory / run)) for run in frame["run"]}
    left = {run: rows for run, rows in parts.items() if rows is not None}
    if not left:
        return frame[names].head(0)
    rows = pd.concat(left, ignore_index=True)
    # A row's value at its step takes precedence over the run's final one.
    about = frame[[name for name in names if name not in rows]]
    place = dict(zip(frame["run"], range(len(frame)), strict=True))
    repeated = [place[run] for run, part in left.items() for _ in range(len(part))]
    return pd.concat((about.iloc[repeated].reset_index(drop=True), rows), axis=1)


def _runs(directory: Path, study: StudyRecord | None, every: bool) -> tuple[pd.DataFrame, list[str]]:
    """Return all there is of every run, a row each, and the names of the columns that are metrics.

    Rows are in the order of the study's arms, and within an arm of the seeds; arms that the study lacks come last.
    """
    records = run_records(directory)
    if not records:
        held = [folder.name for folder in experiments_in(directory)] if directory.is_dir() else []
        hint = f"; it is the folder of {listed(held)}: load one of them, or experiments='all'" if held else ""
        raise UserError(f"no records in {directory}{hint}")
    name = directory.resolve().name
    named = dict.fromkeys((record.run_id for record in records), name)
    if study is not None:
        aside = runs_aside(directory, study)
        if not every:
            records = [each for each in records if each.run_id not in {*aside.differences, *aside.unasked}]
        named |= {run: difference.named(name) for run, difference in aside.differences.items()}
    arms = study.arm_of_run() if study is not None else {}
    rows = []
    metrics: dict[str, None] = {}
    for record in records:
        row, measured = _row(record)
        if record.run_id in arms:
            arm = arms[record.run_id]
            row["arm"] = arm.label  # which may have changed since the run
            if row["seed"] is None:  # as where a worker died before the run began
                row["seed"] = next(seed for seed, run in arm.runs.items() if run == record.run_id)
        rows.append({"experiment": named[record.run_id], **row})
        metrics.update(dict.fromkeys(measured))
    frame = pd.DataFrame(rows)
    if len(frame):
        labels = [arm.label for arm in study.arms] if study is not None else []
        place = {label: number for number, label in enumerate(dict.fromkeys([*labels, *frame["arm"].dropna()]))}
        order = pd.DataFrame({"arm": frame["arm"].map(place), "seed": pd.to_numeric(frame["seed"])})
        order["other"] = frame["experiment"].where(frame["experiment"] != name, "")
        frame = frame.loc[order.sort_values(["other", "arm", "seed"], kind="stable").index].reset_index(drop=True)
    return frame, list(metrics)


def _chosen(columns: Columns, frame: pd.DataFrame, default: Sequence[str]) -> list[str]:
    if columns is None:
        return [name for name in dict.fromkeys(default) if name in frame]
    if isinstance(columns, str):
        if columns != "all":
            raise UserError(f"columns must be 'all' or a list of names, got {columns!r}")
        return [str(name) for name in frame]
    for name in columns:
        if name not in frame:
            meant = nearest(name, [str(each) for each in frame])
            suggestion = f"; did you mean {meant!r}?" if meant else ";"
            raise UserError(f"no run has a column {name!r}{suggestion} columns='all' has all {len(frame.columns)}")
    return list(columns)


def read_metrics(record: RunRecord) -> pd.DataFrame | None:
    """Return the rows of one run's `metrics.csv`, None where there is none that can be read."""
    return _csv(record.metrics_file)


def read_probes(record: RunRecord) -> pd.DataFrame | None:
    """Return the rows of one run's `probes.csv`, None where there is none that can be read."""
    return _csv(record.probes_file, keep_default_na=False, na_values={"value": ["", "nan"]})


def _csv(file: Path, **options: Any) -> pd.DataFrame | None:
    if not file.exists():
        return None  # pandas takes longer to find out
    try:
        return pd.read_csv(file, **options)
    except (OSError, ValueError):
        return None


def _row(record: RunRecord) -> tuple[dict[str, Any], Iterable[str]]:
    """Return the row of a run, and which of its columns are metrics."""
    try:
        status = record.read_status()
    except CorruptRecord:
        status = {}
    row: dict[str, Any] = {"run": record.run_id, "arm": status.get("arm")}
    row.update(seed=status.get("seed"), state=record.state(), attempts=status.get("attempts"))
    row.update(error=status.get("error"), trial=status.get("trial"))
    code = recorded_code(status)
    if code is not None:
        row["code"] = code_version(code.hashes)
    try:
        row.update({key: value for key, value in flatten(record.read_config()).items() if key != "seed"})
        summary = record.read_summary()
    except CorruptRecord:
        row["state"] = "corrupt"
        return row, ()
    if summary:
        row.update(summary["metrics"], **summary["cost"], seconds=summary["seconds"])
        row.update(diverged_at_step=summary["diverged_at_step"])
        row.update(flatten({key: summary[key] for key in ("environment", "normalisation", "data")}))
    return row, summary.get("metrics", ())
