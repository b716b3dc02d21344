"""`slurm/` in a study's folder: the jobs that were submitted for it, what they execute, and what failed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        return [str(job) for job in self._read().get("jobs", [])]

    def code_of(self, job: str) -> str:
        """Return of which version of the user's code the study was when `job` was submitted; empty where of none."""
        return str(self._read().get("code", {}).get(job, ""))

    def add(self, job: str, code: str = "") -> None:
        """Write down that `job` was submitted, and for which version of the user's code."""
        before = self._read()
        content = {
            "jobs": [*self.submitted(), job],
            "code": {**before.get("code", {}), **({job: code} if code else {})},
        }
        write_atomically(self.path / "jobs.json", to_json(content))

    def _read(self) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads((self.path / "jobs.json").read_text())
        except FileNotFoundError:
            return {}
        return content

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
