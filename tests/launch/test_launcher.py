"""Promise 5, failure is an outcome: crashes are repeated, then reported with their log; nothing is dropped."""

import errno
import os
import re
import resource
import subprocess
from pathlib import Path

import pytest
from tiny_runs import TINY, command, tiny_options

from litmus import load, run
from litmus.design.study import Study
from litmus.records.storage import StorageError, storage_errors, write_atomically

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
    report = result.report.read_text()
    assert "2 runs finished, 2 diverged" in report
    assert "0 of 2, 2 diverged" in report
    again = run(STUDY, out=tmp_path, workers=2, wandb="disabled")
    assert set(again.records["attempts"]) == {1}


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
    assert "1 of 2 runs have no result yet" in result.answer
    again = run(study, out=tmp_path, workers=1, wandb="disabled")
    assert list(again.crashed) == [run_id]  # what crashed is missing, and is tried again


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
def test_where_a_gpus_memory_is_full_a_run_is_repeated_with_less_beside_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], how: str
) -> None:
    """The error is PyTorch's own, raised by a network: a GPU that is full is in `test_cuda.py`."""
    study = tmp_path / f"full_{how}.py"
    study.write_text(FULL.replace("HOW", how))
    result = run(study, out=tmp_path, workers=2, wandb="disabled")
    told = capfd.readouterr().err
    assert told.count("found the GPU's memory full and is repeated; 1 at a time from now on") == 1
    if how == "once":
        assert result.crashed == {}
        assert list(result.records["attempts"]) == [1, 1]  # it was no fault of the run's
    else:
        [error] = result.crashed.values()
        assert error.startswith("the GPU's memory ran out with no other run on it; --trainer.accumulate 2 takes")
        assert "Tried to allocate 2.00 GiB" in error


@pytest.mark.slow
@pytest.mark.parametrize("limit", [2_000, 200_000])
def test_where_nothing_can_be_written_one_line_says_so(tmp_path: Path, environment: dict[str, str], limit: int) -> None:
    """A file-size limit stands for a full disk: the system refuses to write on, here a checkpoint or the report."""

    def no_large_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    arguments = command(["train", *tiny_options(), "--workers", "1"])
    process = subprocess.run(
        arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, preexec_fn=no_large_files
    )
    assert process.returncode == 2
    assert re.fullmatch(r"litmus: cannot write \S+: File too large", process.stderr.splitlines()[-1])
    assert "Traceback" not in process.stderr
    after = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert after.returncode == 0, after.stderr


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EROFS, errno.ESTALE, errno.EIO, errno.ENOENT])
def test_a_file_system_that_refuses_is_told_in_a_line(number: int) -> None:
    with (
        pytest.raises(StorageError, match=f"^cannot write there: {os.strerror(number)}$"),
        storage_errors(Path("there")),
    ):
        raise OSError(number, os.strerror(number))


def test_a_full_device_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write there: No space left on device"):  # noqa: SIM117
        with storage_errors(Path("there")), open("/dev/full", "w") as file:
            file.write("x" * 100_000)


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "status.json"
    write_atomically(file, "old")

    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError):
        write_atomically(file, "new")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]
