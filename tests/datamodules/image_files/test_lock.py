"""One process at a time, and no wait without a word or an end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from litmus.core.errors import UserError
from litmus.datamodules.image_files import lock

HOLD = """
import pathlib, sys, time
from litmus.datamodules.image_files.lock import exclusive
with exclusive(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_stopped_process_that_holds_it_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    os.kill(holder.pid, signal.SIGSTOP)
    monkeypatch.setattr(lock, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(lock, "LONGEST_SECONDS", 0.3)
    with pytest.raises(UserError, match=r"another process has held .*lock for hours"), lock.exclusive(path):
        pass
    assert capfd.readouterr().err.count(f"litmus: waiting for the process that holds {path}") == 1
    holder.kill()
    holder.wait()
    monkeypatch.setattr(lock, "LONGEST_SECONDS", 60.0)
    with lock.exclusive(path):
        pass
