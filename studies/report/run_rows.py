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
SLURM_HINT = "The `srun` command is available on your system"
"""What Lightning warns of wherever Slurm is installed: it explains no failure."""
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
    # A run may be of an arm that was called otherwise when it was recorded.
    labels = {run: result.label for result in analysis.arms for run in result.arm.runs.values()}
    rows = [{str(k): v for k, v in row.items()} for row in analysis.records[wanted].to_dict("records")]
    return [_row(analysis, {**row, "arm": labels.get(row["run"], row["arm"])}) for row in rows]


def failures(analysis: Analysis, rows: list[RunRow]) -> list[Failure]:
    """Return the runs that did not finish, crashed ones first, with reason and the end of the log."""
    failed = sorted((row for row in rows if row.state in FAILED), key=lambda row: row.state == "diverged")
    found = []
    for row in failed[:MOST_FAILURES]:
        record = RunRecord(analysis.directory / row.run)
        reason = {
            "diverged": f"the training loss stopped being finite: {row.result}",
            "interrupted": "the same litmus run command goes on with it",
            "corrupt": "a file of its record cannot be read",
        }.get(row.state, row.result)
        log = "\n".join(line for line in record.log_tail(LOG_LINES).splitlines() if SLURM_HINT not in line)
        found.append(Failure(row, reason, log))
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
    command = _again(analysis, run["run"])
    seconds = shown("seconds", "{:.1f}")
    return RunRow(run["run"], run["arm"], int(run["seed"]), run["state"], result, seconds, command)


def again(analysis: Analysis, run: str) -> str:
    """Return the command that repeats a run, given in the folder that holds `runs/`. Raises `CorruptRecord`.

    The page is read on other machines, where the folder's own path means nothing.
    """
    return rerun_command(RunRecord(analysis.directory / run)).replace(f"{analysis.directory}/", f"{place(analysis)}/")


def place(analysis: Analysis) -> str:
    """Return the study's folder within the one that holds it: `runs/batch_norm`."""
    directory = analysis.directory.resolve()
    return f"{directory.parent.name}/{directory.name}"


def _again(analysis: Analysis, run: str) -> str:
    try:
        return again(analysis, run)
    except CorruptRecord as error:
        return str(error)
