"""`litmus report`: write a study's report again, from its records."""

import sys
from collections.abc import Sequence
from pathlib import Path

from studies.command.options import command_parser
from studies.command.status import find_study
from studies.records.study_record import read_manifest
from studies.report.html import write_report


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = command_parser("report", "Write a study's report again, from its records.")
    parser.add_argument("study", help="a study on disk, see litmus status")
    parser.add_argument("--out", default="runs", help="folder of the records")
    options = parser.parse_args(list(arguments))
    directory = find_study(options.study, Path(options.out))
    source = read_manifest(directory).source
    if source is not None and not Path(source).is_file():
        print(f"litmus: {source} is gone, and with it the study's claims; the report has none", file=sys.stderr)
    report, answer = write_report(directory)
    print(answer)
    print(f"report: {report}")
    return 0
