"""`litmus work`: execute the runs of a study's folder, with as many such processes as there are machines for them."""

from collections.abc import Sequence
from pathlib import Path

from litmus.cli.command import Parser
from litmus.launch.work import work


def parser() -> Parser:
    """Return the command's parser."""
    about = "Execute the runs that `litmus run --launcher none` planned, until none is left."
    status = "Exit status: 0 if nothing is left, 1 if runs crashed, 75 if a signal stopped it; then start it again."
    parser = Parser("work", f"{about} Any number of machines may work on one folder. {status}")
    parser.add_argument("folder", help="the folder of the study, such as runs/batch_norm")
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    return work(Path(parser().read(arguments).folder))
