"""The launcher of a process group: processes that torchrun or SLURM started, on one node or several, train each run
together.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import torch
import torch.distributed as distributed
from rich.console import Console

from litmus.core.errors import UserError
from litmus.launch.local import MAX_ATTEMPTS, claim, set_aside
from litmus.launch.progress import Progress
from litmus.launch.signals import Interrupted, stop_on_signals
from litmus.launch.worker import import_user_code, output_to_log
from litmus.records.lease import Lease
from litmus.records.run_record import STATES_WITH_RESULT, Heartbeat
from litmus.records.storage import CorruptRecord
from litmus.training.checkpoints import Paused, check_readable
from litmus.training.execute import attempt, backend, write_traceback
from litmus.training.run import Execution, Place, Run


@dataclass(frozen=True)
class ProcessGroup:
    """This process's place among those that were started: its `rank` of `size`, `local_rank` on its node."""

    rank: int
    size: int
    local_rank: int
    node: int
    nodes: int

    @property
    def processes_per_node(self) -> int:
        """Processes on each node."""
        return self.size // self.nodes

    def initialise(self, accelerator: str) -> None:
        """Initialise `torch.distributed`, once; the address of rank 0 is in the environment."""
        if distributed.is_initialized():
            return
        os.environ.update(
            RANK=str(self.rank),
            WORLD_SIZE=str(self.size),
            LOCAL_RANK=str(self.local_rank),
            NODE_RANK=str(self.node),
        )
        if accelerator == "cuda":
            torch.cuda.set_device(self.local_rank)
        distributed.init_process_group(backend(accelerator == "cuda"))

    def console(self) -> Console:
        """Return the console of progress: on rank 0 today's standard error, which a run may redirect; else none."""
        if self.rank > 0:
            return Console(quiet=True)
        return Console(file=os.fdopen(os.dup(2), "w"), highlight=False)


def torchrun_group(environment: Mapping[str, str] = os.environ) -> ProcessGroup | None:
    """Return the group in which `torchrun` started this process; None without torchrun, or for one process.

    Raises `UserError` for nodes with different numbers of processes.
    """
    if "TORCHELASTIC_RUN_ID" not in environment:
        return None
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    numbers = _numbers(environment, names)
    if numbers is None:
        raise UserError(f"TORCHELASTIC_RUN_ID is set: torchrun sets {', '.join(names)} too, each to a number")
    rank, size, local_rank, per_node = numbers
    if size == 1:
        return None
    if size % per_node:
        raise UserError(f"torchrun: {size} processes are not the same number on each node")
    return ProcessGroup(rank, size, local_rank, rank // per_node, size // per_node)


def slurm_group(accelerator: str = "cpu", environment: Mapping[str, str] = os.environ) -> ProcessGroup | None:
    """Return the group of this process in a step of SLURM that `srun` started; None if it is the only one.

    A shell or a notebook in a job has some of the variables, and is alone.
    """
    names = ("STEP_NUM_TASKS", "STEP_NUM_NODES", "PROCID", "LOCALID", "NODEID")
    numbers = _numbers(environment, [f"SLURM_{name}" for name in names])
    if numbers is None or numbers[0] == 1:
        return None
    size, nodes, rank, local_rank, node = numbers
    if accelerator != "cpu" and size > nodes and torch.cuda.device_count() == 1:
        # Each process sees a GPU of its own, as with --gpus-per-task: to PyTorch it is a node of its own.
        return ProcessGroup(rank, size, 0, rank, size)
    return ProcessGroup(rank, size, local_rank, node, nodes)


def _numbers(environment: Mapping[str, str], names: Sequence[str]) -> list[int] | None:
    """Return the numbers in variables of the environment, None unless each is set to one."""
    texts = [environment.get(name, "") for name in names]
    return [int(text) for text in texts] if all(text.isdecimal() for text in texts) else None


def broadcast(value: Any) -> Any:
    """Return rank 0's `value` in every process of the group."""
    values = [value]
    distributed.broadcast_object_list(values, src=0, device=torch.device("cpu"))
    return values[0]


class ProcessGroupLauncher:
    """Executes runs, one at a time, by all processes of `group` together; every process calls `execute` with the same.

    Rank 0 claims the runs and writes their records. A crash ends the program, because the processes may be at different
    points by then; a run that has crashed `MAX_ATTEMPTS` times is skipped.
    """

    def __init__(self, group: ProcessGroup, execution: Execution, progress: Progress) -> None:
        self.group = group
        self.execution = execution
        self.progress = progress
        self._place = Place(group.rank, tuple(range(group.processes_per_node)), group.nodes)

    def execute(self, runs: Sequence[Run]) -> int:
        """Execute what is missing of `runs`, and return how many were executed.

        Raises `Interrupted` at a signal, once the run is checkpointed, and whatever a run crashes with.
        """
        self.group.initialise(self.execution.accelerator)
        left, executed = list(range(len(runs))), 0
        with stop_on_signals() as stop, self.progress:
            while True:
                lease = None
                index = attempts = -1
                if self.group.rank == 0 and not stop.is_set():
                    index, attempts, lease = self._claim_next(runs, left)
                index, attempts, stopped = broadcast((index, attempts, stop.is_set()))
                if stopped:
                    raise Interrupted(stop.number or signal.SIGTERM)
                if index < 0:
                    return executed
                executed += 1
                try:
                    self._execute_run(runs[index], attempts, stop.event)
                except Paused:
                    raise Interrupted(stop.number or signal.SIGTERM) from None
                finally:
                    if lease is not None:
                        lease.release()

    def _claim_next(self, runs: Sequence[Run], left: list[int]) -> tuple[int, int, Lease | None]:
        """Return the index in `runs` of the next run, its attempt and its lease; -1 if none is left."""
        while left:
            index = left.pop(0)
            run = runs[index]
            lease = claim(run, self.progress.notice)
            status = run.record.read_status()
            if lease is None:
                if status.get("state") in STATES_WITH_RESULT:
                    self.progress.finished(run, str(status["state"]), executed=False)
                continue
            crashes = int(status.get("attempts", 1)) if status.get("state") == "crashed" else 0
            if crashes >= MAX_ATTEMPTS:
                lease.release()
                self.progress.finished(run, "crashed", executed=False)
                continue
            try:
                import_user_code(run)  # registers its network
                check_readable(run)
            except CorruptRecord as error:
                set_aside(run, str(error), self.progress.notice)
                lease.release()
                left.insert(0, index)
                continue
            return index, crashes + 1, lease
        return -1, 0, None

    def _execute_run(self, run: Run, attempts: int, pause: Event) -> None:
        self.progress.started(run)

        def advanced(heartbeat: Heartbeat) -> None:
            self.progress.advanced(run, heartbeat)
            self.progress.refresh()

        try:
            with output_to_log(run):
                import_user_code(run)
                state = attempt(run, self.execution, self._place, advanced, attempts, pause)
        except Exception as error:
            if not isinstance(error, Paused | UserError):
                write_traceback(run, error)
            raise
        self.progress.finished(run, state, executed=True)
