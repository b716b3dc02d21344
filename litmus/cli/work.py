"""`litmus work`: execute the runs of a study's folder, with as many such processes as there are machines for them."""

from collections.abc import Sequence
from pathlib import Path

from litmus.cli.command import Parser
from litmus.launch.work import work


def parser() -> Parser:
    """Return the command's parser."""
    about = "Execute the runs that --launcher none or slurm has planned, until none is left."
    status = "Exit status: 0 nothing is left, 1 runs crashed, 75 stopped by a signal and to be started again."
    parser = Parser("work", f"{about} Any number of these may work in one folder. {status}")
    parser.add_argument("folder", help="the study's folder, such as runs/batch_norm")
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    return work(Path(parser().read(arguments).folder))
