"""The launcher of a cluster: an array of SLURM jobs, each of which is `litmus work` on the study's folder.

The launcher only submits and watches.
"""

import contextlib
import math
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import FailedJobError

from litmus.core.errors import UserError
from litmus.core.formatting import seconds_of, several
from litmus.launch.config import LaunchConfig, SlurmConfig
from litmus.launch.progress import Progress
from litmus.launch.signals import Interrupted, stop_on_signals
from litmus.launch.work import AGAIN, write_runs
from litmus.launch.worker import changed_code, message_of_change
from litmus.records import slurm
from litmus.records.lease import acquire
from litmus.records.run_record import read_heartbeat
from litmus.records.study_record import StudyJobs
from litmus.training.run import Run

WATCH_SECONDS = 2.0
MOST_READING = 0.05
"""The launcher reads records for at most this fraction of its time: a shared disk may hold thousands."""

JOBS_GO_ON = "its jobs continue: litmus status STUDY, litmus stop STUDY; the same command watches them again"

RENDEZVOUS = (
    'export MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
    "export MASTER_PORT=$((20000 + SLURM_JOB_ID % 20000))",
)
"""Lines of shell that give the processes of several nodes the address of rank 0."""


BEGUN = """\
trap : TERM USR1 USR2
began={folder}/slurm/$SLURM_JOB_ID.began
touch "$began"
"""
"""Lines of shell before a job's processes: the script outlives the signals that these checkpoint at."""

STARTED_AGAIN = f"""\
status=$?
if [ $status -eq {AGAIN} ] || [ $status -ge 128 ]; then
    job=${{SLURM_ARRAY_JOB_ID:+${{SLURM_ARRAY_JOB_ID}}_}}${{SLURM_ARRAY_TASK_ID:-$SLURM_JOB_ID}}
    further="$(find {{folder}} -newer "$began" '(' -name last.ckpt -o -name summary.json -o \\
        -name status.json -exec grep -q '"state": "crashed"' {{}} ';' ')' -print -quit)"
    if [ -z "$further" ]; then
        echo "litmus: no run came further in job $job: see its log, --slurm.time and --slurm.warning" >&2
        exit 1
    fi
    # The controller may be away for a while. A job that was cancelled or preempted is not RUNNING any more.
    for try in {{1..120}}; do
        state=$(squeue --noheader --job "$job" --format %T) && break
        sleep 5
    done
    if [ "$state" = RUNNING ] && ! scontrol requeue "$job"; then
        echo "litmus: SLURM refuses to start job $job again; the same command submits the rest" >&2
    fi
fi
exit $status"""
"""Lines of shell that start a job again whose processes were stopped by a signal, killed, or are no longer together.

It has to have come further: written a checkpoint or a result, or recorded a crash, of which there are few per run.
"""


class Executor(submitit.SlurmExecutor):
    """submitit's, whose jobs are `litmus work`, and which can also write a script where there is no SLURM."""

    @classmethod
    def affinity(cls) -> int:
        return 2

    @property
    def _submitit_command_str(self) -> str:
        return f"{self.python} -u -m litmus.cli.main work {shlex.quote(str(self.folder.parent))}"

    def submit_jobs(self, jobs: int) -> str:
        """Submit an array of `jobs` jobs, and return its number. Raises `UserError` where SLURM refuses them."""
        self.set_array(jobs)
        try:
            return str(self._submit_command(self._submitit_command_str).job_id)
        except FailedJobError as error:
            raise UserError(f"SLURM refuses the jobs: {' '.join(str(error).split())}") from None

    def set_array(self, jobs: int) -> None:
        """Make the script one of an array, unless it is of one job."""
        if jobs > 1:
            self.parameters["map_count"] = jobs


def executor(folder: Path, launch: LaunchConfig) -> Executor:
    """Return what submits jobs that execute the study in `folder`."""
    config, jobs = launch.slurm, StudyJobs(folder)
    settings: dict[str, Any] = {
        "job_name": slurm.title_of(folder.name),
        "partition": config.partition,
        "time": math.ceil(config.seconds / 60),
        "nodes": config.nodes,
        "ntasks_per_node": processes_per_node(launch),
        "cpus_per_task": cpus_per_process(launch),
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

    def in_folder(lines: str) -> list[str]:
        return lines.replace("{folder}", shlex.quote(str(folder.resolve()))).splitlines()

    found = Executor(jobs.path, python=config.python)
    found.update_parameters(
        **{key: value for key, value in settings.items() if value is not None},
        setup=[*in_folder(BEGUN), *config.setup, *(RENDEZVOUS if config.nodes > 1 else ())],
        teardown=in_folder(STARTED_AGAIN),
        # Processes that train one run end together; one that is left waits for nobody. Since SLURM 22.05 a step does
        # not get the job's cores unless it asks for them.
        srun_args=["--wait=60", f"--cpus-per-task={cpus_per_process(launch)}"],
        additional_parameters=extra,
    )
    return found


def processes_per_node(launch: LaunchConfig) -> int:
    """Return the processes that SLURM starts on each node: one, or where several nodes train a run, one a device."""
    return launch.devices // launch.slurm.nodes if launch.slurm.nodes > 1 else 1


def cpus_per_process(launch: LaunchConfig) -> int:
    """Return the cores that each process which SLURM starts gets."""
    config: SlurmConfig = launch.slurm
    if config.cpus is not None:
        return config.cpus
    if config.nodes > 1:
        return 4 if config.gpu_count else 1
    return 4 * config.gpu_count if config.gpu_count else (launch.workers or 1) * launch.devices


def script(folder: Path, launch: LaunchConfig, jobs: int) -> str:
    """Return the script that would be submitted for an array of `jobs` jobs."""
    writer = executor(folder, launch)
    writer.set_array(jobs)
    return writer._make_submission_file_text(writer._submitit_command_str, uid="")


class SlurmLauncher:
    """Executes the runs of the study in `directory` in jobs of SLURM."""

    def __init__(self, directory: Path, launch: LaunchConfig, progress: Progress) -> None:
        self.launch = launch
        self.jobs = StudyJobs(directory)
        self.progress = progress
        self._unreachable = False

    def execute(self, runs: Sequence[Run]) -> None:
        """Submit jobs for what is missing of `runs`, unless enough are queued already, and watch them until they end.

        Raises `Interrupted` on SIGINT and SIGTERM, while the jobs continue, and `UserError` if SLURM does not answer or
        refuses the jobs.
        """
        left = {run.run_id: run for run in runs}
        self._collect(left, executed=False)
        if not left:
            return
        if not slurm.is_available():
            raise UserError("sbatch not found: run this on a SLURM login node")
        submitted = self._submit(list(left.values()))
        try:
            with stop_on_signals() as stop, self.progress:
                self.progress.notice(submitted)
                while left:
                    began = time.monotonic()
                    tasks = self._tasks()
                    self._collect(left, executed=True)
                    if tasks == []:
                        break  # the results were read after the last job ended
                    self.progress.refresh()
                    time.sleep(max(WATCH_SECONDS, (time.monotonic() - began) / MOST_READING))
                    if stop.is_set():
                        raise Interrupted(stop.number)
        except Interrupted as interruption:
            raise Interrupted(interruption.number, JOBS_GO_ON) from None
        if not left:
            with contextlib.suppress(UserError):
                # Jobs that have not begun would find nothing to do.
                slurm.forget()
                slurm.cancel([task for task in slurm.own_tasks(self.jobs.tasks()) if task.state == "PENDING"])
        changed = changed_code(next(iter(left.values()))) if left else ()
        if changed:
            self.progress.notice(message_of_change(changed))

    def _submit(self, missing: list[Run]) -> str:
        """Submit jobs for `missing` if too few are pending or running, and return a line about it."""
        lease = acquire(self.jobs.path)
        if lease is None:
            return "another launcher of this study is submitting; watching its jobs"
        try:
            slurm.forget()
            queued = self.jobs.tasks()
            wanted = min(len(missing), self.launch.slurm.parallel)
            self.progress.workers = max(wanted, len(queued))
            # Whoever submitted the others waits for their runs.
            write_runs(self.jobs.study_directory, missing, self.launch, keep_others=bool(queued))
            new = wanted - len(queued)
            if new <= 0:
                return f"{several(len(queued), 'task')} of this study in the queue already; nothing submitted"
            job = executor(self.jobs.study_directory, self.launch).submit_jobs(new)
            slurm.forget()
            self.jobs.add(job)
            others = f" in addition to {len(queued)}" if queued else ""
            time_limit = self.launch.slurm.time
            return f"job {job} submitted: {several(new, 'task')}{others}, {time_limit} each; logs in {self.jobs.path}"
        finally:
            lease.release()

    def _tasks(self) -> list[slurm.Task] | None:
        """Return the tasks that have not ended, None while SLURM does not answer."""
        try:
            found = self.jobs.tasks()
        except UserError as error:
            if not self._unreachable:
                self.progress.notice(f"{error}; waiting")
            self._unreachable = True
            return None
        self._unreachable = False
        return found

    def _collect(self, left: dict[str, Run], executed: bool) -> None:
        """Remove the runs that have ended from `left`, and show the progress of the others."""
        for run in list(left.values()):
            outcome = run.record.outcome()  # a job sets a corrupt record aside
            if outcome.has_ended:
                del left[run.run_id]
                status = run.record.read_status()
                seconds = status.get("updated", 0.0) - status.get("started", 0.0)
                self.progress.finished(run, outcome.state, executed, seconds)
            elif outcome.state == "running" and executed:
                self.progress.started(run)
                heartbeat = read_heartbeat(run.directory)
                if heartbeat is not None:
                    self.progress.advanced(run, heartbeat)
