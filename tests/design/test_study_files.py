"""A study by its path: a stranger's file outside the package, with an architecture of its own, run by the workers."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_runs import TINY

from litmus import run
from litmus.cli.main import run_command
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
    study.main()
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
def test_a_strangers_study_runs_by_its_path(
    stranger: Path,
    litmus: Litmus,
    tmp_path: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = litmus("run", "elsewhere/my_study.py", "--seeds", "2")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("“One hidden unit is a bottleneck”, supported: ")
    out = tmp_path / "runs" / "my_study"
    report = (out / "report.html").read_text()
    assert 'class="verdict supported"' in report
    trained = stamps(out)
    assert len(trained) == 4

    # A remark changes no code, more seeds leave the runs that there are, and as a script it is the same study.
    stranger.write_text(STRANGER + "\n# a remark\n")
    more = subprocess.run(
        [sys.executable, str(stranger), "--seeds", "3", "--wandb", "disabled"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert more.returncode == 0, more.stderr
    assert "6 runs, 4 already done" in more.stderr
    assert {run: stamps(out)[run] for run in trained} == trained

    # The other commands know the file, and say when it is gone.
    assert read_study_record(out).source == str(stranger.resolve())
    monkeypatch.chdir(tmp_path)
    assert run_command(["report", "my_study"]) == 0
    assert "One hidden unit is a bottleneck." in (out / "report.html").read_text()
    stranger.unlink()
    assert run_command(["report", "my_study"]) == 0
    assert "my_study.py no longer exists; the report has no claims" in capsys.readouterr().err
    assert "One hidden unit is a bottleneck." not in (out / "report.html").read_text()


STUDY = "from litmus import Study\nstudy = Study({})\n"
MLP = '"", "?", {"model.name": "mlp"}'
MISTAKES = {
    "nowhere.py": (None, "nowhere.py: no such file"),
    "empty.py": ("", "empty.py declares no study; it needs study = Study(...)"),
    "broken.py": ("a = 1\nb = (\n", "broken.py, line 2: '(' was never closed"),
    "failing.py": ("\nimport torch\n1 / 0\n", "failing.py, line 3: ZeroDivisionError: division by zero"),
    "batch_norm.py": (STUDY.format(MLP), "study 'batch_norm' is registered twice"),
    "running.py": (STUDY.format(MLP) + "import litmus\nlitmus.run(study)\n", "a study needs a name"),
    "starting.py": (
        STUDY.format('"itself", "?", {"model.name": "mlp"}') + "import litmus\nlitmus.run(study)\n",
        "put it under if __name__ == '__main__'",
    ),
    "./text.txt": ("hello", "text.txt: expected a Python file"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_file_that_is_no_study_is_one_line_and_status_2(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content, message = MISTAKES[name]
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_text(content)
    assert run_command(["run", name]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert message in errors
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_study_by_path_from_python(tmp_path: Path) -> None:
    file = tmp_path / "from_python.py"
    base = {**TINY, "trainer.epochs": 1}
    file.write_text(STUDY.format(f"base={base!r}, seeds=1"))
    result = run(file, out=tmp_path / "runs", workers=1, wandb="disabled")
    assert list(result.records["state"]) == ["finished"]
