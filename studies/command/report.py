"""`litmus report`: write a study's report again, from its records."""

from collections.abc import Sequence
from pathlib import Path

from studies.command.options import command_parser
from studies.command.status import find_study
from studies.report.html import write_report


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = command_parser("report", "Write a study's report again, from its records.")
    parser.add_argument("study", help="a study on disk, see litmus status")
    parser.add_argument("--out", default="runs", help="folder of the records")
    options = parser.parse_args(list(arguments))
    report, answer = write_report(find_study(options.study, Path(options.out)))
    print(answer)
    print(f"report: {report}")
    return 0
