"""Who works on a run: an atomic claim on its folder that ends with its holder, also over a network file system.

A lease is a file `lease.<n>`; the highest n counts. Taking over from a dead holder means to create `lease.<n+1>`,
which the file system grants to one of several at once (O_CREAT | O_EXCL); no file is ever removed or replaced, so
there is no moment in which two can believe to hold it.

Whether a holder lives is known at once where its process can be looked for: on the same boot of the same kernel, in the
same table of processes. Containers have tables of their own, and machines that were cloned boots of their own. SLURM
knows the state of its jobs. Of anybody else, and of a process that is stopped, the file's age decides, by the file
system's own clock. A holder that comes back after its run was taken over finds the later lease before it replaces a
file (`storage.replace`), and leaves the run.
"""

import contextlib
import json
import os
import socket
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from litmus.records import slurm
from litmus.records.storage import LEASES, is_taken_over, latest_lease, storage_errors

HEARTBEAT_SECONDS = 10.0
STALE_SECONDS = 120.0
"""A holder elsewhere that has not been heard of for this long is taken for dead; a network file system shows a change
to other machines within a minute."""

JOB_STALE_SECONDS = 3600.0
"""The same where SLURM says that the holder's job is running: its node may be slow, its clock late. Its process may
have died all the same, in a job that does something else by now."""


@dataclass
class Lease:
    """The right to run one run; `release` gives it back, the death of its process does too."""

    path: Path

    def is_taken_over(self) -> bool:
        """Whether another process has taken the run over."""
        return is_taken_over(self.path)

    def release(self) -> None:
        """Give the run back, so that another launcher may take it at once."""
        LEASES.pop(self.path.parent, None)
        try:
            with open(self.path, "w") as file:
                json.dump({"released": True}, file)
        except OSError:
            # The folder is gone or unwritable; the lease then ends with the process.
            return


_BEATING = threading.Lock()


def acquire(directory: Path) -> Lease | None:
    """Take the run in `directory`, or return None where a living process holds it."""
    with storage_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
    number = latest_lease(directory)
    if number and is_held(directory):
        return None
    path = directory / f"lease.{number + 1}"
    with storage_errors(path):
        try:
            with open(path, "x") as file:
                file.write(json.dumps(_identity()) + "\n")
        except FileExistsError:
            return None
    LEASES[directory] = path
    _start_heartbeat()
    return Lease(path)


def is_held(directory: Path) -> bool:
    """Whether a living process holds the run in `directory`."""
    number = latest_lease(directory)
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
    # Empty: its creator is between creating and writing it, or died there. One of another user may be unreadable.
    patience = STALE_SECONDS if holder or not os.access(path, os.R_OK) else HEARTBEAT_SECONDS
    if holder.get("boot") is not None and all(holder[key] == value for key, value in _machine().items()):
        found = _process_start(int(holder["pid"]))
        if found not in (STOPPED, HIDDEN):
            return found == holder["started"]
    elif holder.get("job"):
        at_work = _job_is_at_work(holder["job"], path)
        if at_work is False:
            return False
        patience = JOB_STALE_SECONDS if at_work else patience
    return _age(path) < patience


def _age(path: Path) -> float:
    """Return the seconds since the last heartbeat by the clock of the file system: those of machines may be apart."""
    try:
        # Opening it asks the file system; `stat` may be answered from what this machine remembers.
        with contextlib.suppress(PermissionError), open(path, "rb"):
            pass
        beaten = os.stat(path).st_mtime
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


STOPPED = "stopped"
HIDDEN = "hidden"


def _process_start(pid: int) -> str | None:
    """Return a mark of the process's start, None where it is dead: a process number alone may be used again.

    `STOPPED` is a process that was stopped by a signal, `HIDDEN` one of another user of which the system says no more
    than that it is there.
    """
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return None if fields[0] in ("Z", "X") else STOPPED if fields[0] in ("T", "t") else fields[19]
    except (FileNotFoundError, ProcessLookupError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return HIDDEN
    return None if os.path.exists("/proc/self/stat") else "alive"


def _job_is_at_work(job: dict[str, Any], path: Path) -> bool | None:
    """Whether SLURM says so, None where it says nothing: it is not here, or does not know the job."""
    if not slurm.is_available():
        return None
    state, restarts, ago = slurm.job_state(str(job["id"]), job["name"])
    if not state:
        return None
    if state in slurm.AT_WORK and restarts <= job["restarts"]:
        return True
    # What SLURM said before the last heartbeat was said of an earlier start of the job.
    return False if ago < _age(path) else None


def _start_heartbeat() -> None:
    if not _BEATING.acquire(blocking=False):
        return

    def beat() -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            for path in list(LEASES.values()):
                # A file system that is away for a while comes back; until then the lease ages.
                with contextlib.suppress(OSError):
                    _touch(path)

    threading.Thread(target=beat, daemon=True, name="lease-heartbeat").start()


def _touch(path: Path) -> None:
    """Let the file system set the file's time by its own clock: write its last byte, a line's end, once more."""
    with open(path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\n")
