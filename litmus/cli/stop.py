"""`litmus stop`: cancel a study's jobs on a cluster."""

from collections.abc import Sequence
from pathlib import Path

from litmus.cli.parser import Parser, records_key
from litmus.cli.status import find_study
from litmus.core.formatting import several
from litmus.records import slurm
from litmus.records.study_record import StudyJobs


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("stop", "Cancel a study's jobs on a cluster. Finished runs stay; litmus run continues the rest.")
    parser.add_argument("study", help="the study, see litmus status")
    parser.add_key(records_key())
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    tasks = slurm.tasks(StudyJobs(find_study(options.study, Path(options.out))).submitted())
    jobs = sorted({task.job for task in tasks})
    slurm.cancel(jobs)
    if jobs:
        print(f"cancelled {several(len(tasks), 'task')} of job {', '.join(jobs)}; finished runs stay")
    else:
        print(f"no job of {options.study} waits or runs")
    return 0
