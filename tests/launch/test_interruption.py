"""Promise 7, interruption changes nothing; and two launchers never run one run twice."""

import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from cluster_jobs import wait_for
from forked_command import Forked
from tiny_runs import tiny_options

from litmus.cli.main import run_command
from litmus.records.run_record import RunRecord, run_records

STUDY = "norms"


def arguments(out: Path, *more: str) -> list[str]:
    """A study of four runs of a second or so, with dropout and augmentation, checkpointed at every epoch."""
    options = [
        *tiny_options(),
        "--model.dropout",
        "0.3",
        "--data.augment",
        "crop",
        "--data.batch_size",
        "16",
        "--optim.lr",
        "0.03",
    ]
    options += ["--trainer.keep", "both", "--trainer.test", "best"]
    options += ["--trainer.epochs", "6", "--vary", "model.norm=none,batch", "--seeds", "2", "--workers", "2"]
    return ["vary", *options, "--checkpoint-every", "epoch", "--name", STUDY, "--out", str(out), *more]


def finished(out: Path) -> dict[str, RunRecord]:
    return {
        record.run_id: record for record in run_records(out / STUDY) if record.read_status().get("state") == "finished"
    }


def weights(path: Path, which: str) -> dict[str, torch.Tensor]:
    return {which + name: tensor for name, tensor in torch.load(path, weights_only=True)["state_dict"].items()}


def results(out: Path) -> dict[str, tuple[dict[str, torch.Tensor], dict[str, float], str]]:
    return {
        name: (
            weights(record.checkpoint, "last ") | weights(record.best_checkpoint, "best "),
            record.read_summary()["metrics"],
            record.metrics_file.read_text(),
        )
        for name, record in finished(out).items()
    }


def assert_identical(first: Path, second: Path) -> None:
    one, other = results(first), results(second)
    assert one.keys() == other.keys()
    assert len(one) == 4
    for name, (weights, metrics, rows) in one.items():
        other_weights, other_metrics, other_rows = other[name]
        assert metrics == other_metrics
        assert rows == other_rows
        assert weights.keys() == other_weights.keys()
        for key, value in weights.items():
            assert torch.equal(value, other_weights[key]), (name, key)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("uninterrupted")
    assert run_command([*arguments(directory / "runs"), "--wandb", "disabled"]) == 0
    return directory / "runs"


def processes_of(launcher: Forked) -> list[int]:
    """The processes of a launcher's session that have not ended, in the order in which they were started."""
    listed = subprocess.run(["ps", "-o", "pid=,stat=", "-g", str(launcher.pid)], capture_output=True, text=True).stdout
    return [int(pid) for pid, state in map(str.split, listed.splitlines()) if not state.startswith("Z")]


@pytest.mark.slow
def test_stopped_and_killed_in_every_way_the_same_command_ends_in_the_same_bits(
    uninterrupted: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """The launcher and its workers get a signal together, at a random moment; then one of them alone is killed."""
    out = tmp_path / "runs"
    moment = random.Random(os.getpid())
    complete: dict[str, int] = {}

    def checkpoints() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in out.glob("*/*/checkpoints/last.ckpt")}

    def at_work() -> Forked:
        before, launcher = checkpoints(), Forked(arguments(out), environment, tmp_path)
        wait_for(lambda: checkpoints() != before)
        return launcher

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        launcher = at_work()
        if number != signal.SIGTERM:
            time.sleep(moment.uniform(0, 0.5))
        if number == signal.SIGKILL:
            launcher.kill()
        else:
            os.killpg(launcher.pid, number)
        _, errors = launcher.communicate(timeout=60)
        wait_for(lambda launcher=launcher: not processes_of(launcher), seconds=30)  # workers end with their launcher
        assert "Traceback" not in errors
        if number == signal.SIGTERM:
            assert launcher.returncode == 143
            assert "the same command continues where this one stopped" in errors.splitlines()[-1]
            states = {record.read_status()["state"] for record in run_records(out / STUDY) if record.read_status()}
            assert "running" not in states
        for name, record in finished(out).items():
            stamp = record.summary_file.stat().st_mtime_ns
            assert complete.setdefault(name, stamp) == stamp, f"{name} was trained again"
    launcher = at_work()
    os.kill(processes_of(launcher)[-1], signal.SIGKILL)  # a worker: they are started last
    _, errors = launcher.communicate(timeout=300)
    assert launcher.returncode == 0, errors
    assert re.search(r"the worker process died \(exit status -9\)\); repeating it", errors)
    for name, stamp in complete.items():
        assert finished(out)[name].summary_file.stat().st_mtime_ns == stamp, f"{name} was trained again"
    assert_identical(uninterrupted, out)


@pytest.mark.slow
def test_two_launchers_at_once_share_the_runs(uninterrupted: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    out = tmp_path / "runs"
    launchers = [Forked(arguments(out), environment, tmp_path) for _ in range(2)]
    errors = [launcher.communicate(timeout=300)[1] for launcher in launchers]
    assert [launcher.returncode for launcher in launchers] == [0, 0], errors
    executed = [line for text in errors for line in text.splitlines() if re.match(r"\[\d+/4\] finished", line)]
    assert len(executed) == 4, errors
    assert {record.read_status()["attempts"] for record in run_records(out / STUDY)} == {1}
    assert_identical(uninterrupted, out)


@pytest.mark.slow
def test_corrupt_files_set_their_runs_aside_and_nothing_else(
    uninterrupted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    shutil.copytree(uninterrupted, out)
    records = finished(out)
    (summary, first), (checkpoint, second), *_ = sorted(records.items())
    first.summary_file.write_bytes(b"{ half a fi\xff")
    # As a killed run leaves it, but for the damage.
    second.summary_file.unlink()
    second.write_status(**{**second.read_status(), "state": "running"})
    content = second.checkpoint.read_bytes()
    second.checkpoint.write_bytes(content[: len(content) // 2])
    damaged = {summary, checkpoint}
    stamps = {name: each.summary_file.stat().st_mtime_ns for name, each in records.items() if name not in damaged}
    assert run_command([*arguments(out), "--wandb", "disabled"]) == 0
    errors = capfd.readouterr().err
    assert "Traceback" not in errors
    for name in damaged:
        assert f"record set aside as {name}.corrupt-1 and repeated: " in errors
        assert (out / STUDY / f"{name}.corrupt-1").is_dir()
    assert all(finished(out)[name].summary_file.stat().st_mtime_ns == stamp for name, stamp in stamps.items())
    assert_identical(uninterrupted, out)
