"""A disk that is full or gone amid a study: one line says so, and the study goes on where there is space."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_jobs import wait_for
from forked_command import Forked
from tiny_runs import tiny_options

from litmus.cli.main import run_command
from litmus.records.run_record import RunRecord, run_records

NAME = "s"


def arguments(out: Path) -> list[str]:
    options = [*tiny_options(), "--trainer.epochs", "4", "--data.batch_size", "16", "--checkpoint-every", "20steps"]
    options += ["--vary", "model.norm=none,batch", "--seeds", "1", "--workers", "1", "--wandb", "disabled"]
    return ["vary", *options, "--name", NAME, "--out", str(out)]


def results(out: Path) -> dict[str, tuple[str, object]]:
    records = run_records(out / NAME)
    assert {record.state() for record in records} == {"finished"}
    return {record.run_id: (record.metrics_file.read_text(), record.read_summary()["metrics"]) for record in records}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 megabytes."""
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def at_work(out: Path) -> int:
    """The number of runs with a checkpoint, if one of them is at work; else 0."""
    records = [RunRecord(path.parent.parent) for path in out.glob("*/*/checkpoints/last.ckpt")]
    return len(records) if any(record.state() == "running" for record in records) else 0


@pytest.mark.slow
def test_a_study_whose_disk_is_full_or_gone_ends_with_a_line_and_continues_to_the_same_results(
    disk: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    undisturbed = tmp_path / "undisturbed"
    assert run_command(arguments(undisturbed)) == 0

    def stops_in_a_line(launcher: Forked) -> str:
        _, errors = launcher.communicate(timeout=300)
        assert launcher.returncode == 2
        assert "Traceback" not in errors
        return errors.splitlines()[-1]

    launcher = Forked(arguments(disk), environment)
    wait_for(lambda: at_work(disk))
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    last = stops_in_a_line(launcher)
    assert last.startswith(f"litmus: cannot write {disk}")
    assert last.endswith(": No space left on device")
    assert not list(disk.rglob("*.saving"))
    for path in disk.rglob("*.json"):
        json.loads(path.read_text())  # nothing is half-written
    ballast.unlink()

    launcher = Forked(arguments(disk), environment)
    wait_for(lambda: at_work(disk) == 2)
    (disk / NAME).rename(disk / "elsewhere")
    last = stops_in_a_line(launcher)
    assert "is gone: it was moved or removed" in last or last.endswith("No such file or directory")
    assert not (disk / NAME).exists()
    (disk / "elsewhere").rename(disk / NAME)

    launcher = Forked(arguments(disk), environment)
    _, errors = launcher.communicate()
    assert launcher.returncode == 0, errors
    assert "set aside" not in errors
    assert results(disk) == results(undisturbed)
