"""Judge runs that were trained elsewhere: `litmus.judge` does what the command `litmus judge` does."""

from pathlib import Path
from typing import Any

import pandas as pd

from litmus.core.errors import UserError
from litmus.evidence.judged import Reading, analyses_of, folder_name
from litmus.evidence.summary import summarise
from litmus.records.storage import to_json, write_atomically
from litmus.records.study_record import JUDGED_FILE, STUDY_FILE
from litmus.records.tables import read_table, table_of_frame
from litmus.report.datasets import JOINT_FORMATS, write_joint, write_joint_exports
from litmus.report.exports import write_exports
from litmus.report.page import Result, write_report_of


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
    folder = Path(out) / folder_name(name)
    analyses, notes = analyses_of(read, Reading(**reading), folder, name, question)
    for analysis in analyses.values():
        if (analysis.directory / STUDY_FILE).exists():
            raise UserError(f"{analysis.directory} holds a study of Litmus; --name gives this report another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    reports = {dataset: write_report_of(summarise(analysis)) for dataset, analysis in analyses.items()}
    exported = [path for each in reports.values() if export for path in write_exports(each.summary, None, export)]
    table_given = None if isinstance(table, pd.DataFrame) else str(Path(table).resolve())
    given = to_json({"table": table_given, "name": name, "question": question, **reading})
    for analysis in analyses.values():
        write_atomically(analysis.directory / JUDGED_FILE, given)
    records = pd.concat([each.records.assign(dataset=dataset) for dataset, each in analyses.items()])
    if len(reports) > 1:
        together = folder.with_name(f"{folder.name}.datasets")
        path, said = write_joint(together, analyses)
        write_atomically(together / JUDGED_FILE, given)
        if formats := [each for each in export if each in JOINT_FORMATS]:
            exported += write_joint_exports(together, analyses, formats)
        lines = tuple(f"export: {path}" for path in exported)
        return Result("\n".join(said), records, path, {}, lines, notes=notes)
    (report,) = reports.values()
    lines = tuple(f"export: {path}" for path in exported)
    return Result(report.answer, records, report.path, {}, lines, report.summary, notes)
