"""A study by its path: a stranger's file outside the package, with an architecture of its own, run by the workers."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_runs import TINY

from litmus.records.run_record import run_records
from litmus.records.study_record import read_study_record

Litmus = Callable[..., "subprocess.CompletedProcess[str]"]

STRANGER = '''\
"""Does a hidden layer help?

One unit, or none, between the pixels and the classes of scikit-learn's digits.
"""

from torch import nn

from litmus.lit_archs import register
from litmus import Claim, Study, more

NONE, ONE = {"model.hidden": 0}, {"model.hidden": 1}


@register("stranger", input_shape=(1, 8, 8))
def stranger(num_classes: int = 10, in_channels: int = 1, image_size: int = 8, *, hidden: int = 0) -> nn.Module:
    """A linear classifier, or one hidden layer."""
    pixels = in_channels * image_size**2
    layers = [nn.Linear(pixels, hidden), nn.ReLU()] if hidden else []
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(hidden or pixels, num_classes))


study = Study(
    base={"model.name": "stranger", "data.name": "digits", "trainer.epochs": 1, "optim.lr": 0.03},
    factors={"model.hidden": [0, 1]},
    baseline=NONE,
    source="arithmetic",
    claims=[Claim("One hidden unit is a bottleneck.", more("test_top1", NONE, than=ONE))],
)

if __name__ == "__main__":
    from litmus.cli.main import run_script

    run_script(study)
'''


@pytest.fixture
def stranger(tmp_path: Path) -> Path:
    file = tmp_path / "elsewhere" / "my_study.py"
    file.parent.mkdir()
    file.write_text(STRANGER)
    assert len(STRANGER.splitlines()) <= 40
    return file


def stamps(out: Path) -> dict[str, int]:
    return {record.run_id: record.summary_file.stat().st_mtime_ns for record in run_records(out)}


@pytest.mark.slow
def test_a_strangers_study_runs_by_its_path(stranger: Path, litmus: Litmus, tmp_path: Path) -> None:
    first = litmus("run", "elsewhere/my_study.py")
    assert first.returncode == 0, first.stderr
    assert "Supported: One hidden unit is a bottleneck." in first.stdout
    out = tmp_path / "runs" / "my_study"
    report = (out / "report.html").read_text()
    assert 'class="verdict supported"' in report
    trained = stamps(out)
    assert len(trained) == 6

    again = litmus("run", str(stranger))
    assert again.returncode == 0, again.stderr
    assert "Supported: One hidden unit" in again.stdout
    assert stamps(out) == trained

    # A remark changes no code, more seeds leave the runs that there are, and as a script it is the same study.
    stranger.write_text(STRANGER + "\n# a remark\n")
    more = subprocess.run(
        [sys.executable, str(stranger), "--seeds", "4", "--wandb", "disabled"],
        cwd=tmp_path, env={**_environment(), "COLUMNS": "80"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert more.returncode == 0, more.stderr
    assert "8 runs, 6 already done" in more.stderr
    assert {run: stamps(out)[run] for run in trained} == trained


@pytest.mark.slow
def test_the_other_commands_know_the_file(stranger: Path, litmus: Litmus, tmp_path: Path) -> None:
    assert litmus("run", str(stranger), "--seeds", "2").returncode == 0
    assert re.search(r"hidden 1 +2", litmus("status", "my_study").stdout)
    out = tmp_path / "runs" / "my_study"
    assert read_study_record(out).source == str(stranger.resolve())

    written = litmus("report", "my_study")
    assert written.returncode == 0, written.stderr
    assert "One hidden unit is a bottleneck." in (out / "report.html").read_text()

    record = run_records(out)[0]
    shown = litmus("show", record.run_id)
    command = re.search(r"^again: litmus (.*)$", shown.stdout, re.MULTILINE)
    assert command is not None
    repeated = litmus(*command.group(1).split())
    assert repeated.returncode == 0, repeated.stderr
    [copy] = (tmp_path / "again").glob("*/*/metrics.csv")
    assert copy.read_text() == record.metrics_file.read_text()

    stranger.unlink()
    written = litmus("report", "my_study")
    assert written.returncode == 0, written.stderr
    assert "my_study.py is gone, and with it the study's claims" in written.stderr
    assert "One hidden unit is a bottleneck." not in (out / "report.html").read_text()


STUDY = "from litmus import Study\nstudy = Study({})\n"
MLP = '"", "?", {"model.name": "mlp"}'
MISTAKES = {
    "nowhere.py": (None, "nowhere.py: no such file"),
    "folder/": (None, "folder/: a folder"),
    "empty.py": ("", "empty.py declares no study; it needs study = Study(...)"),
    "broken.py": ("a = 1\nb = (\n", "broken.py, line 2: '(' was never closed"),
    "failing.py": ("\nimport torch\n1 / 0\n", "failing.py, line 3: ZeroDivisionError: division by zero"),
    "leaving.py": ("raise SystemExit(3)\n", "leaving.py, line 1: SystemExit: 3"),
    "batch_norm.py": (STUDY.format(MLP), "study 'batch_norm' is registered twice"),
    "running.py": (STUDY.format(MLP) + "import litmus\nlitmus.run(study)\n", "a study needs a name"),
    "starting.py": (
        STUDY.format('"itself", "?", {"model.name": "mlp"}') + "import litmus\nlitmus.run(study)\n",
        "belongs under if __name__ == '__main__'",
    ),
    "named.py": (STUDY.format('"a/b", "?"'), "'a/b': a study's name is made of letters"),
    "./text.txt": ("hello", "text.txt: expected a Python file"),
}


SLOW = ("running.py", "starting.py")
"""They run the file before it is refused."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in MISTAKES]
)
def test_a_file_that_is_no_study_is_one_line_and_status_2(name: str, litmus: Litmus, tmp_path: Path) -> None:
    content, message = MISTAKES[name]
    (tmp_path / "folder").mkdir()
    if content is not None:
        (tmp_path / name).write_text(content)
    result = litmus("run", name)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert not (tmp_path / "runs").exists()


def test_a_script_with_a_built_in_studys_name_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "batch_norm.py"
    file.write_text(STRANGER)
    result = subprocess.run(
        [sys.executable, str(file)], cwd=tmp_path, env=_environment(), capture_output=True, text=True
    )
    assert result.returncode == 2
    assert "study 'batch_norm' is registered twice" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_study_by_path_from_python(tmp_path: Path) -> None:
    from litmus import run

    file = tmp_path / "from_python.py"
    base = {**TINY, "trainer.epochs": 1}
    file.write_text(STUDY.format(f"base={base!r}, seeds=1"))
    result = run(file, out=tmp_path / "runs", workers=1, wandb="disabled")
    assert list(result.records["state"]) == ["finished"]


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "WANDB_MODE": "disabled"}
