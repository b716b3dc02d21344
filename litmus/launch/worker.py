"""One process of a worker: it imports PyTorch once, then executes run after run."""

import contextlib
import gc
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import torch
import torch.distributed as distributed

from litmus.core.errors import UserError, error_in_one_line
from litmus.core.formatting import listed
from litmus.core.source import import_source, set_environment
from litmus.launch.signals import CHECKPOINT_SIGNALS
from litmus.records.run_record import Heartbeat
from litmus.records.storage import LEASES, CorruptRecord, StorageError, TakenOver, storage_errors
from litmus.records.user_code import changed_files
from litmus.training.checkpoints import Paused
from litmus.training.execute import attempt, write_traceback
from litmus.training.run import Execution, Place, Run
from litmus.training.user_code import hashes_as_executed, read_user_code

Kind = Literal[
    "progress", "done", "paused", "corrupt", "refused", "taken over", "crashed", "device failed", "out of memory"
]
FAILURES: tuple[Kind, ...] = ("crashed", "device failed", "out of memory")


@dataclass(frozen=True)
class Assignment:
    """A run for the processes of one worker; `lease` is the launcher's, `port` that of their process group."""

    run: Run
    lease: Path
    attempts: int
    port: int


@dataclass(frozen=True)
class Message:
    """What a worker sends to the launcher; `content` is a state, an error, or a `Heartbeat`.

    `time` is when it was made, by a clock that the processes of a machine share.
    """

    kind: Kind
    content: Any = None
    time: float = field(default_factory=time.monotonic)


def main(connection: Connection, from_launcher: Connection, execution: Execution, place: Place) -> None:
    """Execute the assignments that come over `connection` until None comes; die with the launcher."""
    # Ctrl-C reaches every process of the terminal, SLURM's signals every one of a task; the launcher alone decides what
    # follows.
    for number in (signal.SIGINT, *CHECKPOINT_SIGNALS):
        signal.signal(number, signal.SIG_IGN)
    pause = threading.Event()
    threading.Thread(target=_listen_to_launcher, args=(from_launcher, pause), daemon=True).start()
    if execution.devices > 1:
        os.environ.update(LOCAL_RANK=str(place.rank), NODE_RANK="0", MASTER_ADDR="127.0.0.1")
    while (assignment := connection.recv()) is not None:
        LEASES[assignment.run.directory] = assignment.lease
        connection.send(_execute(connection, assignment, execution, place, pause))
        LEASES.clear()
        # Not before the launcher knows how the run ended here: the other processes notice that this one has left.
        if distributed.is_available() and distributed.is_initialized():
            distributed.destroy_process_group()
        if torch.cuda.is_initialized():
            # An idle worker frees its memory for the others.
            gc.collect()
            torch.cuda.empty_cache()


def _listen_to_launcher(from_launcher: Connection, pause: threading.Event) -> None:
    # The launcher writes once, to have the run checkpointed and stopped. The pipe ends with the launcher.
    with contextlib.suppress(EOFError, OSError):
        from_launcher.recv()
        pause.set()
        from_launcher.recv()
    os._exit(1)


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
            import_user_code(run)
            state = attempt(run, execution, place, progress, assignment.attempts, pause)
            try:
                require_unchanged(run)  # a module that a function imports may have been read in between
            except UserError:
                run.record.set_aside()
                raise
            return Message("done", state)
    except Paused:
        return Message("paused")
    except TakenOver:
        return Message("taken over")
    except (StorageError, UserError) as error:
        return Message("refused", str(error))
    except CorruptRecord as error:
        return Message("corrupt", str(error))
    except Exception as error:
        failed = Message(_kind_of_failure(error), error_in_one_line(error))
        with contextlib.suppress(OSError):
            write_traceback(run, error)
        return failed


def _kind_of_failure(error: Exception) -> Kind:
    # PyTorch has a type for its GPU allocator alone, not for CUDA, its libraries and the CPU.
    out_of_memory = ("CUDA error: out of memory", "ALLOC_FAILED", "can't allocate memory")
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or any(text in str(error) for text in out_of_memory):
        return "out of memory"
    of_gpu = ("CUDA", "cuDNN", "CUDNN_", "CUBLAS_", "CUFFT_", "CUSOLVER_", "NCCL", "NVML")
    if isinstance(error, RuntimeError) and any(text in str(error) for text in of_gpu):
        return "device failed"
    return "crashed"


@contextlib.contextmanager
def output_to_log(run: Run) -> Iterator[None]:
    """Send everything that is printed, by C libraries too, to the run's log."""
    with storage_errors(run.directory):
        run.directory.mkdir(exist_ok=True)
        log = os.open(run.record.log_file, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o666)
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


def import_user_code(run: Run) -> None:
    """Import the file of `run`, once per process. Raises `UserError` if its code has changed since it was planned.

    A run of a study of the package needs no import.
    """
    if run.source is not None:
        set_environment(run.source, run.config.env)
        import_source(run.source)
    require_unchanged(run)


def require_unchanged(run: Run) -> None:
    """Raise `UserError` where the code that this process runs is not that with which the run was planned."""
    changed = changed_code(run)
    if changed:
        raise UserError(message_of_change(changed))


def changed_code(run: Run) -> tuple[str, ...]:
    """Return the files that differ between the run's code and what this process has run, or else what is on disk."""
    if run.source is None or run.code is None:
        return ()
    try:
        return changed_files(run.code.hashes, hashes_as_executed(read_user_code(run.source)))
    except FileNotFoundError:
        return (run.source.name,)


def message_of_change(changed: tuple[str, ...]) -> str:
    """Return the message about files that have changed since a run was planned."""
    return f"{listed(changed)} changed after the start; the same command continues with the present code"
