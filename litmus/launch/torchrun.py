"""The launcher of a team: processes that somebody else started, on one node or several, train each run together."""

import os
import signal
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import torch
import torch.distributed as distributed

from litmus.core.errors import UserError
from litmus.launch.progress import Progress
from litmus.launch.run_queue import MAX_ATTEMPTS, Outcome, set_aside, take
from litmus.launch.worker import GIVE_WAY, Interrupted, import_own_code, output_to_log
from litmus.records.lease import Lease
from litmus.records.run_record import Heartbeat
from litmus.records.storage import CorruptRecord
from litmus.training.checkpoints import Paused
from litmus.training.execute import attempt, check_readable, write_traceback
from litmus.training.run import Execution, Place, Run


@dataclass(frozen=True)
class Team:
    """This process's place among those that were started: its `rank` of `size`, `local_rank` on its node."""

    rank: int
    size: int
    local_rank: int
    node: int
    nodes: int

    @property
    def devices_per_node(self) -> int:
        """Processes on each node."""
        return self.size // self.nodes


def torchrun_team(environment: Mapping[str, str] = os.environ) -> Team | None:
    """Return the team that `torchrun` started this process in; None where it did not, or alone.

    Raises `UserError` for nodes with different numbers of processes.
    """
    if "TORCHELASTIC_RUN_ID" not in environment or int(environment["WORLD_SIZE"]) == 1:
        return None
    size, per_node = int(environment["WORLD_SIZE"]), int(environment["LOCAL_WORLD_SIZE"])
    if size % per_node:
        raise UserError(f"torchrun: {size} processes are not the same number on each node")
    rank = int(environment["RANK"])
    return Team(rank, size, int(environment["LOCAL_RANK"]), rank // per_node, size // per_node)


def slurm_team(environment: Mapping[str, str] = os.environ) -> Team | None:
    """Return the team of this process in a step of SLURM; None where it is alone in it."""
    size = int(environment.get("SLURM_STEP_NUM_TASKS", environment.get("SLURM_NTASKS", "1")))
    if size == 1 or "SLURM_PROCID" not in environment:
        return None
    nodes = int(environment.get("SLURM_STEP_NUM_NODES", environment.get("SLURM_NNODES", "1")))
    return Team(
        int(environment["SLURM_PROCID"]),
        size,
        int(environment["SLURM_LOCALID"]),
        int(environment["SLURM_NODEID"]),
        nodes,
    )


class TeamLauncher:
    """Executes runs, one at a time, by all processes of `team` together; every process calls `execute` with the same.

    The first process takes the runs and writes their records, the others follow. A run that crashes ends the program,
    for the processes may be at different places by then; one that has crashed `MAX_ATTEMPTS` times is passed over.
    `executed` counts the runs that were executed.
    """

    def __init__(self, team: Team, execution: Execution, progress: Progress) -> None:
        self.team = team
        self.execution = execution
        self.progress = progress
        self.executed = 0
        self._place = Place(team.rank, tuple(range(team.devices_per_node)), team.nodes)
        self._pause = Event()
        self._signal: int = signal.SIGTERM

    def execute(self, runs: Sequence[Run]) -> Outcome:
        """Execute what is missing of `runs` and return how all of them ended.

        Raises `Interrupted` at a signal, once the run is checkpointed, and whatever a run crashes with.
        """
        meet(self.team, self.execution.accelerator)
        previous = {number: signal.signal(number, self._give_way) for number in GIVE_WAY}
        outcome, left = Outcome(), list(range(len(runs)))
        try:
            with self.progress.on_a_stream_of_its_own(), self.progress:
                while (chosen := share(self._choose(runs, left, outcome))) is not None:
                    index, attempts = chosen
                    self.executed += 1
                    self._run(runs[index], attempts, outcome)
            if share(self._pause.is_set()):
                raise Interrupted(self._signal)
        except Paused:
            raise Interrupted(self._signal) from None
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
        return outcome

    def _choose(self, runs: Sequence[Run], left: list[int], outcome: Outcome) -> tuple[int, int] | None:
        """Return the place in `runs` of the next and which attempt at it follows; only the first process looks."""
        while self.team.rank == 0 and left and not self._pause.is_set():
            index = left.pop(0)
            run = runs[index]
            held, state = take(run, self.progress.notice)
            if state is not None:
                (outcome.diverged if state == "diverged" else outcome.finished).append(run.run_id)
                self.progress.finished(run, state, executed=False)
            if held is None:
                continue
            status = run.record.read_status()
            crashes = int(status.get("attempts", 1)) if status.get("state") == "crashed" else 0
            if crashes >= MAX_ATTEMPTS:
                held.release()
                outcome.crashed[run.run_id] = str(status.get("error", ""))
                self.progress.finished(run, "crashed", executed=False)
                continue
            try:
                import_own_code(run)  # by which its network is known
                check_readable(run)
            except CorruptRecord as error:
                set_aside(run, str(error), self.progress.notice)
                held.release()
                left.insert(0, index)
                continue
            self._held: Lease | None = held
            return index, crashes + 1
        return None

    def _run(self, run: Run, attempts: int, outcome: Outcome) -> None:
        self.progress.started(run)

        def advanced(heartbeat: Heartbeat) -> None:
            self.progress.advanced(run, heartbeat)
            self.progress.refresh()

        try:
            with output_to_log(run):
                import_own_code(run)
                state = attempt(run, self.execution, self._place, advanced, attempts, self._pause)
        except Exception as error:
            if not isinstance(error, Paused | UserError):
                write_traceback(run, error)
            raise
        finally:
            if self.team.rank == 0 and self._held is not None:
                self._held.release()
                self._held = None
        (outcome.diverged if state == "diverged" else outcome.finished).append(run.run_id)
        self.progress.finished(run, state, executed=True)

    def _give_way(self, number: int, frame: types.FrameType | None) -> None:
        self._signal = number
        self._pause.set()


def meet(team: Team, accelerator: str) -> None:
    """Join the processes of `team`, once; where they meet is in the environment."""
    if distributed.is_initialized():
        return
    os.environ.update(
        RANK=str(team.rank),
        WORLD_SIZE=str(team.size),
        LOCAL_RANK=str(team.local_rank),
        NODE_RANK=str(team.node),
    )
    if accelerator == "cuda":
        torch.cuda.set_device(team.local_rank)
    # What is agreed on goes over the CPU, so that it never waits for a GPU.
    distributed.init_process_group("cpu:gloo,cuda:nccl" if accelerator == "cuda" else "gloo")


def share(value: Any) -> Any:
    """Return the first process's `value` in all of them."""
    values = [value]
    distributed.broadcast_object_list(values, src=0, device=torch.device("cpu"))
    return values[0]


def part() -> None:
    """End together: the processes leave once all of them are here."""
    distributed.barrier()
    distributed.destroy_process_group()
