"""The runs of a study one by one: what became of each, the command that repeats it, and why it failed."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from studies.evidence.results import Analysis
from studies.records.run_record import RunRecord, rerun_command
from studies.records.storage import CorruptRecord

LOG_LINES = 14
MOST_FAILURES = 30
"""Failed runs whose log is shown; all are in the table of runs."""
FAILED = ("diverged", "crashed", "corrupt", "interrupted")


@dataclass(frozen=True)
class RunRow:
    """A run as the report shows it; `result` is its metric, or what became of it."""

    run: str
    arm: str
    seed: int
    state: str
    result: str
    seconds: str
    command: str


@dataclass(frozen=True)
class Failure:
    """A run that did not finish: why, and the end of its log."""

    row: RunRow
    reason: str
    log: str


def run_rows(analysis: Analysis) -> list[RunRow]:
    """Return a row for each run that left a record."""
    columns = {str(name) for name in analysis.records}
    wanted = [
        name
        for name in ("run", "arm", "seed", "state", "seconds", "error", "diverged_at_step", analysis.test_metric)
        if name in columns
    ]
    return [_row(analysis, {str(k): v for k, v in row.items()}) for row in analysis.records[wanted].to_dict("records")]


def failures(analysis: Analysis, rows: list[RunRow]) -> list[Failure]:
    """Return the runs that did not finish, crashed ones first, with reason and the end of the log."""
    failed = sorted((row for row in rows if row.state in FAILED), key=lambda row: row.state == "diverged")
    found = []
    for row in failed[:MOST_FAILURES]:
        record = RunRecord(analysis.directory / row.run)
        reason = {
            "diverged": f"the training loss stopped being finite: {row.result}",
            "interrupted": "it was interrupted; the same litmus run command goes on with it",
            "corrupt": "a file of its record cannot be read",
        }.get(row.state, row.result)
        found.append(Failure(row, reason, record.log_tail(LOG_LINES)))
    return found


def _row(analysis: Analysis, run: dict[str, Any]) -> RunRow:
    def shown(key: str, form: str = "{}") -> str:
        value = run.get(key)
        return form.format(value) if value is not None and pd.notna(value) else "–"

    reached = run.get(analysis.test_metric)
    result = analysis.unit.text(float(reached)) if reached is not None and pd.notna(reached) else "–"
    if run["state"] == "diverged":
        result = f"diverged at step {shown('diverged_at_step', '{:.0f}')}"
    if run["state"] == "crashed":
        result = shown("error")
    command = _again(RunRecord(analysis.directory / run["run"]))
    seconds = shown("seconds", "{:.1f}")
    return RunRow(run["run"], run["arm"], int(run["seed"]), run["state"], result, seconds, command)


def _again(record: RunRecord) -> str:
    try:
        return rerun_command(record)
    except CorruptRecord as error:
        return str(error)
