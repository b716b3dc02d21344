"""Holders whose process cannot be looked for: in containers, on machines with other clocks, in jobs of SLURM."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from litmus.records import lease, slurm
from litmus.records.lease import acquire, is_held

HOLD = """
import pathlib, sys, time
from litmus.records import lease
lease.HEARTBEAT_SECONDS = 0.2
held = lease.acquire(pathlib.Path(sys.argv[1]))
print("held" if held else "refused", flush=True)
time.sleep(60 if held else 0)
"""
CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


def can(*command: str) -> None:
    """Skip the test where a command is not allowed here."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]} here")
    if subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip(f"{command[0]} is not allowed here")


@contextmanager
def holder(directory: Path, *around: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen([*around, sys.executable, "-c", HOLD, str(directory)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def make_old(path: Path) -> None:
    past = time.time() - 2 * lease.STALE_SECONDS
    os.utime(path, (past, past))


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds; how soon depends on what else the machine does."""
    for _ in range(1200):
        if condition():
            return
        threading.Event().wait(0.05)  # `time` is replaced in a test
    raise AssertionError("waited in vain")


def test_a_container_keeps_its_lease_while_it_lives_and_no_longer(tmp_path: Path) -> None:
    can(*CONTAINER)
    path = tmp_path / "lease.1"
    with holder(tmp_path, *CONTAINER):
        content = json.loads(path.read_text())
        assert content["host"] == os.uname().nodename  # the same name,
        assert content["pid"] < 10  # and a number that is somebody else's here
        make_old(path)
        wait_for(lambda: is_held(tmp_path))
        assert acquire(tmp_path) is None
    make_old(path)
    assert not is_held(tmp_path)
    assert acquire(tmp_path) is not None


@pytest.mark.parametrize("shift", ["+15m", "-15m"])
def test_clocks_apart_by_minutes_break_no_lease_and_keep_no_dead_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shift: str
) -> None:
    can(*CONTAINER)
    can("faketime", "-f", shift)
    # Without its wrapper, which leaves a semaphore behind by the process's number.
    library = subprocess.run(["faketime", shift, "printenv", "LD_PRELOAD"], capture_output=True, text=True).stdout
    shifted = ("env", "NO_FAKE_STAT=1", f"FAKETIME={shift}", f"LD_PRELOAD={library.strip()}")
    path = tmp_path / "lease.1"
    with holder(tmp_path, *CONTAINER, *shifted):
        make_old(path)
        wait_for(lambda: is_held(tmp_path))
        assert abs(path.stat().st_mtime - time.time()) < 300  # by the file system's clock, not by the holder's
        monkeypatch.setattr(time, "time", lambda: 0.0)  # and the one who looks has no clock at all
        assert is_held(tmp_path)
    monkeypatch.undo()
    make_old(path)
    assert not is_held(tmp_path)


def test_another_boot_is_another_machine(tmp_path: Path) -> None:
    held = acquire(tmp_path)
    assert held is not None
    content = json.loads(held.path.read_text())
    # A cloned machine: the name, the number and the start of a process that lives here, and a boot of its own.
    held.path.write_text(json.dumps({**content, "boot": "another"}) + "\n")
    assert is_held(tmp_path)
    past = time.time() - lease.STALE_SECONDS - 1
    os.utime(held.path, (past, past))
    assert not is_held(tmp_path)


def test_a_file_system_that_is_away_for_a_while_ends_no_heartbeat(tmp_path: Path) -> None:
    with holder(tmp_path):
        path = tmp_path / "lease.1"
        path.rename(tmp_path / "away")
        time.sleep(0.6)
        (tmp_path / "away").rename(path)
        before = path.stat().st_mtime_ns
        wait_for(lambda: path.stat().st_mtime_ns > before)
        assert json.loads(path.read_text())["pid"]


@pytest.mark.parametrize(
    ("answer", "held"),
    [
        (("RUNNING", 1, 0.0), True),
        (("COMPLETING", 1, 0.0), True),
        (("RUNNING", 2, 0.0), False),  # it was started again since
        (("PENDING", 2, 0.0), False),
        (("CANCELLED", 1, 0.0), False),
        (("PENDING", 1, 20.0), True),  # SLURM said so before the last heartbeat: the job has begun since
        (("", 0, 0.0), True),
    ],
)
def test_slurm_is_asked_about_a_job_that_is_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: tuple[str, int, float], held: bool
) -> None:
    job = {"id": "12_3", "name": "litmus-s", "restarts": 1}
    content = {"host": "node7", "boot": "another", "processes": "pid:[1]", "pid": 1, "started": "1", "job": job}
    (tmp_path / "lease.1").write_text(json.dumps(content) + "\n")
    past = time.time() - 10
    os.utime(tmp_path / "lease.1", (past, past))
    monkeypatch.setattr(slurm, "is_available", lambda: True)
    monkeypatch.setattr(slurm, "job_state", lambda job, name: answer)
    assert is_held(tmp_path) is held
