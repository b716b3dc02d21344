"""Promise 6 for code that a user brings: runs of changed code are other runs, and never join those before them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from litmus import load
from litmus.cli.main import run_command
from litmus.core.errors import UserError
from litmus.evidence.results import analyse
from litmus.launch.worker import import_user_code
from litmus.records.aside import runs_aside
from litmus.records.run_record import RunRecord, run_records
from litmus.records.study_record import read_study_record
from litmus.records.user_code import RunCode, copies, recorded_code, rerun_command
from litmus.training.config import resolve
from litmus.training.run import Run
from litmus.training.user_code import read_user_code

Litmus = Callable[..., "subprocess.CompletedProcess[str]"]

GATE = '''\
"""A gate."""

import torch
from torch import nn


class Gate(nn.Module):
    """Scales what passes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = torch.sigmoid(self.linear(x))
        return x * scale
'''
STUDY = '''\
"""Does a gate help?"""

from gate import Gate
from torch import nn

from litmus.lit_archs import register
from litmus import Claim, Study, more

OFF, ON = {"model.gate": False}, {"model.gate": True}


@register("changing_gate", input_shape=(1, 8, 8))
def gated(num_classes: int = 10, in_channels: int = 1, image_size: int = 8, *, gate: bool = False) -> nn.Module:
    """A linear classifier, with a gate or without."""
    first = [nn.Flatten(), nn.Linear(in_channels * image_size**2, 8), nn.ReLU()]
    return nn.Sequential(*first, Gate(8) if gate else nn.Identity(), nn.Linear(8, num_classes))


study = Study(
    base={"model.name": "changing_gate", "data.name": "digits", "trainer.epochs": 1, "optim.lr": 0.03},
    factors={"model.gate": [False, True]},
    baseline=OFF,
    seeds=1,
    claims=[Claim("A gate helps.", more("test_top1", ON, than=OFF))],
)
'''


class Folder:
    """A user's folder with a study, and the command line in it."""

    def __init__(self, path: Path, litmus: Litmus, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys
        self.runs = path / "runs" / "gates"
        self.command = litmus
        (path / "gate.py").write_text(GATE)
        (path / "gates.py").write_text(STUDY)

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.path / file).read_text()
        assert old in text
        (self.path / file).write_text(text.replace(old, new))

    def run(self, *options: str) -> "subprocess.CompletedProcess[str]":
        result = self.command("run", "./gates.py", "--workers", "1", *options)
        assert result.returncode == 0, result.stderr
        return result

    def said(self, *arguments: str) -> str:
        """What a command that only reads prints."""
        assert run_command(arguments) == 0
        return " ".join(self._capsys.readouterr().out.split())

    def identities(self) -> set[str]:
        return {record.run_id for record in run_records(self.runs)}


@pytest.fixture
def folder(
    tmp_path: Path, litmus: Litmus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path, litmus, capsys)


@pytest.mark.slow
def test_runs_of_changed_code_are_other_runs_from_the_first_to_the_last(folder: Folder) -> None:
    """One folder, edited again and again."""
    folder.run()
    before = folder.identities()
    trained = {run: (folder.runs / run / "summary.json").stat().st_mtime_ns for run in before}

    # What a study declares, and what does nothing, trains nothing anew.
    folder.edit("gate.py", '"""A gate."""', '"""A gate."""  # to and fro')
    folder.edit("gate.py", "Scales what passes.", "Scales.")
    folder.edit("gates.py", "A gate helps.", "A gate is of help.")
    folder.edit("gates.py", "than=OFF))]", 'than=OFF)), Claim("Or not.", more("test_top1", OFF, than=ON))]')
    folder.edit("gates.py", "seeds=1", "seeds=2")
    again = folder.run()
    assert "4 runs, 2 already done" in again.stderr
    assert "Or not" in again.stdout
    assert all((folder.runs / run / "summary.json").stat().st_mtime_ns == time for run, time in trained.items())
    before = folder.identities()
    assert len(before) == 4

    # Changed code does, and the older runs are kept aside.
    folder.edit("gate.py", "sigmoid", "tanh")
    changed = folder.run("--seeds", "1")
    assert "gate.py changed: 2 runs of the older code are kept aside; --same-code reuses them" in changed.stderr
    assert "2 runs, 0 already done" in changed.stderr
    aside = "gate.py changed: 4 older runs are kept aside."
    assert aside in changed.stdout
    assert aside in (folder.runs / "report.html").read_text()
    now = folder.identities() - before
    assert len(now) == 2

    # Every way to read the records leaves them out.
    assert set(load(folder.runs)["run"]) == now
    everything = load(folder.runs, experiments="all")
    assert set(everything["run"]) == now | before
    assert everything.groupby("experiment", sort=False)["run"].nunique().tolist() == [2, 4]
    assert everything["experiment"].iloc[-1].startswith("gates, code ")
    assert set(analyse(folder.runs).records["run"]) == now
    status = folder.said("status", "gates")
    assert "gate True 1 2" in status
    assert aside in status

    # The code of an older run is imported from its copy.
    older = RunRecord(folder.runs / min(before))
    assert "the files have changed since" in folder.said("show", older.run_id)
    command = rerun_command(older)
    kept = copies(older)
    assert kept is not None
    assert f"--source {kept.path / 'gates.py'}" in command
    assert folder.command(*command.split()[1:]).returncode == 0
    [copy] = (folder.path / "again").glob("*/*/metrics.csv")
    assert copy.read_text() == older.metrics_file.read_text()
    assert copy.parent.name == older.run_id

    # Code that only crashes has no results; --same-code goes back to the latest that has some.
    folder.edit("gate.py", "scale = torch.tanh", "raise KeyError")
    assert folder.command("run", "./gates.py", "--seeds", "1").returncode != 0
    folder.edit("gate.py", "raise KeyError", "factor = torch.tanh")
    folder.edit("gate.py", "x * scale", "x * factor")
    reused = folder.run("--same-code", "--seeds", "1")
    assert "gate.py changed: 2 runs of the older code reused" in reused.stderr
    said = "gate.py changed after 2 runs of this study; --same-code counts them as runs of the code as it is."
    assert said in " ".join(reused.stdout.split())
    # Seed 1 of the sigmoid is no seed of the tanh.
    more = folder.run()
    assert "4 runs, 2 already done" in more.stderr
    for text in (more.stdout, folder.said("report", "gates"), folder.said("power", "gates", "--effect", "1")):
        assert said in " ".join(text.split())
    aside_now = runs_aside(folder.runs, read_study_record(folder.runs))
    assert aside_now.of_arm.total() == 4
    assert len(load(folder.runs)) == 4
    # The copies that a run is repeated with are those that it was trained with.
    records = [record for record in run_records(folder.runs) if record.run_id not in aside_now.differences]
    codes = [recorded_code(record.read_status()) for record in records]
    assert sum(bool(code and code.trained_with) for code in codes) == 2
    texts = {(code.path / "gate.py").read_text() for record in records if (code := copies(record)) is not None}
    assert sorted("scale" in text for text in texts) == [False, True]
    assert "there is no run of the older code to reuse" in folder.run("--same-code").stderr


def test_a_worker_refuses_code_that_changed_after_the_start(tmp_path: Path) -> None:
    source = tmp_path / "later.py"
    source.write_text("WIDTH = 3\n")
    code = RunCode("0" * 12, read_user_code(source).hashes)
    run = Run("0" * 12, "later", "arm", {}, resolve({"model.name": "lenet5"}), tmp_path, source, code=code)
    source.write_text("WIDTH = 4\n")
    with pytest.raises(UserError, match=r"later\.py changed after the start; the same command continues"):
        import_user_code(run)


EDITED = """
from multiprocessing import parent_process
from pathlib import Path

from torch import nn

from litmus import Study, lit_archs


@lit_archs.register("edited")
class Edited(nn.Sequential):
    def __init__(self, num_classes, in_channels, image_size):
        super().__init__(nn.Flatten(), nn.Linear(in_channels * image_size**2, num_classes))

    def forward(self, images):
        if parent_process() is not None:
            Path(__file__).write_text(Path(__file__).read_text() + "\\nedited = 1\\n")
        return super().forward(images)


study = Study(
    base={"model.name": "edited", "data.name": "digits", "trainer.epochs": 1},
    factors={"optim.lr": [0.1]},
    baseline={"optim.lr": 0.1},
    seeds=1,
)
"""


def test_an_edit_while_the_runs_are_trained_is_reported_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The network edits its file in the worker, which has imported it; the run keeps its result."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edited.py").write_text(EDITED)
    assert run_command(["run", "./edited.py", "--workers", "1", "--wandb", "disabled"]) == 0
    assert "edited.py changed while the runs were trained, which are of the code before" in capsys.readouterr().err
