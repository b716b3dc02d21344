"""`slurm/` in a study's folder: the jobs that were submitted for it, what they execute, and what failed."""

import json
from dataclasses import dataclass
from pathlib import Path

from studies.records.storage import to_json, write_atomically


@dataclass(frozen=True)
class StudyJobs:
    """The folder `slurm/` of a study, and its files."""

    study_directory: Path

    @property
    def path(self) -> Path:
        """The folder, where the logs of the tasks are too; absolute, since jobs start elsewhere."""
        return (self.study_directory / "slurm").resolve()

    @property
    def runs_file(self) -> Path:
        """`runs.json`: what the tasks execute, with every config written out, and how."""
        return self.path / "runs.json"

    def submitted(self) -> list[str]:
        """Return the numbers of the jobs that were submitted, the oldest first; those that ended among them."""
        try:
            return [str(job) for job in json.loads((self.path / "jobs.json").read_text())["jobs"]]
        except FileNotFoundError:
            return []

    def add(self, job: str) -> None:
        """Write down that `job` was submitted."""
        write_atomically(self.path / "jobs.json", to_json({"jobs": [*self.submitted(), job]}))

    def failures(self) -> "list[Failure]":
        """Return what failed of the tasks, the oldest first; the script of each job writes it down."""
        found = []
        for path in sorted(self.path.glob("failed_*")):
            task = path.name.removeprefix("failed_")
            for count, line in enumerate(path.read_text().splitlines(), start=1):
                found.append(Failure(task, count, line.strip()))
        return found

    def log_tail(self, task: str, lines: int = 8) -> str:
        """Return the end of a task's log."""
        text = ""
        for path in sorted(self.path.glob(f"{task}_*_log.err")):
            text += path.read_text(errors="replace")
        # nanobind lists, at the exit of any program, what it takes for leaks of others.
        told = [line for line in text.splitlines() if not line.startswith(("nanobind:", " - ", "See https://nanobind"))]
        return "\n".join(told[-lines:])


@dataclass(frozen=True)
class Failure:
    """A task that ended with an error, the `count`-th time; `how` is the exit status in words."""

    task: str
    count: int
    how: str
