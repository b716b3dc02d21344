"""Holders whose process cannot be looked for: in containers, on machines with other clocks, in jobs of SLURM."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from litmus.records import lease, slurm
from litmus.records.lease import acquire, is_held
from litmus.records.storage import write_atomically

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


OF_A_JOB = {
    "host": "node7", "boot": "another", "processes": "pid:[1]", "pid": 1, "started": "1",
    "job": {"id": "12_3", "name": "litmus-s", "restarts": 1},
}  # fmt: skip


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
    (tmp_path / "lease.1").write_text(json.dumps(OF_A_JOB) + "\n")
    past = time.time() - 10
    os.utime(tmp_path / "lease.1", (past, past))
    monkeypatch.setattr(slurm, "is_available", lambda: True)
    monkeypatch.setattr(slurm, "job_state", lambda job, name: answer)
    assert is_held(tmp_path) is held
    make_old(tmp_path / "lease.1")  # its node is slow, or its clock late
    assert is_held(tmp_path) is (answer[0] in slurm.AT_WORK and answer[1] == 1)


@pytest.mark.parametrize(
    ("variables", "job"),
    [
        ({"JOB_ID": "5"}, None),
        ({"JOB_ID": "5", "JOB_NAME": "sh"}, {"id": "5", "name": "sh", "restarts": 0}),
        ({"JOB_ID": "5", "JOB_NAME": "sh", "ARRAY_TASK_ID": "1"}, None),
        ({"JOB_ID": "5", "JOB_NAME": "sh", "ARRAY_JOB_ID": "4", "ARRAY_TASK_ID": "1"},
         {"id": "4_1", "name": "sh", "restarts": 0}),
        ({"JOB_ID": "5", "JOB_NAME": "sh", "RESTART_COUNT": ""}, {"id": "5", "name": "sh", "restarts": 0}),
        ({"JOB_ID": "5", "JOB_NAME": "sh", "RESTART_COUNT": "2"}, {"id": "5", "name": "sh", "restarts": 2}),
        ({"ARRAY_TASK_ID": "1"}, None),
    ],
)  # fmt: skip
def test_a_part_of_slurms_variables_is_no_job(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], job: dict[str, object] | None
) -> None:
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    found = slurm.own_job()
    assert (None if found is None else asdict(found)) == job


CONTINUE = """
import pathlib, sys, time
from litmus.records import lease
from litmus.records.storage import TakenOver, write_atomically
held = lease.acquire(pathlib.Path(sys.argv[1]))
print("held", flush=True)
while True:
    try:
        write_atomically(pathlib.Path(sys.argv[1], "checkpoints", "last.ckpt"), sys.argv[2])
    except TakenOver as error:
        print(error, flush=True)
        break
    time.sleep(0.05)
"""


@pytest.mark.parametrize("around", [(), CONTAINER], ids=["here", "in a container"])
def test_a_holder_that_was_stopped_leaves_its_run_to_the_next(tmp_path: Path, around: tuple[str, ...]) -> None:
    if around:
        can(*around)
    command = [*around, sys.executable, "-c", CONTINUE, str(tmp_path), "first"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    file = tmp_path / "checkpoints" / "last.ckpt"
    wait_for(file.exists)
    assert acquire(tmp_path) is None
    os.killpg(first.pid, signal.SIGSTOP)
    assert acquire(tmp_path) is None  # it may be back at once
    make_old(tmp_path / "lease.1")
    wait_for(lambda: not is_held(tmp_path))
    assert acquire(tmp_path) is not None
    write_atomically(file, "second")
    os.killpg(first.pid, signal.SIGCONT)
    said, _ = first.communicate(timeout=60)
    assert said.startswith(f"{tmp_path} is executed by another process by now")
    assert file.read_text() == "second"
    assert [path.name for path in file.parent.iterdir()] == ["last.ckpt"]
