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
from tiny_runs import command, tiny_options

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


def start(directory: Path, environment: dict[str, str], *parts: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command(parts),
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kill_group(process: "subprocess.Popen[str]", number: int = signal.SIGKILL) -> str:
    """Send a signal to a process and all that it started, and return what it printed as errors."""
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=60)
    return errors


def wait_for(condition: "object", seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


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


@pytest.mark.slow
def test_stopped_at_random_moments_the_same_command_ends_in_the_same_bits(
    uninterrupted: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    out = tmp_path / "runs"
    moment = random.Random(os.getpid())
    complete: dict[str, int] = {}
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        process = start(tmp_path, environment, *arguments(out))
        before = {path: path.stat().st_mtime_ns for path in out.glob("*/*/checkpoints/last.ckpt")}

        def progressed(before: dict[Path, int] = before) -> bool:
            now = {path: path.stat().st_mtime_ns for path in out.glob("*/*/checkpoints/last.ckpt")}
            return now != before

        wait_for(progressed)
        time.sleep(0 if number == signal.SIGTERM else moment.uniform(0, 0.5))
        errors = kill_group(process, number)
        assert "Traceback" not in errors
        if number == signal.SIGTERM:
            assert process.returncode == 143
            assert "the same command continues where this one stopped" in errors.splitlines()[-1]
            states = {record.read_status()["state"] for record in run_records(out / STUDY) if record.read_status()}
            assert "running" not in states
        for name, record in finished(out).items():
            stamp = record.summary_file.stat().st_mtime_ns
            assert complete.setdefault(name, stamp) == stamp, f"{name} was trained again"
    process = start(tmp_path, environment, *arguments(out))
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    for name, stamp in complete.items():
        assert finished(out)[name].summary_file.stat().st_mtime_ns == stamp, f"{name} was trained again"
    assert_identical(uninterrupted, out)


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_run_repeated(
    uninterrupted: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    out = tmp_path / "runs"
    process = start(tmp_path, environment, *arguments(out))
    wait_for(lambda: list(out.glob("*/*/checkpoints/last.ckpt")))
    # The last process of the group is a worker: the launcher and the server that workers fork from came before.
    members = subprocess.run(["ps", "-o", "pid=", "-g", str(process.pid)], capture_output=True, text=True).stdout
    os.kill(int(members.split()[-1]), signal.SIGKILL)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert re.search(r"the worker process died \(exit status -9\)\); repeating it", errors)
    assert_identical(uninterrupted, out)


@pytest.mark.slow
def test_workers_end_with_their_launcher(tmp_path: Path, environment: dict[str, str]) -> None:
    out = tmp_path / "runs"
    process = start(tmp_path, environment, *arguments(out))
    wait_for(lambda: list(out.glob("*/*/checkpoints/last.ckpt")))
    process.kill()
    process.communicate()

    def members() -> list[str]:
        listing = subprocess.run(["ps", "-o", "stat=", "-g", str(process.pid)], capture_output=True, text=True)
        return [state for state in listing.stdout.split() if not state.startswith("Z")]

    wait_for(lambda: not members(), seconds=30)


@pytest.mark.slow
def test_two_launchers_at_once_share_the_runs(uninterrupted: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    out = tmp_path / "runs"
    launchers = [start(tmp_path, environment, *arguments(out)) for _ in range(2)]
    errors = [launcher.communicate(timeout=300)[1] for launcher in launchers]
    assert [launcher.returncode for launcher in launchers] == [0, 0], errors
    executed = [line for text in errors for line in text.splitlines() if re.match(r"\[\d+/4\] finished", line)]
    assert len(executed) == 4, errors
    assert {record.read_status()["attempts"] for record in run_records(out / STUDY)} == {1}
    assert_identical(uninterrupted, out)


@pytest.mark.slow
def test_corrupt_files_set_their_runs_aside_and_nothing_else(
    uninterrupted: Path, tmp_path: Path, environment: dict[str, str]
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
    process = start(tmp_path, environment, *arguments(out))
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    for name in damaged:
        assert f"record set aside as {name}.corrupt-1 and repeated: " in errors
        assert (out / STUDY / f"{name}.corrupt-1").is_dir()
    assert all(finished(out)[name].summary_file.stat().st_mtime_ns == stamp for name, stamp in stamps.items())
    assert_identical(uninterrupted, out)
