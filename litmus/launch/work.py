"""What each job of SLURM calls: it executes run after run until none is left, and requeues itself where a signal stops
it.

It imports PyTorch only once the signals are handled, since a signal may come meanwhile.
"""

import sys
import time
from pathlib import Path

import submitit

from litmus.core.errors import UserError
from litmus.launch.signals import Interrupted, stop_on_signals
from litmus.records import slurm


def run_job(directory: str) -> None:
    """Execute what is missing of the study in `directory`.

    At a signal the runs are checkpointed and the job is requeued: by its first process, where it has several.
    """
    with stop_on_signals():
        from litmus.launch.slurm import execute_missing

        try:
            execute_missing(Path(directory))
        except Interrupted as interruption:
            print(f"stopped by {interruption}", file=sys.stderr)
            environment = submitit.JobEnvironment()
            if environment.global_rank == 0:
                requeue(environment.job_id)
        except UserError as error:
            print(f"litmus: {error}", file=sys.stderr)
            sys.exit(1)


def requeue(job: str) -> None:
    """Have SLURM start `job`, of which this process is a part, again; not where the job was cancelled."""
    while True:
        try:
            state, _, _ = slurm.job_state(job)
            if state == "RUNNING":
                slurm.ask("scontrol", "requeue", job)
            return
        except UserError as error:  # its controller may be away for a while
            print(f"litmus: {error}; trying again", file=sys.stderr)
            time.sleep(5)
