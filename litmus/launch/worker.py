"""A warm worker process: it imports once, then executes run after run."""

import contextlib
import gc
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import torch
import torch.distributed as distributed

from litmus.core.errors import UserError, told_in_a_line
from litmus.core.formatting import listed
from litmus.records.code_record import changed_files
from litmus.records.run_record import Heartbeat
from litmus.records.storage import CorruptRecord, StorageError, storage_errors
from litmus.training.checkpoints import Paused
from litmus.training.execute import attempt, write_traceback
from litmus.training.identity import files_of
from litmus.training.own_code import LocalCode, local_code
from litmus.training.run import Execution, Place, Run

GIVE_WAY = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
"""Signals at which runs are checkpointed and left: a time limit that is near, preemption, `scancel`, `kill`."""

GO_ON_LATER = 75
"""Exit status of a task that was told to give way and has checkpointed its runs (EX_TEMPFAIL of sysexits.h)."""


_imported: dict[Path, LocalCode] = {}
"""The user's files that this process ran, as they were then."""


def import_own_code(run: Run) -> None:
    """Run the file that `run` comes from, once a process. Raises `UserError` where its code is not the run's any more.

    A run of the package's own needs nothing.
    """
    if run.source is None:
        return
    import_file(run.source)
    changed = changed_code(run, _imported[run.source])
    if changed:
        raise UserError(told_of_change(changed))


def import_file(source: Path) -> None:
    """Run a user's file, unless this process has, and remember the code of now."""
    if source in _imported:
        return
    if not _has_run(source):
        # Imported here because it brings pandas, which runs of the package's own studies never need.
        from litmus.design.study_files import import_source

        import_source(source)
    _imported[source] = local_code(source)


def changed_code(run: Run, code: LocalCode | None = None) -> tuple[str, ...]:
    """Return the files by which `code` differs from the run's; by default as it is in this process, or else on disk."""
    if run.source is None or run.code is None:
        return ()
    try:
        code = code or _imported.get(run.source) or local_code(run.source)
    except FileNotFoundError:
        return (run.source.name,)
    return changed_files(run.code.files, files_of(run.config, code))


def told_of_change(changed: tuple[str, ...]) -> str:
    """Return what to say where files are not what they were when a run was planned."""
    return f"{listed(changed)} changed after the start; the same command goes on with the code of now"


def _has_run(source: Path) -> bool:
    """Whether a module of this process is of that file, be it the script that was started or what that imports.

    Run again under another name, it would register the same names twice.
    """
    files = [getattr(module, "__dict__", {}).get("__file__") for module in list(sys.modules.values())]
    same_name = [Path(file) for file in files if file is not None and Path(file).name == source.name]
    return any(file.resolve() == source.resolve() for file in same_name)


class Interrupted(BaseException):
    """The user or the system asked the launcher to stop; the message says by which signal."""

    advice = "the same command goes on where this one stopped"

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.signal_number = signal_number
        self.exit_status = 128 + signal_number


@contextlib.contextmanager
def interrupting(error: type[Interrupted]) -> Iterator[None]:
    """Raise `error` within the block at the signals that ask a program to stop."""

    def interrupt(number: int, frame: types.FrameType | None) -> None:
        raise error(number)

    with _handling((signal.SIGINT, *GIVE_WAY), interrupt):
        yield


@contextlib.contextmanager
def ignoring(numbers: Sequence[signal.Signals]) -> Iterator[None]:
    """Ignore these signals within the block; processes that it starts ignore them for good."""
    with _handling(numbers, signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handling(numbers: Sequence[signal.Signals], handler: Callable[..., Any] | signal.Handlers) -> Iterator[None]:
    previous = {}
    for number in numbers:
        with contextlib.suppress(ValueError):  # only the main thread may handle signals
            previous[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)


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
