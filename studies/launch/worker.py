"""A warm worker process: it imports once, then executes run after run."""

import contextlib
import gc
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Literal

import torch
import torch.distributed as distributed

from litmus.error_line import told_in_a_line
from litmus.errors import UserError
from studies.launch.giving_way import GIVE_WAY
from studies.launch.import_own_code import import_own_code
from studies.records.heartbeat import Heartbeat
from studies.records.storage import CorruptRecord, StorageError, storage_errors
from studies.training.checkpoints import Paused
from studies.training.execute import attempt, write_traceback
from studies.training.run import Execution, Place, Run

SMALLER = "--trainer.accumulate 2 takes half a batch at a time"
"""What helps where memory refuses a batch."""

Kind = Literal["progress", "done", "paused", "crashed", "corrupt", "refused", "no memory"]


@dataclass(frozen=True)
class Assignment:
    """A run for the processes of one worker; `port` is where several of them meet."""

    run: Run
    attempts: int
    port: int


@dataclass(frozen=True)
class Message:
    """What a worker tells the launcher; `content` is a state, an error, or a `Heartbeat`."""

    kind: Kind
    content: Any = None


def main(connection: Connection, alive: Connection, execution: Execution, place: Place) -> None:
    """Execute the assignments that come over `connection` until None comes; die with the launcher."""
    # Ctrl-C reaches every process of the terminal, SLURM's signals every one of a task; the launcher alone decides what
    # follows.
    for number in (signal.SIGINT, *GIVE_WAY):
        signal.signal(number, signal.SIG_IGN)
    pause = threading.Event()
    threading.Thread(target=_follow, args=(alive, pause), daemon=True).start()
    if execution.devices > 1:
        os.environ.update(LOCAL_RANK=str(place.rank), NODE_RANK="0", MASTER_ADDR="127.0.0.1")
    while (assignment := connection.recv()) is not None:
        connection.send(_execute(connection, assignment, execution, place, pause))


def _execute(
    connection: Connection, assignment: Assignment, execution: Execution, place: Place, pause: threading.Event
) -> Message:
    os.environ["MASTER_PORT"] = str(assignment.port)
    run = assignment.run

    def progress(heartbeat: Heartbeat) -> None:
        if place.rank == 0:
            connection.send(Message("progress", heartbeat))

    try:
        with output_to_log(run):
            import_own_code(run)
            return Message("done", attempt(run, execution, place, progress, assignment.attempts, pause))
    except Paused:
        return Message("paused")
    except (StorageError, UserError) as error:
        return Message("refused", str(error))
    except CorruptRecord as error:
        return Message("corrupt", str(error))
    except Exception as error:
        with contextlib.suppress(OSError):
            write_traceback(run, error)
        if _is_out_of_gpu_memory(error):
            return Message("no memory", told_in_a_line(error))
        return Message("crashed", told_in_a_line(error) + (f"; {SMALLER}" if _is_out_of_memory(error) else ""))
    finally:
        if distributed.is_available() and distributed.is_initialized():
            distributed.destroy_process_group()
        if torch.cuda.is_initialized():
            # A worker that waits keeps nothing from those beside it.
            gc.collect()
            torch.cuda.empty_cache()


def _is_out_of_gpu_memory(error: Exception) -> bool:
    # Of PyTorch's allocator, of CUDA itself, of its libraries.
    text = str(error)
    return isinstance(error, torch.OutOfMemoryError) or "CUDA error: out of memory" in text or "ALLOC_FAILED" in text


def _is_out_of_memory(error: Exception) -> bool:
    # PyTorch has no type for it on the CPU.
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)


@contextlib.contextmanager
def output_to_log(run: Run) -> Iterator[None]:
    """Send everything that is printed, by C libraries too, to the run's log."""
    with storage_errors(run.directory):
        run.directory.mkdir(exist_ok=True)
        log = os.open(run.record.log_file, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    saved = os.dup(1), os.dup(2)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    try:
        yield
    finally:
        for descriptor, original in enumerate(saved, start=1):
            os.dup2(original, descriptor)
            os.close(original)


def _follow(alive: Connection, pause: threading.Event) -> None:
    # The launcher writes once, where the run is to give way. The pipe ends when the launcher does, however it does.
    with contextlib.suppress(EOFError, OSError):
        alive.recv()
        pause.set()
        alive.recv()
    os._exit(1)
