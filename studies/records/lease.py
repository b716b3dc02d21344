"""Who works on a run: an atomic claim on its folder that ends with its holder, also over a network file system.

A lease is a file `lease.<n>`; the highest n counts. Taking over from a dead holder means to create `lease.<n+1>`,
which the file system grants to one of several at once (O_CREAT | O_EXCL); no file is ever removed or replaced, so
there is no moment in which two can believe to hold it.
"""

import json
import os
import re
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from studies.records.storage import storage_errors

HEARTBEAT_SECONDS = 10.0
STALE_SECONDS = 120.0
"""A holder on another machine that has not been heard of for this long is taken for dead."""


@dataclass
class Lease:
    """The right to run one run; `release` gives it back, the death of its process does too."""

    path: Path

    def release(self) -> None:
        """Give the run back, so that another launcher may take it at once."""
        _LIVE.discard(self.path)
        try:
            with open(self.path, "w") as file:
                json.dump({"released": True}, file)
        except OSError:
            # The folder is gone or unwritable; the lease then ends with the process.
            return


_LIVE: set[Path] = set()
_BEATING = threading.Lock()


def acquire(directory: Path) -> Lease | None:
    """Take the run in `directory`, or return None where a living process holds it."""
    with storage_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
    number = _latest(directory)
    if number and is_held(directory):
        return None
    path = directory / f"lease.{number + 1}"
    with storage_errors(path):
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return None
        with os.fdopen(descriptor, "w") as file:
            json.dump(_identity(), file)
    _LIVE.add(path)
    _start_heartbeat()
    return Lease(path)


def is_held(directory: Path) -> bool:
    """Whether a living process holds the run in `directory`."""
    number = _latest(directory)
    if not number:
        return False
    path = directory / f"lease.{number}"
    try:
        age = time.time() - path.stat().st_mtime
        holder = json.loads(path.read_text() or "{}")
    except (OSError, ValueError):
        holder, age = {}, STALE_SECONDS if not path.exists() else 0.0
    if holder.get("released"):
        return False
    if holder.get("host") == socket.gethostname():
        return _process_start(int(holder["pid"])) == holder["started"]
    # Empty: its creator is between creating and writing it, or died there.
    return age < (STALE_SECONDS if holder else HEARTBEAT_SECONDS)


def _latest(directory: Path) -> int:
    try:
        found = [re.fullmatch(r"lease\.(\d+)", name) for name in os.listdir(directory)]
    except FileNotFoundError:
        return 0
    return max((int(match.group(1)) for match in found if match), default=0)


def _identity() -> dict[str, object]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": _process_start(os.getpid())}


def _process_start(pid: int) -> str | None:
    """Return a mark of the process's start, None where it is dead: a process number alone may be used again."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return None if fields[0] in ("Z", "X") else fields[19]
    except FileNotFoundError:
        if os.path.exists("/proc/self/stat"):
            return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "alive"


def _start_heartbeat() -> None:
    if not _BEATING.acquire(blocking=False):
        return

    def beat() -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            for path in list(_LIVE):
                try:
                    os.utime(path)
                except OSError:
                    _LIVE.discard(path)

    threading.Thread(target=beat, daemon=True, name="lease-heartbeat").start()
