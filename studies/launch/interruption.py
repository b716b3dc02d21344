"""What asks a program to stop, and how it answers: Ctrl-C, `kill`, a cluster's warning."""

import contextlib
import signal
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from studies.launch.giving_way import GIVE_WAY


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
