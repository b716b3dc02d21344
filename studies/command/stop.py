"""`litmus stop`: cancel the jobs of a study; what is done stays."""

from collections.abc import Sequence
from pathlib import Path

from studies.command.base.options import Parser, records_key
from studies.command.status import find_study
from studies.records import slurm
from studies.records.study_jobs import StudyJobs


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = Parser("stop", "Cancel a study's jobs on a cluster. What is done stays; litmus run goes on with the rest.")
    parser.add_argument("study", help="the study, see litmus status")
    parser.add_key(records_key())
    options = parser.read(arguments)
    jobs = StudyJobs(find_study(options.study, Path(options.out))).submitted()
    alive = slurm.tasks(jobs)
    slurm.cancel(sorted({task.job for task in alive}))
    if alive:
        tasks = "1 task" if len(alive) == 1 else f"{len(alive)} tasks"
        print(f"{tasks} of job {', '.join(sorted({task.job for task in alive}))} cancelled; what is done stays")
    else:
        print(f"no job of {options.study} waits or runs")
    return 0
