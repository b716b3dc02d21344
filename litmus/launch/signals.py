"""How a signal stops what is running: one set of handlers, and one exception, for every launcher and job.

Ctrl-C (SIGINT) raises `Interrupted` at once. The signals of SLURM and `kill` set a flag, which the launchers check: the
runs then write a checkpoint before `Interrupted` is raised.

SIGTERM in a job of SLURM: the handler of `stop_on_signals` sets the flag, `LocalLauncher._stop_after_checkpoints` asks
the workers to pause, `Checkpoints` writes the checkpoint and raises `Paused`, the launcher raises `Interrupted`, `work`
returns an exit status that says so, and the job's script requeues it. Several processes of one run do the same through
`ProcessGroupLauncher`.
"""

import contextlib
import signal
import threading
import types
from collections.abc import Iterator

CHECKPOINT_SIGNALS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)
"""Runs are checkpointed and left at these: a time limit that is near, preemption, `scancel`, `kill`."""


class Interrupted(BaseException):
    """A signal asked this program to stop; the message is its name, `advice` says how to continue."""

    def __init__(self, number: int, advice: str = "the same command continues where this one stopped") -> None:
        super().__init__(signal.Signals(number).name)
        self.advice = advice
        self.number = number
        self.exit_status = 128 + number


class StopRequest:
    """Whether a signal asked to checkpoint and stop, and its number."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.number = 0

    def is_set(self) -> bool:
        """Whether one came."""
        return self.event.is_set()

    def handle(self, number: int, frame: types.FrameType | None) -> None:
        """Take note of a signal: the signal handler."""
        self.number = number
        self.event.set()


_current: StopRequest | None = None


@contextlib.contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Handle the signals within the block, and restore the handlers after it; nested blocks have the same request.

    Outside the main thread, where Python allows no handlers, nothing is handled.
    """
    global _current
    if _current is not None:
        yield _current
        return
    request = StopRequest()

    def interrupt(number: int, frame: types.FrameType | None) -> None:
        raise Interrupted(number)

    previous = {}
    with contextlib.suppress(ValueError):
        previous[signal.SIGINT] = signal.signal(signal.SIGINT, interrupt)
        for number in CHECKPOINT_SIGNALS:
            previous[number] = signal.signal(number, request.handle)
    _current = request
    try:
        yield request
    finally:
        _current = None
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def checkpoint_signals_ignored() -> Iterator[None]:
    """Ignore the signals within the block; processes that it starts ignore them for good, and leave them to this one.

    Outside the main thread nothing is changed.
    """
    previous = {}
    with contextlib.suppress(ValueError):
        for number in CHECKPOINT_SIGNALS:
            previous[number] = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
