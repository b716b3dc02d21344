"""The runs of a study as the report lists them: what each reached, the command that repeats it, why one failed."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from litmus.evidence.results import Analysis
from litmus.records.run_record import RunRecord, rerun_command
from litmus.records.storage import CorruptRecord

LOG_LINES = 14
MOST_FAILURES = 30
"""Failed runs whose log is shown; all are in the table of runs."""
FAILED = ("crashed", "corrupt", "interrupted", "diverged")


@dataclass(frozen=True)
class RunRow:
    """A run as the report shows it; `result` is its metric, or why it has none."""

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
    # The label of a run's arm may have changed since the run was recorded.
    labels = {run: result.label for result in analysis.arms for run in result.arm.runs.values()}
    rows = []
    for recorded in analysis.records.to_dict("records"):
        run = {
            str(key): value for key, value in recorded.items() if not pd.api.types.is_scalar(value) or pd.notna(value)
        }
        result = analysis.unit.text(float(run[analysis.test_metric])) if analysis.test_metric in run else "–"
        if run["state"] == "diverged":
            result = f"diverged at step {run['diverged_at_step']:.0f}" if "diverged_at_step" in run else "diverged"
        if run["state"] == "crashed":
            result = str(run.get("error", "–"))
        seconds = f"{run['seconds']:.1f}" if "seconds" in run else "–"
        arm, command = labels.get(run["run"], run["arm"]), _repeat_command(analysis, run["run"])
        rows.append(RunRow(run["run"], arm, int(run["seed"]), run["state"], result, seconds, command))
    return rows


def _repeat_command(analysis: Analysis, run: str) -> str:
    """Return the command that repeats a run, given in the folder that holds `runs/`.

    The page is read on other machines, where the folder's absolute path means nothing.
    """
    try:
        command = rerun_command(RunRecord(analysis.directory / run))
    except CorruptRecord as error:
        return str(error)
    return command.replace(f"{analysis.directory}/", f"{study_folder(analysis)}/")


def study_folder(analysis: Analysis) -> str:
    """Return the study's folder within the one that holds it: `runs/batch_norm`."""
    directory = analysis.directory.resolve()
    return f"{directory.parent.name}/{directory.name}"


def failures(analysis: Analysis, rows: Sequence[RunRow]) -> list[Failure]:
    """Return the runs that did not finish, diverged ones last, with the reason and the end of the log."""
    failed = sorted((row for row in rows if row.state in FAILED), key=lambda row: row.state == "diverged")
    found = []
    for row in failed[:MOST_FAILURES]:
        reason = {
            "diverged": f"the training loss stopped being finite: {row.result}",
            "interrupted": "the same litmus run command goes on with it",
            "corrupt": "a file of its record cannot be read",
        }.get(row.state, row.result)
        log = RunRecord(analysis.directory / row.run).log_tail(LOG_LINES)
        found.append(Failure(row, reason, log))
    return found
