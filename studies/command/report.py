"""`litmus report`: write a study's report again, from its records."""

import sys
from collections.abc import Sequence
from pathlib import Path

from litmus.errors import UserError
from studies.command.base.options import Parser, records_key
from studies.command.status import find_study
from studies.design.study import Study
from studies.design.study_files import study_of
from studies.evidence.datasets import FILE as DATASETS_FILE
from studies.evidence.datasets import read_datasets
from studies.records.study_record import read_study_record
from studies.report.datasets import joint_lines
from studies.report.html import write_report


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = Parser("report", "Write a study's report again, from its records.")
    parser.add_argument("study", help="a study on disk, see litmus status")
    parser.add_key(records_key())
    options = parser.read(arguments)
    together = Path(options.out) / options.study
    if (together / DATASETS_FILE).is_file():
        print("\n".join(_over_datasets(together)))
        return 0
    directory = find_study(options.study, Path(options.out))
    source = read_study_record(directory).source
    if source is not None and not Path(source).is_file():
        print(f"litmus: {source} is gone, and with it the study's claims; the report has none", file=sys.stderr)
    report = write_report(directory)
    print("\n".join([report.answer, *report.details]))
    print(f"report: {report.path}")
    return 0


def _over_datasets(directory: Path) -> list[str]:
    """Write the report over several datasets again. Raises `UserError` where the study's claims are gone."""
    folders = read_datasets(directory)
    record = read_study_record(next(iter(folders.values())))
    study = study_of(record)
    if study is None and record.source is None:
        study = Study(name=record.study, question=record.question)  # of litmus vary, which has no claims
    if study is None:
        raise UserError(f"{directory}: the study's file is gone, and with it the claims that the report is about")
    return joint_lines(directory, study, folders)
