"""The script that each job of a study is: options of sbatch, what starts the workers, and who starts a job again."""

import math
import shlex
from pathlib import Path
from typing import Any

import submitit

from litmus.duration import seconds_of
from litmus.errors import UserError
from studies.launch.giving_way import GO_ON_LATER
from studies.launch.machine import LaunchConfig
from studies.launch.slurm_config import SlurmConfig

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
