"""Who works on a run: an atomic claim on its folder that ends with its holder, also over a network file system.

A lease is a file `lease.<n>`; the highest n counts. Taking over from a dead holder means to create `lease.<n+1>`,
which the file system grants to one of several at once (O_CREAT | O_EXCL); no file is ever removed or replaced, so
there is no moment in which two can believe to hold it.

Whether a holder lives is known at once where its process can be looked for: on the same boot of the same kernel, in the
same table of processes. Containers have tables of their own, and machines that were cloned boots of their own. SLURM
knows of the jobs that have ended. Of anybody else the file's age decides, by the file system's own clock.
"""

import contextlib
import json
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from litmus.records import slurm
from litmus.records.storage import storage_errors

HEARTBEAT_SECONDS = 10.0
STALE_SECONDS = 120.0
"""A holder elsewhere that has not been heard of for this long is taken for dead; a network file system shows a change
to other machines within a minute."""


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
            file.write(json.dumps(_identity()) + "\n")
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
        holder = json.loads(path.read_text() or "{}")
    except FileNotFoundError:
        return False  # the folder was moved away
    except (OSError, ValueError):
        holder = {}
    if holder.get("released"):
        return False
    if holder.get("boot") is not None and all(holder[key] == value for key, value in _machine().items()):
        return _process_start(int(holder["pid"])) == holder["started"]
    if holder.get("job") and _job_has_ended(holder["job"], path):
        return False
    # Empty: its creator is between creating and writing it, or died there.
    return _age(path) < (STALE_SECONDS if holder else HEARTBEAT_SECONDS)


def _latest(directory: Path) -> int:
    with storage_errors(directory):
        try:
            found = [re.fullmatch(r"lease\.(\d+)", name) for name in os.listdir(directory)]
        except FileNotFoundError:
            return 0
    return max((int(match.group(1)) for match in found if match), default=0)


def _age(path: Path) -> float:
    """Return the seconds since the last heartbeat by the clock of the file system: those of machines may be apart."""
    try:
        # Opening it asks the file system; `stat` may be answered from what this machine remembers.
        with open(path, "rb") as file:
            beaten = os.fstat(file.fileno()).st_mtime
    except OSError:
        return STALE_SECONDS
    try:
        with tempfile.TemporaryFile(dir=path.parent) as now:
            now.write(b"now")
            now.flush()
            os.fsync(now.fileno())
            return os.fstat(now.fileno()).st_mtime - beaten
    except OSError:
        return time.time() - beaten  # a folder that cannot be written by this user


def _identity() -> dict[str, object]:
    pid = _own_number()
    identity: dict[str, object] = {
        "host": socket.gethostname(),
        "pid": pid,
        "started": _process_start(pid),
        **_machine(),
    }
    job = slurm.own_job()
    return identity if job is None else {**identity, "job": asdict(job)}


@lru_cache(maxsize=1)
def _machine() -> dict[str, str | None]:
    """Return what processes that can look for each other share: a boot, and a table of processes."""
    boot = processes = None
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        processes = os.readlink("/proc/self/ns/pid")
    return {"boot": boot or socket.gethostname(), "processes": processes}


def _own_number() -> int:
    """Return this process's number in the table under /proc, which in a container may not be that of `getpid`."""
    try:
        return int(os.readlink("/proc/self"))
    except OSError:
        return os.getpid()


def _process_start(pid: int) -> str | None:
    """Return a mark of the process's start, None where it is dead: a process number alone may be used again."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return None if fields[0] in ("Z", "X") else fields[19]
    except (FileNotFoundError, ProcessLookupError):
        if os.path.exists("/proc/self/stat"):
            return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return "alive"


def _job_has_ended(job: Mapping[str, Any], path: Path) -> bool:
    """Whether SLURM says so; where it knows nothing of the job, or there is no SLURM here, nothing is said."""
    if not slurm.is_available():
        return False
    state, restarts, ago = slurm.job_state(str(job["id"]), job["name"])
    ended = bool(state) and (state not in slurm.AT_WORK or restarts > job["restarts"])
    # What SLURM said before the last heartbeat was said of an earlier start of the job.
    return ended and ago < _age(path)


def _start_heartbeat() -> None:
    if not _BEATING.acquire(blocking=False):
        return

    def beat() -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            for path in list(_LIVE):
                # A file system that is away for a while comes back; until then the lease ages.
                with contextlib.suppress(OSError):
                    _touch(path)

    threading.Thread(target=beat, daemon=True, name="lease-heartbeat").start()


def _touch(path: Path) -> None:
    """Let the file system set the file's time by its own clock: write its last byte, a line's end, once more."""
    with open(path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\n")
