"""Tables of runs that another tool wrote: CSV, JSON lines, Parquet, W&B's exports, logs of Lightning's CSVLogger."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from litmus.core.config_keys import flatten
from litmus.core.errors import UserError
from litmus.core.formatting import listed

CSV, JSON, PARQUET = (".csv", ".tsv", ".txt"), (".jsonl", ".ndjson", ".json"), (".parquet", ".pq")
WANDB_BOUND = "__MIN"
"""What W&B's export of a chart adds to the name of a column for the lowest value within a step."""
WANDB_NAME = re.compile(r"(?P<arm>.*?)[\s_./-]*(?:seed|run|s|v|version)?[\s_=:.-]*(?P<seed>\d+)", re.IGNORECASE)
"""A run's name that ends in the number of its seed."""


@dataclass(frozen=True)
class RunTable:
    """A table of runs.

    Args:
        rows: a row for each run, or for each step of each run; the index says where each is, such as `row 7`.
        name: the file, as errors name it.
        run: the column that identifies a run, where the format has one.
        step: the column of the steps, where the format has one.
        notes: what was read otherwise than it is written, a sentence each.
    """

    rows: pd.DataFrame
    name: str
    run: str = ""
    step: str = ""
    notes: tuple[str, ...] = ()


def read_table(path: Path) -> RunTable:
    """Return the table in a file, or that of a folder of Lightning's logs. Raises `UserError` where it is none."""
    if path.is_dir():
        return _lightning(path)
    kind = path.suffix.lower()
    if kind not in (*CSV, *JSON, *PARQUET):
        raise UserError(
            f"{path}: expected a table ({', '.join((*CSV, *JSON, *PARQUET))}) or a folder of Lightning's logs"
        )
    try:
        content = path.read_bytes()
        if kind in PARQUET:
            return table_of_frame(pd.read_parquet(io.BytesIO(content)), str(path))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist") from None
    except ImportError:
        raise UserError(f"{path}: reading Parquet needs pyarrow: pip install pyarrow") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())[:120]}") from None
    try:
        text = content.decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}); save it as CSV UTF-8") from None
    table = _json(text, str(path)) if kind in JSON else _csv(text, str(path))
    return _of_wandb_chart(table)


def table_of_frame(frame: pd.DataFrame, name: str) -> RunTable:
    """Return the table of a pandas frame, whose index names the rows. Raises `UserError` for columns of one name."""
    rows = frame.copy()
    rows.columns = pd.Index([str(column) for column in frame.columns])
    _require_distinct(list(rows.columns), name)
    if not len(rows):
        raise UserError(f"{name} has no rows")
    labels = frame.index if frame.index.is_unique else range(len(frame))
    rows.index = pd.Index([f"row {label}" for label in labels])
    return RunTable(rows, name)


def _require_distinct(columns: Sequence[str], name: str) -> None:
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise UserError(f"{name} has {len(twice)} column names twice, e.g. {twice[0]!r}; rename one")


def _csv(text: str, name: str) -> RunTable:
    """Return the table of CSV, whatever its delimiter; its values are texts. Rows are counted as spreadsheets do."""
    first = text.partition("\n")[0]
    try:
        delimiter = max(",;\t|", key=lambda each: len(next(csv.reader([first], delimiter=each), [])))
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise UserError(f"{name} is not CSV: {error}") from None
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if any(field.strip() for field in line)]
    if not numbered:
        raise UserError(f"{name} is empty")
    header = [field.strip() for field in numbered[0][1]]
    # pandas writes its index under no name.
    kept = [index for index, column in enumerate(header) if column]
    _require_distinct([header[index] for index in kept], name)
    if len(numbered) == 1:
        raise UserError(f"{name} has a header and no rows")
    for number, line in numbered[1:]:
        if len(line) != len(header):
            raise UserError(
                f"{name}, row {number}: {len(line)} fields where the header has {len(header)}; a text that holds "
                f"{delimiter!r} needs quotes around it"
            )
    columns = {}
    for index in kept:
        values = [line[index].strip() for _, line in numbered[1:]]
        if delimiter == ";" and all(re.fullmatch(r"-?\d+(,\d+)?|", value) for value in values):
            values = [value.replace(",", ".") for value in values]  # a decimal comma
        columns[header[index]] = values
    return RunTable(pd.DataFrame(columns, index=[f"row {number}" for number, _ in numbered[1:]]), name)


def _json(text: str, name: str) -> RunTable:
    """Return the table of JSON lines, or of a JSON list of objects; nested objects become dotted columns."""
    rows: list[tuple[str, Any]]
    try:
        if text.lstrip().startswith("["):
            rows = [(f"item {number}", row) for number, row in enumerate(json.loads(text), start=1)]
        else:
            lines = [(f"line {number}", line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
            rows = [(where, json.loads(line)) for where, line in lines]
    except ValueError as error:
        raise UserError(f"{name} is neither JSON lines nor a JSON list: {error}") from None
    wrong = next((where for where, row in rows if not isinstance(row, dict)), None)
    if wrong:
        raise UserError(f"{name}, {wrong}: expected an object with a value for each column")
    if not rows:
        raise UserError(f"{name} is empty")
    return RunTable(pd.DataFrame([flatten(row) for _, row in rows], index=[where for where, _ in rows]), name)


def _of_wandb_chart(table: RunTable) -> RunTable:
    """Return the table of a chart that W&B exported, a column for each run, as a row for each step of each run.

    Its columns are `Step` and, for each run, `name - metric` with `__MIN` and `__MAX`. The runs' configs are not there,
    so that arm and seed are read from the names.
    """
    rows = table.rows
    drawn = [column for column in map(str, rows) if f"{column}{WANDB_BOUND}" in rows and " - " in column]
    if not drawn:
        return table
    step, parts = str(rows.columns[0]), []
    names = {column: column.rpartition(" - ") for column in drawn}
    found = {run: WANDB_NAME.fullmatch(run) for run, _, _ in names.values()}
    nameless = next((run for run, match in found.items() if match is None or not match["arm"]), None)
    if nameless is not None:
        raise UserError(
            f"{table.name} is a chart's export of W&B, and the run {nameless!r} does not end in its seed; export the "
            "table of runs, which has their configs (of groups, ungroup them first)"
        )
    for run in found:
        match = found[run]
        assert match is not None
        of_run = {metric: rows[column] for column, (name, _, metric) in names.items() if name == run}
        part = pd.DataFrame({"Name": run, "arm": match["arm"], "seed": match["seed"], step: rows[step], **of_run})
        logged = part[list(of_run)].map(lambda value: value not in ("", None)).any(axis=1)
        parts.append(part[logged].set_axis([f"{where} of {run}" for where in part.index[logged]], axis=0))
    run, match = next(iter(found.items()))
    assert match is not None
    note = f"Arm and seed are read from the runs' names: {run!r} is arm {match['arm']!r}, seed {match['seed']}."
    return RunTable(pd.concat(parts), table.name, "Name", step, (note,))


class _Hparams(yaml.SafeLoader):
    """Reads `hparams.yaml` without making the Python objects that it may name."""


_Hparams.add_multi_constructor("", lambda loader, tag, node: f"{tag.rpartition(':')[2]}")


def _lightning(folder: Path) -> RunTable:
    """Return the table of all runs that Lightning's CSVLogger wrote under a folder: their metrics and `hparams.yaml`.

    The column `name` is the folder that a run's `version_0` is in.
    """
    parts: list[pd.DataFrame] = []
    for file in sorted(folder.rglob("metrics.csv")):
        run = file.parent.relative_to(folder)
        try:
            # As texts: an empty field was not logged, and nan is a loss that was.
            metrics = pd.read_csv(file, dtype=str, keep_default_na=False)
            hparams = file.with_name("hparams.yaml")
            given = yaml.load(hparams.read_bytes(), _Hparams) if hparams.exists() else {}
        except pd.errors.EmptyDataError:
            continue  # a run that logged nothing
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise UserError(f"{file.parent} cannot be read: {' '.join(str(error).split())[:120]}") from None
        about = {"run": str(run), "name": str(run.parent) if run.parent != Path() else run.name}
        for key, value in flatten(given or {}).items():
            about[f"hparams.{key}" if key in metrics or key in about else key] = value
        metrics = metrics.assign(**{key: [value] * len(metrics) for key, value in about.items()})
        parts.append(metrics.set_axis([f"row {number} of {file}" for number in range(2, len(metrics) + 2)], axis=0))
    if not parts:
        raise UserError(f"{folder} holds no metrics.csv of Lightning's CSVLogger; name a table's file otherwise")
    rows = pd.concat(parts)
    runs = listed([str(each) for each in dict.fromkeys(rows["run"])])
    return RunTable(rows, str(folder), "run", "step" if "step" in rows else "", (f"Runs of Lightning's logs: {runs}.",))
