"""A disk that is full or gone amid a study: one line says so, and the study goes on where there is space."""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tiny_runs import command, tiny_options

from litmus.cli.main import run_command
from litmus.records.run_record import RunRecord, run_records

NAME = "s"


def arguments(out: Path) -> list[str]:
    options = [*tiny_options(), "--trainer.epochs", "4", "--data.batch_size", "16", "--checkpoint-every", "20steps"]
    return command(
        ["vary", *options, "--vary", "model.norm=none,batch", "--seeds", "1", "--name", NAME, "--out", str(out),
         "--workers", "1"]
    )  # fmt: skip


def results(out: Path) -> dict[str, tuple[str, object]]:
    records = run_records(out / NAME)
    assert {record.state() for record in records} == {"finished"}
    return {record.run_id: (record.metrics_file.read_text(), record.read_summary()["metrics"]) for record in records}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed")
    assert run_command([*arguments(out)[3:], "--wandb", "disabled"]) == 0
    return out


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


def wait_for(condition: Callable[[], object], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def goes_on(out: Path, undisturbed: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(arguments(out), env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert "set aside" not in done.stderr
    assert results(out) == results(undisturbed)


def second_run_at_work(out: Path) -> bool:
    records = [RunRecord(path.parent.parent) for path in out.glob("*/*/checkpoints/last.ckpt")]
    return len(records) > 1 and any(record.state() == "running" for record in records)


@pytest.mark.slow
def test_a_full_disk_stops_the_study_until_there_is_space(
    disk: Path, undisturbed: Path, environment: dict[str, str]
) -> None:
    process = subprocess.Popen(arguments(disk), env=environment, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: second_run_at_work(disk))
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "Traceback" not in errors
    last = errors.splitlines()[-1]
    assert last.startswith(f"litmus: cannot write {disk}")
    assert last.endswith(": No space left on device")
    assert not list(disk.rglob("*.saving"))
    for path in disk.rglob("*.json"):
        json.loads(path.read_text())  # nothing is half-written
    ballast.unlink()
    goes_on(disk, undisturbed, environment)


@pytest.mark.slow
def test_a_folder_that_is_moved_away_is_one_line_and_not_made_anew(
    tmp_path: Path, undisturbed: Path, environment: dict[str, str]
) -> None:
    out = tmp_path / "runs"
    process = subprocess.Popen(arguments(out), env=environment, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: second_run_at_work(out))
    (out / NAME).rename(tmp_path / "elsewhere")
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "Traceback" not in errors
    last = errors.splitlines()[-1]
    assert "is gone: it was moved or removed" in last or last.endswith("No such file or directory")
    assert not (out / NAME).exists()
    (tmp_path / "elsewhere").rename(out / NAME)
    goes_on(out, undisturbed, environment)
