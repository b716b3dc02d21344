"""What SLURM knows, asked with its own commands: which tasks of a study's jobs are pending or running, and whose."""

import os
import pwd
import re
import shutil
import subprocess
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from litmus.core.errors import UserError

ENDED = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
    "TIMEOUT",
}  # fmt: skip
"""States of a job that does nothing any more and will not start again by itself."""


AT_WORK = {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING", "CONFIGURING"}
"""States of a job whose processes may live."""

ASK_SECONDS = 30.0
"""A process asks for a study's jobs no more often: the controller may have hundreds of such processes to answer."""


@dataclass(frozen=True)
class Task:
    """A job, or a task of an array: `name` is `<job>` or `<job>_<number>`, `left` the time left, in words.

    `title` is what `squeue` calls it, see `title_of`.
    """

    name: str
    title: str
    user: str
    state: str
    left: str
    restarts: int
    reason: str

    @property
    def job(self) -> str:
        """The array's number."""
        return self.name.partition("_")[0]


@dataclass(frozen=True)
class OwnJob:
    """The job that this process belongs to: its number, what `squeue` calls it, and how often it was started again."""

    id: str
    name: str
    restarts: int


def own_job() -> OwnJob | None:
    """Return the job that this process belongs to, None outside of SLURM.

    A shell, a notebook or a container may hand on some of SLURM's variables only; without a number and a name a job is
    none that SLURM could be asked about.
    """
    job, name, array, task, restarts = (
        os.environ.get(f"SLURM_{each}", "")
        for each in ("JOB_ID", "JOB_NAME", "ARRAY_JOB_ID", "ARRAY_TASK_ID", "RESTART_COUNT")
    )
    if not job or not name or bool(array) != bool(task):
        return None
    return OwnJob(f"{array}_{task}" if array else job, name, int(restarts) if restarts.isdecimal() else 0)


def title_of(study: str) -> str:
    """Return what SLURM calls the jobs of the study in the folder of this name.

    A comma would part two names where `squeue` is asked for them.
    """
    return f"litmus-{study.replace(',', '_')}"


def is_available() -> bool:
    """Whether SLURM's commands are on this machine."""
    return shutil.which("sbatch") is not None and shutil.which("squeue") is not None


def ask(*command: str, seconds: float = 30) -> str:
    """Return what a command of SLURM prints. Raises `UserError` where it is absent, fails or does not answer."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except FileNotFoundError:
        raise UserError(f"{command[0]} not found: run this on a SLURM login node") from None
    except subprocess.TimeoutExpired:
        raise UserError(f"SLURM does not answer: {command[0]} took more than {seconds:.0f} s") from None
    if done.returncode:
        raise UserError(f"SLURM does not answer: {_last_line(done.stderr) or command[0]}")
    return done.stdout


_answers: dict[str, tuple[float, list[Task] | UserError]] = {}
"""What SLURM last said of the jobs of a title, and when it was asked."""


def tasks_titled(titles: Collection[str]) -> list[Task]:
    """Return all tasks of these titles that SLURM remembers, everybody's, as they were at most `ASK_SECONDS` ago.

    Raises `UserError` where SLURM did not answer.
    """
    now = time.monotonic()
    old = [title for title in titles if title not in _answers or now - _answers[title][0] > ASK_SECONDS]
    if old:
        try:
            found: list[Task] | UserError = _listing(old)
        except UserError as error:
            found = error
        for title in old:
            mine = found if isinstance(found, UserError) else [task for task in found if task.title == title]
            _answers[title] = (now, mine)
    answers = [_answers[title][1] for title in titles]
    for answer in answers:
        if isinstance(answer, UserError):
            raise answer
    return [task for answer in answers if not isinstance(answer, UserError) for task in answer]


def _listing(titles: Collection[str]) -> list[Task]:
    # The name comes last: it may contain anything.
    columns = "JobArrayID:|,UserName:|,State:|,TimeLeft:|,RestartCnt:|,ReasonList:|,Name:|"
    listing = ask("squeue", "-h", "-r", "-t", "all", f"--name={','.join(titles)}", "-O", columns)
    found = []
    for line in listing.splitlines():
        name, user, state, left, restarts, reason, title = line.split("|", 6)
        found.append(Task(name, title[:-1], user, state, left, int(restarts or 0), reason))
    return sorted(found, key=lambda task: [int(part) for part in re.findall(r"\d+", task.name)])


def tasks(submitted: Mapping[str, Collection[str]]) -> list[Task]:
    """Return the tasks of studies that wait or run; `submitted` are the jobs of each study by its folder's name.

    Raises `UserError` where SLURM does not answer.
    """
    by_title: dict[str, list[str]] = {}
    for study, jobs in submitted.items():
        if jobs:
            by_title.setdefault(title_of(study), []).extend(jobs)
    found = tasks_titled(by_title)
    return [task for task in found if task.job in by_title[task.title] and task.state not in ENDED]


def job_state(job: str, title: str) -> tuple[str, int, float]:
    """Return a job's state, how often it was started again, and how many seconds ago SLURM said so.

    The state is empty where SLURM knows of no such job or did not answer.
    """
    try:
        found = [task for task in tasks_titled([title]) if task.name == job]
    except UserError:
        found = []
    ago = time.monotonic() - _answers[title][0]
    return (found[0].state, found[0].restarts, ago) if found else ("", 0, ago)


def forget() -> None:
    """Ask SLURM anew the next time: what it said is no longer true, or has to be exact."""
    _answers.clear()


def own_tasks(tasks: Collection[Task]) -> list[Task]:
    """Return those of `tasks` that belong to the user of this process."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container without an entry for this user
        user = os.environ.get("USER", "")
    return [task for task in tasks if task.user == user]


def cancel(tasks: Collection[Task]) -> None:
    """Cancel `tasks`. Raises `UserError` where SLURM does not answer."""
    if tasks:
        ask("scancel", *(task.name for task in tasks))
        forget()


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
