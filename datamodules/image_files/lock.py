"""One process at a time, by a file that the operating system locks."""

import os
import stat
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
    lock another file of the same name. All who may write into its folder may hold it. Raises `UserError` once the wait
    takes longer than `LONGEST_SECONDS`, and where the system has no such locks.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        open_to_those_of(path.parent, path)
    except PermissionError:
        descriptor = os.open(path, os.O_RDONLY)  # another user's, which local file systems lock as well
    try:
        _wait(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path) -> None:
    try:
        import fcntl
    except ImportError:
        raise UserError(
            "this system cannot lock files (no fcntl), which the image cache needs; on Windows, use WSL"
        ) from None
    began, said = time.monotonic(), False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited = time.monotonic() - began
        if waited > LONGEST_SECONDS:
            raise UserError(f"another process has held {path} for hours; find it with fuser {path} and end it")
        if waited > QUIET_SECONDS and not said:
            print(f"litmus: waiting for the process that holds {path}", file=sys.stderr)
            said = True
        time.sleep(0.1)


def open_to_those_of(folder: Path, path: Path) -> None:
    """Let those who may read or write in `folder` do so with `path`, a file or folder in it that this user owns.

    Of a folder in which everybody may write, others than its group may only read.
    """
    shared = stat.S_IMODE(folder.stat().st_mode) & 0o775
    path.chmod(shared | stat.S_IMODE(path.stat().st_mode) & 0o7000 if path.is_dir() else shared & 0o666)
