"""The SLURM launcher: an array of jobs that take run after run, and this process, which only watches them."""

import contextlib
import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litmus.errors import UserError
from studies.launch import slurm_script, slurm_task
from studies.launch.import_own_code import changed_code, told_of_change
from studies.launch.interruption import Interrupted, interrupting
from studies.launch.machine import LaunchConfig
from studies.launch.outcome import Outcome
from studies.launch.progress import Progress
from studies.launch.run_entries import as_entry
from studies.launch.slurm_config import check
from studies.launch.slurm_jobs import jobs_for
from studies.records import slurm
from studies.records.heartbeat import read_heartbeat
from studies.records.lease import acquire
from studies.records.run_record import FINAL_STATES
from studies.records.storage import CorruptRecord, to_json, write_atomically
from studies.records.study_jobs import StudyJobs
from studies.training.run import Run

WATCH_SECONDS = 2.0
SHARE_OF_TIME = 0.05
"""Of its time the launcher spends at most so much looking at records: thousands of them lie on a shared file system."""


class Closed(Interrupted):
    """The launcher was closed while its jobs go on."""

    advice = "its jobs go on: litmus status STUDY --watch, litmus stop STUDY; the same command watches them again"


class SlurmLauncher:
    """Executes the runs of one study in jobs of SLURM."""

    def __init__(self, study: str, directory: Path, launch: LaunchConfig, progress: Progress) -> None:
        self.study = study
        self.launch = launch
        self.config = launch.slurm
        self.jobs = StudyJobs(directory)
        self.progress = progress
        self._told = len(self.jobs.failures())
        self._silent = False

    def execute(self, runs: Sequence[Run]) -> Outcome:
        """Submit what is missing of `runs` beside what is submitted already, watch it, and return how all ended.

        Raises `Closed` on SIGINT and SIGTERM, while the jobs go on, and `UserError` where SLURM does not answer or has
        not what is asked for.
        """
        outcome, left = Outcome(), {run.run_id: run for run in runs}
        self._collect(left, outcome, executed=False)
        if not left:
            return outcome
        check(self.config, slurm_script.processes_per_node(self.launch, self.config), self._cpus())
        submitted = self._submit(list(left.values()))
        with interrupting(Closed), self.progress:
            for line in submitted:
                self.progress.notice(line)
            self._watch(left, outcome)
        outcome.missing = list(left)
        changed = sorted({file for run in left.values() for file in changed_code(run)})
        if changed:
            self.progress.notice(told_of_change(tuple(changed)))
        return outcome

    def _cpus(self) -> int:
        return slurm_script.cpus_per_process(self.launch, self.config)

    def _submit(self, missing: list[Run]) -> list[str]:
        """Submit jobs for `missing` where too few wait or run, and return what was done in lines."""
        held = acquire(self.jobs.path)
        if held is None:
            return ["another launcher of this study is submitting; watching its jobs"]
        try:
            alive = slurm.tasks(self.jobs.submitted())
            wanted = jobs_for(self.launch, [run.config for run in missing])
            code = next((run.code.kept for run in missing if run.code is not None), "")
            # A task imports the user's code when it starts: those at work with an older one cannot take these runs.
            able = [task for task in alive if task.state == "pending" or self.jobs.code_of(task.job) == code]
            self.progress.workers = max(wanted.count, len(able))
            self._write_runs(missing, keep=bool(alive))
            new = max(0, wanted.count - len(able))
            if new == 0:
                return [f"{_count(len(able))} of this study in the queue already; nothing submitted"]
            writer = slurm_script.executor(self.jobs.path, self.study, self.launch, self.config)
            submitted = writer.map_array(slurm_task.work, [str(self.jobs.study_directory.resolve())] * new)
            job = submitted[0].job_id.partition("_")[0]
            self.jobs.add(job, code)
            beside = f" beside {len(able)}" if able else ""
            if len(alive) > len(able):
                older, folder = len(alive) - len(able), self.jobs.study_directory.name
                beside += f", besides {older} at work with the older code (litmus stop {folder} cancels them all)"
            done = f"job {job} submitted: {_count(new)}{beside}, {self.config.time} each; logs in {self.jobs.path}"
            return [wanted.reason, done] if wanted.reason else [done]
        finally:
            held.release()

    def _write_runs(self, missing: list[Run], keep: bool) -> None:
        entries = {run.run_id: as_entry(run) for run in missing}
        if keep:
            earlier = json.loads(self.jobs.runs_file.read_text())["runs"]
            entries = {**{entry["run_id"]: entry for entry in earlier}, **entries}
        launch = {key: value for key, value in dataclasses.asdict(self.launch).items() if key not in OURS}
        content = {"study": self.study, "launch": launch, "runs": list(entries.values())}
        write_atomically(self.jobs.runs_file, to_json(content))

    def _watch(self, left: dict[str, Run], outcome: Outcome) -> None:
        while left:
            alive = self._alive()
            began = time.monotonic()
            self._collect(left, outcome, executed=True)
            self._tell_failures()
            if alive == []:
                # Looked for results once more after the last job was seen to be gone.
                break
            self.progress.refresh()
            time.sleep(max(WATCH_SECONDS, (time.monotonic() - began) / SHARE_OF_TIME))
        if not left:
            with contextlib.suppress(UserError):
                # Jobs that have not begun would find nothing to do.
                waiting = [task.name for task in slurm.tasks(self.jobs.submitted()) if task.state == "pending"]
                slurm.cancel(waiting)

    def _alive(self) -> list[slurm.Task] | None:
        try:
            found = slurm.tasks(self.jobs.submitted())
        except UserError as error:
            if not self._silent:
                self.progress.notice(f"{error}; waiting")
            self._silent = True
            return None
        self._silent = False
        return found

    def _collect(self, left: dict[str, Run], outcome: Outcome, executed: bool) -> None:
        for run in list(left.values()):
            status = _status(run)
            state = status.get("state")
            if state in FINAL_STATES and _is_complete(run):
                (outcome.diverged if state == "diverged" else outcome.finished).append(run.run_id)
            elif state == "crashed" and executed:
                outcome.crashed[run.run_id] = str(status.get("error", ""))
            else:
                if state == "running" and executed:
                    self.progress.started(run)
                    heartbeat = read_heartbeat(run.directory)
                    if heartbeat is not None:
                        self.progress.advanced(run, heartbeat)
                continue
            del left[run.run_id]
            self.progress.finished(run, str(state), executed, status.get("updated", 0.0) - status.get("started", 0.0))

    def _tell_failures(self) -> None:
        failures = self.jobs.failures()
        for failure in failures[self._told :]:
            again = failure.count <= self.config.retries
            self.progress.notice(
                f"job {failure.task} failed ({failure.how}); "
                f"{'started again' if again else 'not started again'}; the end of its log:\n"
                f"{self.jobs.log_tail(failure.task)}"
            )
        self._told = len(failures)


OURS = ("slurm", "launcher", "out", "dry_run", "same_code")
"""Settings of the launcher alone."""


def _status(run: Run) -> dict[str, Any]:
    try:
        return run.record.read_status()
    except CorruptRecord:
        return {}  # a task sets it aside once it holds the run


def _is_complete(run: Run) -> bool:
    try:
        return run.record.is_complete()
    except CorruptRecord:
        return False


def _count(jobs: int) -> str:
    return "1 task" if jobs == 1 else f"{jobs} tasks"
