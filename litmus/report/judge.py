"""Judge runs that were trained elsewhere: `litmus.judge` does what the command `litmus judge` does."""

import re
from pathlib import Path
from typing import Any

import pandas as pd

from litmus.core.errors import UserError
from litmus.evidence.judged import Reading, analyses_of
from litmus.evidence.summary import summarise, undecided
from litmus.records.study_record import STUDY_FILE
from litmus.records.tables import read_table, table_of_frame
from litmus.report.exports import write_exports
from litmus.report.page import Result, write_report_of

MOST_CHARACTERS = 60
"""Characters of a folder's name."""


def judge(
    table: str | Path | pd.DataFrame,
    *,
    name: str = "",
    question: str = "",
    out: str | Path = "runs",
    export: tuple[str, ...] = (),
    **reading: Any,
) -> Result:
    """Write the report of a table of runs that were trained elsewhere and return the result, as `litmus judge` does.

    Raises `UserError` for a table that cannot be judged.

    Args:
        table: a pandas frame, a file (CSV, JSON lines, Parquet, an export of W&B) or a folder of Lightning's CSV logs.
        name: the folder of the report in `out`; by default that of the file.
        question: the title of the report.
        out: the folder of records.
        export: further formats, see `litmus report --export`.
        reading: fields of `Reading`: `arm`, `seed`, `metric`, `baseline`, ...
    """
    read = table_of_frame(table, "the frame") if isinstance(table, pd.DataFrame) else read_table(Path(table))
    name = name or ("table" if isinstance(table, pd.DataFrame) else Path(table).resolve().stem)
    folder = Path(out) / _folder_name(name)
    if (folder / STUDY_FILE).exists():
        raise UserError(f"{folder} holds a study of Litmus; --name gives the report of this table another folder")
    judged = analyses_of(read, Reading(**reading), lambda dataset: folder, name, question)
    (analysis,) = judged.analyses.values()
    folder.mkdir(parents=True, exist_ok=True)
    report = write_report_of(summarise(analysis))
    exported = write_exports(report.summary, None, export) if export else []
    return Result(
        report.answer,
        analysis.records,
        report.path,
        {},
        (*report.details, *(f"export: {path}" for path in exported)),
        tuple(undecided(report.summary)),
        judged.notes,
    )


def _folder_name(name: str) -> str:
    """Return a name as that of a folder: letters, digits, dots, hyphens and underscores."""
    return re.sub(r"[^\w.-]+", "-", name)[:MOST_CHARACTERS].strip(".-") or "table"
