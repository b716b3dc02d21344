"""Workers that hang, or are killed because memory ran out, are noticed, told of and replaced."""

import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest
from tiny_runs import TINY

from litmus import run
from litmus.design.study import Study
from litmus.launch import local as vital_signs

STUDY = Study(
    "signs", "Do they live?", {**TINY, "trainer.epochs": 30, "data.batch_size": 16},
    {"model.norm": ["none", "batch"]}, {"model.norm": "none"}, seeds=1,
)  # fmt: skip


def signal_a_worker(directory: Path, number: int) -> threading.Thread:
    """Send a signal to a worker once its run has written rows."""

    def workers() -> list[int]:
        """The processes that write a log: those of runs at work."""
        found = []
        for path in Path("/proc").glob("[0-9]*/fd/1"):
            try:
                target = os.readlink(path)
            except OSError:
                continue
            metrics = Path(target).with_name("metrics.csv")
            begun = metrics.exists() and len(metrics.read_text().splitlines()) > 1
            if target.startswith(str(directory)) and begun:
                found.append(int(path.parts[2]))
        return found

    def send() -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            for worker in workers():
                os.kill(worker, number)
                return
            time.sleep(0.02)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
def test_a_worker_that_hangs_is_killed_and_its_run_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(vital_signs, "LEAST_SILENCE", 40.0)
    monkeypatch.setattr(vital_signs, "USUAL_SILENCES", 5.0)
    stopped = signal_a_worker(tmp_path, signal.SIGSTOP)
    result = run(STUDY, out=tmp_path, workers=2, wandb="disabled")
    stopped.join()
    assert result.crashed == {}
    assert sorted(result.records["attempts"]) == [1, 2]
    told = capfd.readouterr().err
    assert re.search(r"crashed \(no progress for \d+ s, memory \d+ MiB; the worker was killed\); repeating it", told)


@pytest.mark.slow
def test_where_memory_runs_out_fewer_runs_go_on_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    counts = iter(range(1000))  # the system has killed one more each time that it is asked
    monkeypatch.setattr(vital_signs, "times_out_of_memory", lambda: next(counts))
    killed = signal_a_worker(tmp_path, signal.SIGKILL)
    result = run(STUDY, out=tmp_path, workers=2, wandb="disabled")
    killed.join()
    assert result.crashed == {}
    told = capfd.readouterr().err
    assert re.search(
        r"memory ran out and the worker process, which had reached \d+ MiB, was killed; "
        r"--trainer.accumulate 2 takes half a batch at a time; 1 at a time from now on",
        told,
    )
