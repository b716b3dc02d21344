"""What SLURM knows, asked with its own commands: which tasks of a job are pending or running."""

import re
import shutil
import subprocess
from collections.abc import Collection
from dataclasses import dataclass

from litmus.core.errors import UserError

ENDED = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
    "TIMEOUT",
}  # fmt: skip
"""States of a job that does nothing any more and will not start again by itself."""


AT_WORK = {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING", "CONFIGURING"}
"""States of a job whose processes may live."""


@dataclass(frozen=True)
class Task:
    """A task of an array of jobs that has not ended: `name` is `<job>_<number>`, `left` the time left, in words."""

    name: str
    state: str
    left: str
    restarts: int
    reason: str

    @property
    def job(self) -> str:
        """The array's number."""
        return self.name.partition("_")[0]


def is_available() -> bool:
    """Whether SLURM's commands are on this machine."""
    return shutil.which("sbatch") is not None and shutil.which("squeue") is not None


def ask(*command: str, seconds: float = 30) -> str:
    """Return what a command of SLURM prints. Raises `UserError` where it is absent, fails or does not answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except FileNotFoundError:
        raise UserError(f"there is no {command[0]} here: SLURM is reached from its login nodes") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"SLURM does not answer: {command[0]} took more than {seconds:.0f} s") from None
    if done.returncode:
        raise UserError(f"SLURM does not answer: {_last_line(done.stderr) or command[0]}")
    return done.stdout


def tasks(jobs: Collection[str]) -> list[Task]:
    """Return the tasks of `jobs` that wait or run, by name. Raises `UserError` where SLURM does not answer."""
    if not jobs:
        return []
    columns = "JobArrayID:|,State:|,TimeLeft:|,RestartCnt:|,ReasonList:|"
    listing = ask("squeue", "-h", "-r", "--me", "-O", columns)
    found = []
    for line in listing.splitlines():
        name, state, left, restarts, reason = line.split("|")[:5]
        if name.partition("_")[0] in jobs and state not in ENDED:
            found.append(Task(name, state.lower(), left, int(restarts or 0), reason))
    return sorted(found, key=lambda task: [int(part) for part in re.findall(r"\d+", task.name)])


def job_state(job: str) -> tuple[str, str, int]:
    """Return a job's state, its name and how often it was started again; all empty where SLURM knows of none.

    `job` is `<number>`, or `<number>_<task>` of an array. Raises `UserError` where SLURM does not answer.
    """
    try:
        answer = ask("squeue", "-h", "-t", "all", "-j", job, "-O", "State:|,Name:|,RestartCnt:|", seconds=10)
    except UserError as error:
        if "Invalid job id" in str(error):
            return "", "", 0
        raise
    lines = answer.splitlines()
    if len(lines) != 1:
        return "", "", 0
    state, name, restarts = lines[0].split("|")[:3]
    return state, name, int(restarts or 0)


def cancel(jobs: Collection[str]) -> None:
    """Cancel `jobs`. Raises `UserError` where SLURM does not answer."""
    if jobs:
        ask("scancel", *jobs)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
