"""One holder at a time, also when holders die."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from litmus.records import lease
from litmus.records.lease import acquire, is_held


def test_a_living_holder_keeps_others_out_until_it_releases(tmp_path: Path) -> None:
    held = acquire(tmp_path)
    assert held is not None
    assert acquire(tmp_path) is None
    held.release()
    again = acquire(tmp_path)
    assert again is not None
    assert again.path != held.path
    again.release()


def test_a_dead_holder_is_succeeded_at_once(tmp_path: Path) -> None:
    code = "import os, sys, pathlib; from litmus.records.lease import acquire"
    code += "; acquire(pathlib.Path(sys.argv[1])); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == 9
    assert not is_held(tmp_path)
    assert acquire(tmp_path) is not None


def test_a_process_number_used_again_is_no_holder(tmp_path: Path) -> None:
    held = acquire(tmp_path)
    assert held is not None
    content = json.loads(held.path.read_text())
    held.path.write_text(json.dumps({**content, "started": "1"}))
    assert not is_held(tmp_path)


def _race(directory: Path, start: float, results: "multiprocessing.SimpleQueue[bool]", tried: Event) -> None:
    while time.time() < start:
        pass
    results.put(acquire(directory) is not None)
    tried.wait(timeout=120)  # stay alive while the others try


@pytest.mark.parametrize("stale", [pytest.param(False, marks=pytest.mark.slow), True])
def test_of_many_at_once_one_wins(tmp_path: Path, stale: bool) -> None:
    context = multiprocessing.get_context("fork")
    for round_number in range(5):
        directory = tmp_path / str(round_number)
        directory.mkdir()
        if stale:
            (directory / "lease.7").write_text(json.dumps({**lease._machine(), "pid": 2**22 + 1, "started": "1"}))
        results = context.SimpleQueue()
        start = time.time() + 0.2
        tried = context.Event()
        processes = [context.Process(target=_race, args=(directory, start, results, tried)) for _ in range(6)]
        for process in processes:
            process.start()
        winners = sum(results.get() for _ in processes)
        tried.set()
        for process in processes:
            process.join()
        assert winners == 1


@pytest.mark.parametrize("what", [lease.HIDDEN, lease.STOPPED])
def test_of_a_process_that_is_hidden_or_stopped_the_heartbeat_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """On a login node a user may not see the processes of others: /proc mounted with hidepid."""
    held = acquire(tmp_path)
    assert held is not None
    monkeypatch.setattr(lease, "_process_start", lambda pid: what)
    assert is_held(tmp_path)
    past = time.time() - lease.STALE_SECONDS - 1
    os.utime(held.path, (past, past))
    assert not is_held(tmp_path)
