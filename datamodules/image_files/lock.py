"""One process at a time, by a file that the operating system locks."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from litmus.core.errors import UserError

QUIET_SECONDS = 10.0
LONGEST_SECONDS = 6 * 3600.0
"""How long the lock is waited for: a process that was stopped, and holds it, never lets it go."""


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock `path` while the block runs, after waiting for whoever holds it.

    The lock ends with its process, however that ends. The file stays: whoever removed it would let another process
    lock another file of the same name. Raises `UserError` once the wait takes longer than `LONGEST_SECONDS`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _wait(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path) -> None:
    began, said = time.monotonic(), False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited = time.monotonic() - began
        if waited > LONGEST_SECONDS:
            raise UserError(f"another process has held {path} for hours; fuser {path} says which; end it")
        if waited > QUIET_SECONDS and not said:
            print(f"litmus: waiting for the process that holds {path}", file=sys.stderr)
            said = True
        time.sleep(0.1)
