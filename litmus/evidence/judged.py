"""Runs that were trained elsewhere: a table of their results as the `Analysis` of a study."""

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from litmus.core.config_keys import Config
from litmus.core.errors import UserError
from litmus.core.formatting import listed, one_line, several
from litmus.core.metrics import Column, Metric, Task, split_of
from litmus.core.suggestions import nearest
from litmus.evidence.results import Analysis, ArmResult, Elsewhere
from litmus.records.study_record import ArmRecord, StudyRecord, arm_label, is_full_product, levels_by_factor
from litmus.records.tables import RunTable

SHARES = (
    "acc", "accuracy", "top1", "top5", "error", "err", "f1", "auc", "auroc", "precision", "recall", "iou", "miou",
    "dice", "map", "ap",
)  # fmt: skip
"""Words in the name of a metric that is a fraction of one, or in per cent."""
LOWER = (
    "loss", "error", "err", "perplexity", "ppl", "nll", "mse", "rmse", "mae", "fid", "ece", "brier", "wer", "cer",
    "bpd",
)  # fmt: skip
"""Words in the name of a metric of which less is better."""
STEPS = ("step", "epoch", "iteration", "iter")
"""Names of a column that tells the rows of one run apart."""
STATES = {
    "finished": "finished", "crashed": "crashed", "failed": "crashed", "killed": "interrupted",
    "preempted": "interrupted", "preempting": "interrupted", "running": "running", "pending": "running",
}  # fmt: skip
"""What W&B's column `State` says, in the words of our records."""
NOT_FINITE = {"nan", "na", "n/a", "none", "null", "-", "–"}
"""Texts in place of a number, besides those that Python reads."""
MOST_COLUMNS, MOST_ROWS = 12, 5
"""Columns and rows that an error names."""


@dataclass(frozen=True)
class Reading(Config):
    """How a table of runs is read.

    Args:
        arm: column that distinguishes the arms.
        factors: instead of --arm, columns whose combinations are the arms, such as norm,depth.
        seed: column of the seeds, by which arms are paired; by default seed, if there is such a column.
        metric: column that is compared.
        dataset: column of the datasets, if there are several.
        step: column of the steps, if a run has several rows; its last row counts.
        baseline: arm that the others are compared with; by default the arm named baseline, or else the first.
        higher: higher values of the metric are better.
        lower: lower values are better; understood from names such as loss and error.
        scale: scale of the metric; understood from names such as accuracy.
        failed: value of a run that has none, such as the accuracy of guessing.
    """

    arm: str = ""
    factors: str = ""
    seed: str = ""
    metric: str = ""
    dataset: str = ""
    step: str = ""
    baseline: str = ""
    higher: bool = False
    lower: bool = False
    scale: Literal["fraction", "percent", "number"] | None = None
    failed: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.higher and self.lower:
            raise UserError("--higher and --lower exclude each other")
        if self.arm and self.factors:
            raise UserError("--arm and --factors exclude each other")


@dataclass(frozen=True)
class _Columns:
    """The columns by which a table is read, all of which it has; those that it need not have are empty."""

    factors: tuple[str, ...]
    metric: str
    seed: str
    dataset: str
    step: str
    run: str


def analyses_of(
    table: RunTable, reading: Reading, directory: Path, name: str, question: str = ""
) -> tuple[dict[str, Analysis], tuple[str, ...]]:
    """Return the analysis of each dataset of a table of runs by its name, and how the table was read in sentences.

    Args:
        table: the table.
        reading: how it is read.
        directory: the folder of the report; with several datasets their names are added to it.
        name: what the study is called.
        question: what it asks.

    Raises:
        UserError: for a table that cannot be judged; it names the row, and what to do.
    """
    notes = list(table.notes)
    columns = _columns(table, reading, notes)
    runs = _runs(table, columns, reading, notes)
    metric, divisor = _metric(runs, table, columns.metric, reading, notes)
    runs["value"] /= divisor
    failed = None if reading.failed is None else reading.failed / divisor
    for curve in runs["curve"].dropna():
        curve[columns.metric] /= divisor
    baseline = _baseline(dict(zip(runs["arm"], runs["levels"], strict=True)), reading.baseline, notes)
    question = question or f"How does {metric.name} depend on {listed(columns.factors)}?"
    analyses: dict[str, Analysis] = {}
    several_sets = runs["dataset"].nunique() > 1
    for dataset, rows in runs.groupby("dataset", sort=False):
        _require_comparison(table, rows, baseline, columns, str(dataset))
        folder = directory.with_name(folder_name(f"{directory.name}.{dataset}")) if several_sets else directory
        if folder in (each.directory for each in analyses.values()):
            raise UserError(f"{table.name}: two datasets would have the folder {folder}; rename {dataset!r}")
        elsewhere = Elsewhere(table.name, columns.seed, tuple(notes), _others(table, rows, columns))
        analyses[str(dataset)] = _analysis(rows, metric, failed, baseline, folder, name, question, elsewhere)
    return analyses, tuple(notes)


def _columns(table: RunTable, reading: Reading, notes: list[str]) -> _Columns:
    """Return the columns by which a table is read. Raises `UserError` for one that it lacks."""
    names = [str(each) for each in table.rows]
    shown = f"its columns are {listed(names, MOST_COLUMNS)}"

    def found(option: str, column: str, usual: str = "", needed: bool = False) -> str:
        column = column or (usual if usual in names else "")
        if not column and needed:
            raise UserError(f"--{option} names a column of {table.name}: {shown}")
        if column and column not in names:
            meant = nearest(column, names)
            hint = f"did you mean {meant!r}? " if meant else ""
            raise UserError(f"--{option}: {table.name} has no column {column!r}; {hint}{shown}")
        return column

    if reading.factors:
        factors = tuple(found("factors", each.strip()) for each in next(csv.reader([reading.factors])))
    else:
        factors = (found("arm", reading.arm, "arm", needed=True),)
    seed = found("seed", reading.seed, "seed")
    if not seed:
        notes.append("No column of seeds is named (--seed), so that runs are compared unpaired.")
    elif not reading.seed:
        notes.append(f"Seeds are read from the column {seed!r}.")
    dataset, step = found("dataset", reading.dataset), found("step", reading.step, table.step)
    return _Columns(factors, found("metric", reading.metric, needed=True), seed, dataset, step, table.run)


def _runs(table: RunTable, columns: _Columns, reading: Reading, notes: list[str]) -> pd.DataFrame:
    """Return a row for each run: where it is, dataset, arm, levels, seed, its number, state, value and curve."""
    rows = table.rows
    for column in filter(None, (*columns.factors, columns.seed, columns.dataset)):
        if absent := [str(where) for where, value in rows[column].items() if _is_absent(value)]:
            raise UserError(f"{table.name}: {column} is missing in {listed(absent, MOST_ROWS)}")
    by_row = zip(*(_levels(rows[column]) for column in columns.factors), strict=True)
    levels = [dict(zip(columns.factors, each, strict=True)) for each in by_row]
    frame = pd.DataFrame(
        {
            "dataset": rows[columns.dataset].map(_text) if columns.dataset else "",
            "arm": [_label(each) for each in levels],
            "levels": levels,
            "seed": rows[columns.seed].map(_text) if columns.seed else "",
            "state": _states(rows),
            "value": _numbers(table, columns.metric),
            "where": rows.index.map(str),
            "curve": None,
        },
        index=rows.index,
    )
    if columns.step:
        given = ~rows[columns.metric].map(_is_absent)
        frame = frame.assign(step=_numbers(table, columns.step), given=given, run=rows.get(columns.run, ""))
        frame = _last_rows(frame, columns, notes)
    frame = _one_of_each(frame.reset_index(drop=True), table, columns, notes)
    numbers = _levels(frame["seed"]) if columns.seed else list(range(len(frame)))
    frame["number"] = numbers if all(isinstance(each, int) for each in numbers) else pd.factorize(frame["seed"])[0]
    lacking = frame[(frame["state"] == "finished") & ~np.isfinite(frame["value"])]
    if len(lacking) and reading.failed is None:
        where = listed([f"{row.where} ({_named(row)})" for row in lacking.itertuples()], MOST_ROWS)
        raise UserError(
            f"{table.name}: {columns.metric} is missing or not finite in {where}; --failed VALUE says what a run that "
            "failed counts as, or remove these rows"
        )
    frame.loc[lacking.index, "state"] = "diverged"
    frame.loc[frame["state"] != "finished", "value"] = math.nan
    return frame


def _last_rows(frame: pd.DataFrame, columns: _Columns, notes: list[str]) -> pd.DataFrame:
    """Return the row that counts of each run, the last one that has a value, with the run's curve."""
    if not columns.seed and not columns.run:
        raise UserError("--step needs --seed: the rows of an arm and a seed are one run's")
    kept, ends = [], set()
    for _, rows in frame.groupby(["dataset", "arm", "seed", "run"], sort=False):
        rows = rows.sort_values("step", kind="stable")
        logged = rows[rows["given"]]
        again = logged[logged["step"].duplicated(keep=False)]
        if len(again) and not columns.run:
            one, other = again["where"].iloc[:2]
            raise UserError(
                f"{one} and {other} are the same step of {_named(again.iloc[0])}; each needs a seed of its own"
            )
        last = (logged if len(logged) else rows).iloc[-1].copy()
        if len(logged):
            last["curve"] = pd.DataFrame(
                {"kind": "evaluation", "step": logged["step"], columns.metric: logged["value"]}
            )
            ends.add(float(last["step"]))
        kept.append(last)
    if len(ends) > 1:
        notes.append(f"Runs end at different steps, between {min(ends):g} and {max(ends):g} of {columns.step!r}.")
    notes.append("Of each run the last value counts.")
    return pd.DataFrame(kept)


def _one_of_each(frame: pd.DataFrame, table: RunTable, columns: _Columns, notes: list[str]) -> pd.DataFrame:
    """Return the runs without those that did not finish and ran again. Raises `UserError` for two of one seed."""
    key = ["dataset", "arm", "seed"]
    unfinished = frame["state"] != "finished"
    done = frame.loc[~unfinished, key].apply(tuple, axis=1)
    again = unfinished & frame[key].apply(tuple, axis=1).isin(done) & bool(columns.seed)
    if again.any():
        notes.append(f"{several(int(again.sum()), 'run')} that did not finish and ran again: left out.")
    if len(left := frame[unfinished & ~again]):
        which = [f"{_named(row)} ({row.state})" for row in left.itertuples()]
        notes.append(f"Without a result, as State says: {listed(which, MOST_ROWS)}.")
    frame = frame[~again].reset_index(drop=True)
    twice = frame[frame.duplicated(key, keep=False)] if columns.seed else frame[:0]
    if len(twice):
        same = twice[(twice[key] == twice.iloc[0][key]).all(axis=1)]
        steps = [str(each) for each in table.rows if re.split(r"[/_ .]", str(each).lower())[-1] in STEPS]
        remedy = "remove one, or give each run a seed of its own"
        if steps and not columns.step:
            remedy = f"where they are steps of one run, add --step {steps[0]}; else {remedy}"
        elif not columns.dataset:
            remedy = f"{remedy}; where they are of several datasets, name the column of these: --dataset"
        all_are = "both" if len(same) == 2 else "all"
        where = listed(list(same["where"]), MOST_ROWS)
        raise UserError(f"{table.name}: {where} are {all_are} {_named(twice.iloc[0])}; {remedy}")
    return frame


def _metric(
    runs: pd.DataFrame, table: RunTable, column: str, reading: Reading, notes: list[str]
) -> tuple[Metric, float]:
    """Return the metric, and by what its numbers are divided: those in per cent become fractions."""
    finite = runs[np.isfinite(runs["value"])]
    if not len(finite):
        raise UserError(f"{table.name}: no run has a number in {column}")
    low, high = float(finite["value"].min()), float(finite["value"].max())
    higher, direction = _better(column, reading)
    notes.extend(direction)
    scale = reading.scale or "number"
    if reading.scale is None and _words(column) & set(SHARES) and low >= 0 and high <= 100:
        scale = "fraction" if high <= 1 else "percent"
        # A share of at most 1 % is possible, next to others near 100 % it is a fraction by mistake.
        mixed = finite[finite["value"] <= 1]
        if scale == "percent" and higher and len(mixed):
            most = finite.loc[finite["value"].idxmax()]
            raise UserError(
                f"{table.name}: {column} is {mixed['value'].iloc[0]:g} in {mixed['where'].iloc[0]} and {high:g} in "
                f"{most['where']}, as if fractions and per cent were mixed; write all alike, or say --scale percent"
            )
        example = f"{100 * high if scale == 'fraction' else high:.4g} %"
        notes.append(f"{column} is read as {scale}: the highest is {example} (--scale changes this).")
    if scale != "number":
        top = 1 if scale == "fraction" else 100
        if not 0 <= low <= high <= top:
            raise UserError(f"--scale {scale}: {column} goes from {low:g} to {high:g}, not within 0 and {top}")
        return Metric(column, column, "share", higher, guessing=0.0), 1.0 if scale == "fraction" else 100.0
    spread = float(np.sqrt(finite.groupby(["dataset", "arm"])["value"].var().mean()))
    size = spread if spread > 0 else max(abs(low), abs(high))
    decimals = min(12, max(0, 2 - math.floor(math.log10(size)))) if size > 0 else 3
    return Metric(column, column, "number", higher, guessing=0.0, decimals=decimals), 1.0


def _better(column: str, reading: Reading) -> tuple[bool, list[str]]:
    """Return whether more of the metric is better, and what to say where the name alone decides."""
    if reading.higher or reading.lower:
        return reading.higher, []
    if _words(column) & set(LOWER):
        return False, [f"Lower values of {column} count as better; --higher changes this."]
    if _words(column) & set(SHARES):
        return True, []
    return True, [f"Higher values of {column} count as better; --lower changes this."]


def _words(column: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)
    return set(re.split(r"[^a-z0-9]+", spaced.lower().replace("top-", "top").replace("top_", "top")))


def _baseline(levels: Mapping[str, Mapping[str, Any]], named: str, notes: list[str]) -> str:
    """Return the label of the baseline, which may be named by its level where arms have one, given levels by label."""
    labels = list(levels)
    if not named:
        found = next((label for label in labels if label.lower() == "baseline"), labels[0])
        which = "" if found.lower() == "baseline" else ", the first arm in the table"
        notes.append(f"The baseline is {found!r}{which}; --baseline names another.")
        return found
    by_name = {_text(*each.values()): label for label, each in levels.items() if len(each) == 1}
    by_name |= {label: label for label in labels}
    if one_line(named) not in by_name:
        meant = nearest(named, labels)
        hint = f"did you mean {meant!r}? " if meant else ""
        raise UserError(f"--baseline: no arm {named!r}; {hint}the arms are {listed(labels, MOST_COLUMNS)}")
    return by_name[one_line(named)]


def _require_comparison(table: RunTable, runs: pd.DataFrame, baseline: str, columns: _Columns, dataset: str) -> None:
    """Raise `UserError` where no arm can be compared."""
    place = f"{table.name}, {dataset}" if dataset else table.name
    counts = runs["arm"].value_counts()
    if baseline not in counts:
        raise UserError(f"{place}: the baseline {baseline!r} has no run")
    if len(counts) == 1:
        raise UserError(f"{place}: {listed(columns.factors)} has one value, {baseline!r}; there is nothing to compare")
    if counts.max() == 1:
        raise UserError(
            f"{place}: each of {len(counts)} arms has one run; intervals need at least two seeds an arm"
            f" (is {columns.factors[0]!r} the column of the arms?)"
        )


def _analysis(
    runs: pd.DataFrame, metric: Metric, failed: float | None, baseline: str, directory: Path, name: str, question: str,
    elsewhere: Elsewhere,
) -> Analysis:  # fmt: skip
    """Return the analysis of one dataset's runs."""
    column = Column(metric)
    arms, results = [], []
    for label, rows in runs.groupby("arm", sort=False):
        levels = rows["levels"].iloc[0]
        arm = ArmRecord(str(label), levels, label == baseline, dict(zip(rows["number"], rows["where"], strict=True)))
        records = pd.DataFrame(
            {
                "run": rows["where"], "arm": label, "seed": rows["number"], "state": rows["state"], **levels,
                column: rows["value"],
            }
        )  # fmt: skip
        curves = {seed: curve for seed, curve in zip(rows["number"], rows["curve"], strict=True) if curve is not None}
        counts_as = {split_of(column)[1]: failed or 0.0}
        arms.append(arm)
        results.append(ArmResult(arm, records.reset_index(drop=True), curves, {}, counts_as))
    levels_of = [arm.levels for arm in arms]
    study = StudyRecord(
        study=name,
        question=question,
        preset="",
        factors=levels_by_factor(levels_of, ()),
        full_product=is_full_product(levels_of),
        task="",
        settings={},
        protocol="",
        arms=tuple(arms),
        diverged_value=failed,
    )
    chances: dict[str, float] = {column: failed or 0.0}
    return Analysis(directory, study, tuple(results), Task("", (), column), column, chances, elsewhere=elsewhere)


def _others(table: RunTable, runs: pd.DataFrame, columns: _Columns) -> tuple[str, ...]:
    """Return the other columns of the table that are the same in all runs of an arm and differ between arms."""
    rows = table.rows.loc[~table.rows.index.duplicated()]
    places = [place for place in runs["where"] if place in rows.index]
    rows, arms = rows.loc[places], runs.set_index("where").loc[places, "arm"]
    found = []
    used = {*columns.factors, columns.metric, columns.seed, columns.dataset, columns.step, columns.run}
    for column in (str(each) for each in rows if str(each) not in used):
        texts = rows[column].map(_text)
        by_arm = texts.groupby(arms)
        if (by_arm.nunique() == 1).all() and texts.nunique() > 1 and not (texts == arms).all():
            found.append(column)
    return tuple(found)


def folder_name(name: str) -> str:
    """Return a name as that of a folder: at most 80 letters, digits, dots, hyphens and underscores."""
    return re.sub(r"[^\w.-]+", "-", name)[:80].strip(".-") or "table"


def _named(row: Any) -> str:
    """Return what run a row is: `mixup, seed 3`."""
    seed = f", seed {row.seed}" if row.seed else ""
    return f"{row.arm}{seed}{f' of {row.dataset}' if row.dataset else ''}"


def _label(levels: Mapping[str, Any]) -> str:
    only = next(iter(levels.values()))
    return only if len(levels) == 1 and isinstance(only, str) else arm_label(levels)


def _text(value: Any) -> str:
    """Return a value of a table as a text on one line; a whole number without decimals."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return one_line(str(value))


def _is_absent(value: Any) -> bool:
    return value is None or value == "" or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _number(value: Any) -> float | None:
    """Return a number, NaN for a text that says that there is none; None for any other text."""
    if _is_absent(value) or (isinstance(value, str) and value.strip().lower() in NOT_FINITE):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _numbers(table: RunTable, column: str) -> list[float]:
    """Return the numbers of a column, NaN where there is none."""
    numbers = []
    for where, value in table.rows[column].items():
        numbers.append(number := _number(value))
        if number is None:
            raise UserError(f"{table.name}, {where}: {column} is {one_line(str(value))[:60]!r}, not a number")
    return [number for number in numbers if number is not None]


def _levels(values: pd.Series) -> list[Any]:
    """Return values as numbers, whole ones as integers, where all are numbers; else as texts."""
    numbers = [None if isinstance(value, bool | np.bool_) else _number(value) for value in values]
    finite = [number for number in numbers if number is not None and math.isfinite(number)]
    if len(finite) < len(numbers):
        return [_text(value) for value in values]
    return [int(number) if number.is_integer() else number for number in finite]


def _states(rows: pd.DataFrame) -> list[str]:
    """Return how each run ended: as W&B's column `State` says, else finished."""
    if "State" not in rows or not set(texts := rows["State"].astype(str).str.lower()) <= STATES.keys():
        return ["finished"] * len(rows)
    return [STATES[text] for text in texts]
