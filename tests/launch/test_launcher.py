"""Promise 5, failure is an outcome: crashes are repeated, then reported with their log; nothing is dropped."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_runs import TINY

from litmus import load, run
from litmus.core.errors import UserError
from litmus.design.study import Study
from litmus.evidence.summary import summarise
from litmus.launch import local
from litmus.launch.worker import Message
from litmus.records.run_record import run_records
from litmus.report.answer import cautions_of
from litmus.training.run import Place

STUDY = Study(
    "outcomes",
    "What becomes of runs that fail?",
    TINY,
    {"optim.lr": [0.1, 1e8]},
    {"optim.lr": 0.1},
    seeds=2,
)


def test_diverged_runs_are_results_and_shown(tmp_path: Path) -> None:
    result = run(STUDY, out=tmp_path, workers=2, wandb="disabled")
    assert result.crashed == {}
    assert sorted(result.records["state"]) == ["diverged", "diverged", "finished", "finished"]
    diverged = result.records[result.records["state"] == "diverged"]
    assert set(diverged["optim.lr"]) == {1e8}
    assert (diverged["diverged_at_step"] > 0).all()
    report = result.report.read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "2 runs finished, 2 diverged" in report
    assert "0 of 2, 2 diverged" in report
    again = run(STUDY, out=tmp_path, workers=2, wandb="disabled")
    assert set(again.records["attempts"]) == {1}


def test_a_run_that_crashed_before_it_began_keeps_its_seed(tmp_path: Path) -> None:
    report = run(STUDY, seeds=1, out=tmp_path, workers=2, wandb="disabled").report
    record = run_records(report.parent)[0]
    for file in record.config_file.parent.iterdir():
        if file.is_file():
            file.unlink()
    record.write_status(state="crashed", error="KeyError: 'missing'")
    assert load(report.parent)["seed"].tolist() == [0, 0]
    assert sorted(arm.count("crashed") for arm in summarise(report.parent).analysis.arms) == [0, 1]


def test_files_of_the_current_folder_shadow_no_library(tmp_path: Path) -> None:
    (tmp_path / "lightning.py").write_text("raise RuntimeError('of the current folder')\n")
    command = [Path(sys.executable).with_name("litmus"), "train", "--model", "mlp", "--trainer.epochs", "1"]
    done = subprocess.run([*command, "--wandb", "disabled"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "[1/1] finished" in done.stderr + done.stdout) == (0, True), done.stderr


CRASH = '''\
"""Does it crash?"""

from torch import nn

from litmus import lit_archs
from litmus import Study


@lit_archs.register("crashes_later")
class CrashesLater(nn.Module):
    """Fails at its fourth batch, which no first step foresees."""

    def __init__(self, num_classes, in_channels, image_size, fails=False):
        super().__init__()
        self.head, self.fails, self.calls = nn.Linear(in_channels * image_size**2, num_classes), fails, 0

    def forward(self, images):
        self.calls += 1
        if self.fails and self.calls > 3:
            raise ValueError("the fourth batch is one too many")
        return self.head(images.flatten(1))


study = Study(
    base={"model.name": "crashes_later", "data.name": "digits", "data.batch_size": 64, "trainer.epochs": 1},
    factors={"model.fails": [False, True]},
    baseline={"model.fails": False},
    seeds=1,
)
'''


def test_a_crash_is_repeated_then_reported_with_its_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    study = tmp_path / "crash.py"
    study.write_text(CRASH)
    result = run(study, out=tmp_path, workers=1, wandb="disabled")
    [(run_id, error)] = result.crashed.items()
    assert error == "crash.py, line 20: ValueError: the fourth batch is one too many"
    assert f"{run_id} crashed (crash.py, line 20" in capfd.readouterr().err
    assert set(load(tmp_path / "crash")["state"]) == {"finished", "crashed"}
    assert (tmp_path / "crash" / run_id / "log.txt").read_text().count("Traceback") == 2  # both attempts
    report = result.report.read_text()
    assert "1 crashed" in report
    assert "the fourth batch is one too many" in report
    assert result.summary is not None
    assert "Partial: 1 of 2 runs have no result yet." in cautions_of(result.summary)
    again = run(study, out=tmp_path, workers=1, wandb="disabled")
    assert list(again.crashed) == [run_id]  # what crashed is missing, and is tried again


BAD_GPU = '''\
"""Does the GPU hold?"""

import torch
from torch import nn

from litmus import Study, lit_archs

poisoned = False


@lit_archs.register("bad_NAME")
class Bad(nn.Module):
    """Poisons its process at its fourth batch, as an illegal access to a GPU's memory does."""

    def __init__(self, num_classes, in_channels, image_size, bad=0):
        super().__init__()
        self.head, self.bad, self.calls = nn.Linear(in_channels * image_size**2, num_classes), bad, 0

    def forward(self, images):
        global poisoned
        self.calls += 1
        poisoned |= self.calls > 3 and self.bad in BAD
        if self.calls > 3 and poisoned:
            raise ERROR("CUDA error: an illegal memory access was encountered")
        return self.head(images.flatten(1))


study = Study(
    base={"model.name": "bad_NAME", "data.name": "digits", "data.batch_size": 64, "trainer.epochs": 1},
    factors={"model.bad": [1, 0, 2, 3, 4]},
    baseline={"model.bad": 0},
    seeds=1,
)
'''


def bad_gpu(folder: Path, name: str, bad: tuple[int, ...]) -> Path:
    study = folder / f"{name}.py"
    error = "torch.AcceleratorError" if hasattr(torch, "AcceleratorError") else "RuntimeError"
    study.write_text(BAD_GPU.replace("NAME", name).replace("in BAD\n", f"in {bad}\n").replace("ERROR", error))
    return study


def test_a_process_whose_gpu_failed_takes_no_other_run(tmp_path: Path) -> None:
    result = run(bad_gpu(tmp_path, "poison", (1,)), out=tmp_path, workers=1, wandb="disabled")
    assert len(result.crashed) == 1
    assert sorted(result.records["state"]) == ["crashed", *["finished"] * 4]
    assert list(result.records["attempts"][result.records["state"] == "finished"]) == [1] * 4


def test_a_node_whose_runs_crash_in_succession_takes_no_more(tmp_path: Path) -> None:
    study = bad_gpu(tmp_path, "sick", (1, 3, 4))
    problem = "takes no more runs: two in succession crashed there .*illegal memory access.*the same command continues"
    with pytest.raises(UserError, match=problem):
        run(study, out=tmp_path, workers=1, wandb="disabled")
    states = [record.state() for record in run_records(tmp_path / "sick")]
    # What crashed there was not to blame, and is for other nodes.
    assert sorted(states) == ["finished", "finished", *["interrupted"] * 3]


FULL = """\
\"\"\"Does it fit?\"\"\"

from pathlib import Path

import torch
from torch import nn

from litmus import lit_archs
from litmus import Study


@lit_archs.register("large_HOW")
class Large(nn.Module):
    \"\"\"Finds the memory full at its fourth batch, once or always.\"\"\"

    def __init__(self, num_classes, in_channels, image_size, full="never"):
        super().__init__()
        self.head, self.full, self.calls = nn.Linear(in_channels * image_size**2, num_classes), full, 0

    def forward(self, images):
        self.calls += 1
        seen = Path(__file__).with_name("seen")
        if self.calls > 3 and (self.full == "always" or (self.full == "once" and not seen.exists())):
            seen.touch()
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.head(images.flatten(1))


study = Study(
    base={"model.name": "large_HOW", "data.name": "digits", "data.batch_size": 64, "trainer.epochs": 1},
    factors={"model.full": ["never", "HOW"]},
    baseline={"model.full": "never"},
    seeds=1,
)
"""


@pytest.mark.parametrize("how", ["once", "always"])
def test_where_memory_runs_out_a_run_is_repeated_with_fewer_at_a_time(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], how: str
) -> None:
    """The error is PyTorch's own, raised by a network: a GPU that is full is in `test_cuda.py`."""
    study = tmp_path / f"full_{how}.py"
    study.write_text(FULL.replace("HOW", how))
    result = run(study, out=tmp_path, workers=2, wandb="disabled")
    assert capfd.readouterr().err.count("ran out of memory and is repeated, 1 run at a time from now on") == 1
    if how == "once":
        assert result.crashed == {}
        assert list(result.records["attempts"]) == [1, 1]  # it was no fault of the run's
    else:
        [error] = result.crashed.values()
        assert error.startswith("memory ran out with no other run on the device; --trainer.accumulate 2 takes")
        assert "Tried to allocate 2.00 GiB" in error


SLOW = Study(
    "signals", "Do they live?", {**TINY, "trainer.epochs": 30, "data.batch_size": 16},
    {"model.norm": ["none", "batch"]}, {"model.norm": "none"}, seeds=1,
)  # fmt: skip


def signal_a_worker(
    directory: Path, number: int, then: Callable[[int], None] = lambda process: None
) -> threading.Thread:
    """Send a signal to a worker once its run has written rows, and call `then` with its process."""

    def workers() -> list[int]:
        """The processes that write a log: those that execute a run."""
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
                then(worker)
                return
            time.sleep(0.02)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
def test_a_worker_that_hangs_is_killed_and_its_run_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def hangs(process: int) -> None:
        # No longer than until it was killed: a start is silent for some seconds, too.
        monkeypatch.setattr(local, "HANG_SECONDS", 8.0)
        while Path(f"/proc/{process}/fd").exists():
            time.sleep(0.05)
        monkeypatch.setattr(local, "HANG_SECONDS", 3600.0)

    stopped = signal_a_worker(tmp_path, signal.SIGSTOP, hangs)
    result = run(SLOW, out=tmp_path, workers=2, wandb="disabled")
    stopped.join()
    assert result.crashed == {}
    assert sorted(result.records["attempts"]) == [1, 2]
    assert re.search(r"crashed \(no progress for \d+ s; the worker was killed\); repeating", capfd.readouterr().err)


@pytest.mark.slow
def test_where_the_system_kills_a_worker_for_memory_fewer_runs_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    counts = iter(range(1000))  # the system has killed one more each time that it is asked
    monkeypatch.setattr(local, "oom_kills", lambda: next(counts))
    killed = signal_a_worker(tmp_path, signal.SIGKILL)
    result = run(SLOW, out=tmp_path, workers=2, wandb="disabled")
    killed.join()
    assert result.crashed == {}
    printed = capfd.readouterr().err
    assert "repeated, 1 run at a time from now on (the system killed the worker process)" in printed


def worker_of(*messages: Message) -> local.Worker:
    """A worker of two processes that have sent `messages`, and live."""
    worker = local.Worker((Place(0), Place(1)))
    for message in messages:
        ours, theirs = multiprocessing.Pipe()
        theirs.send(Message("progress", None))
        theirs.send(message)
        worker.connections.append(ours)
    return worker


def test_of_several_processes_the_first_error_is_reported() -> None:
    """The second runs out of memory, and the first then loses its connection to it."""
    lost = Message("crashed", "RuntimeError: Connection closed by peer", time=2.0)
    full = Message("out of memory", "CUDA out of memory", time=1.0)
    assert local._first_error(worker_of(lost, full), lost) == full
    assert local._first_error(worker_of(full, lost), full) == full
