"""How many jobs a study is spread over: as many as are worth their start, by the forecast of its runs."""

import contextlib
import dataclasses
import json
import math
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import submitit

from litmus.core.errors import UserError
from litmus.core.formatting import roughly, seconds_of
from litmus.launch import work as slurm_task
from litmus.launch.forecast import RunTimes
from litmus.launch.machine import LaunchConfig, execution_of
from litmus.launch.progress import Progress
from litmus.launch.run_queue import Outcome, as_entry
from litmus.launch.slurm_config import SlurmConfig, check
from litmus.launch.worker import GO_ON_LATER, Interrupted, changed_code, interrupting, told_of_change
from litmus.records import slurm
from litmus.records.lease import acquire
from litmus.records.run_record import FINAL_STATES, read_heartbeat
from litmus.records.storage import CorruptRecord, to_json, write_atomically
from litmus.records.study_record import StudyJobs
from litmus.training.config import RunConfig
from litmus.training.run import Run

_TEARDOWN = """\
status=$?
# 0: nothing is left to do. Any other job that was not cancelled starts again from its checkpoints: where it was told to
# give way, and {retries} times where it failed.
if [ $status -ne 0 ]; then
    # Not $SLURM_JOB_ID, which for one task of an array is the number of the whole.
    task=${{SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}}${{SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}}
    failed={folder}/failed_$task
    until state=$(squeue -h -j "$task" -o %T); do sleep 5; done
    if [ "$state" = RUNNING ]; then
        [ $status -eq {later} ] || echo "exit status $status" >> "$failed"
        if [ $status -eq {later} ] || [ "$(wc -l < "$failed")" -le {retries} ]; then
            until scontrol requeue "$task"; do sleep 5; done
        fi
    fi
    exit $status
fi"""

_MEETING_POINT = (
    'export MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
    "export MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000))",
)


class Executor(submitit.SlurmExecutor):
    """submitit's, which can also write a script where there is no SLURM."""

    @classmethod
    def affinity(cls) -> int:
        return 2


def processes_per_node(launch: LaunchConfig, config: SlurmConfig) -> int:
    """Return the processes that SLURM starts on each node: one, or where several nodes train a run, one a device."""
    return launch.devices // config.nodes if config.nodes > 1 else 1


def cpus_per_process(launch: LaunchConfig, config: SlurmConfig) -> int:
    """Return the cores that each process which SLURM starts gets."""
    if config.cpus is not None:
        return config.cpus
    if config.nodes > 1:
        return 4 if config.gpus else 1
    return 4 * config.gpus if config.gpus else (launch.workers or 1) * launch.devices


def executor(folder: Path, study: str, launch: LaunchConfig, config: SlurmConfig) -> Executor:
    """Return what submits the jobs of `study` and keeps their logs in `folder`, an absolute path."""
    settings: dict[str, Any] = {
        "job_name": f"litmus-{study}",
        "partition": config.partition,
        "time": math.ceil(config.seconds / 60),
        "nodes": config.nodes,
        "ntasks_per_node": processes_per_node(launch, config),
        "cpus_per_task": cpus_per_process(launch, config),
        "gpus_per_node": config.gpus or None,
        "mem": config.memory,
        "account": config.account,
        "qos": config.qos,
        "constraint": config.constraint,
        "signal_delay_s": round(seconds_of("warning", config.warning)),
    }
    extra: dict[str, Any] = {"requeue": True}
    for option in config.extra:
        name, equals, value = option.partition("=")
        extra[name] = value if equals else True
    found = Executor(folder, python=config.python)
    found.update_parameters(
        **{key: value for key, value in settings.items() if value is not None},
        setup=[*config.setup, *(_MEETING_POINT if config.nodes > 1 else ()), "set +e"],
        teardown=[_TEARDOWN.format(folder=shlex.quote(str(folder)), retries=config.retries, later=GO_ON_LATER)],
        # Processes that train one run end together; one that is left waits for nobody.
        srun_args=["--wait=60"],
        additional_parameters=extra,
    )
    return found


def script(folder: Path, study: str, launch: LaunchConfig, config: SlurmConfig, jobs: int) -> str:
    """Return the script that would be submitted for an array of so many jobs.

    Raises `UserError` where the version of submitit that is installed does not tell it.
    """
    writer = executor(folder, study, launch, config)
    if jobs > 1:
        writer.parameters["map_count"] = jobs
    try:
        return writer._make_submission_file_text(writer._submitit_command_str, uid="")
    except (AttributeError, TypeError):
        # What writes the script is submitit's own affair, which it may change; submitting does not depend on it.
        raise UserError(
            f"--dry-run cannot write the script with submitit {submitit.__version__}; 1.5 is known to: "
            "pip install 'submitit==1.5.*'"
        ) from None


UNMEASURED = 8
"""Jobs where this machine cannot tell what a run takes, as where the jobs have GPUs and it has none."""

JOB_SECONDS = 300.0
"""Work that makes a job worth its start: it waits in the queue, and imports PyTorch, which takes half a minute."""

MOST = 32
"""Jobs that nobody asked for: more would fill a cluster that others use too."""

MOST_TIMED = 8
"""Networks that are timed; of more, the others are taken to be like them."""


@dataclass(frozen=True)
class Jobs:
    """How many jobs at a time, and why, in words; empty where they were asked for."""

    count: int
    reason: str = ""


def jobs_for(launch: LaunchConfig, configs: Sequence[RunConfig]) -> Jobs:
    """Return how many jobs at a time runs of these configs are spread over."""
    if launch.slurm.parallel is not None:
        return Jobs(min(len(configs), launch.slurm.parallel))
    seconds = _seconds(launch, configs)
    if seconds is None:
        return Jobs(min(len(configs), UNMEASURED))
    enough = math.ceil(seconds / (JOB_SECONDS * at_a_time(launch)))
    count = max(1, min(len(configs), MOST, enough))
    jobs = "a job is enough" if count == 1 else f"so {count} jobs at a time"
    return Jobs(count, f"about {roughly(seconds)} of work by a step timed here, {jobs}; --slurm.parallel chooses")


def at_a_time(launch: LaunchConfig) -> int:
    """Return the runs that a job executes at a time."""
    config = launch.slurm
    if config.nodes > 1:
        return 1
    if config.gpus:
        return launch.workers or max(1, config.gpus // launch.devices) * launch.known_per_device
    return launch.workers or max(1, cpus_per_process(launch, config) // launch.devices)


def _seconds(launch: LaunchConfig, configs: Sequence[RunConfig]) -> float | None:
    """Return the seconds of all these runs, one after another; None where this machine cannot tell."""
    try:
        execution, _ = execution_of(launch)
    except UserError:
        return None  # what the jobs have is not here
    if launch.slurm.gpus and execution.accelerator != "cuda":
        return None
    times = RunTimes(execution)
    found: list[float] = []
    for config in configs:
        if len(times) == MOST_TIMED:
            return sum(found) * len(configs) / len(found)
        found.append(times.of(config)[1])
    return sum(found)


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
        check(self.config, processes_per_node(self.launch, self.config), self._cpus())
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
        return cpus_per_process(self.launch, self.config)

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
            writer = executor(self.jobs.path, self.study, self.launch, self.config)
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
            if state in FINAL_STATES and run.record.outcome().is_complete:
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


def _count(jobs: int) -> str:
    return "1 task" if jobs == 1 else f"{jobs} tasks"
