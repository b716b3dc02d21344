"""Promise 6 for code that a user brings: runs of changed code are other runs, and never join those before them."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from litmus import load
from litmus.cli.power import metrics
from litmus.core.errors import UserError
from litmus.evidence.results import analyse
from litmus.launch.worker import import_own_code
from litmus.records.code_use import code_use
from litmus.records.run_record import RunRecord, run_records
from litmus.records.study_record import read_study_record
from litmus.training.config import resolve
from litmus.training.identity import run_code
from litmus.training.own_code import local_code
from litmus.training.run import Run

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


@register("gated", input_shape=(1, 8, 8))
def gated(num_classes: int = 10, in_channels: int = 1, image_size: int = 8, *, gate: bool = False) -> nn.Module:
    """A linear classifier, with a gate or without."""
    first = [nn.Flatten(), nn.Linear(in_channels * image_size**2, 8), nn.ReLU()]
    return nn.Sequential(*first, Gate(8) if gate else nn.Identity(), nn.Linear(8, num_classes))


study = Study(
    base={"model.name": "gated", "data.name": "digits", "trainer.epochs": 1, "optim.lr": 0.03},
    factors={"model.gate": [False, True]},
    baseline=OFF,
    seeds=1,
    claims=[Claim("A gate helps.", more("test_top1", ON, than=OFF))],
)
'''


class Folder:
    """A user's folder with a study, and the command line in it."""

    def __init__(self, path: Path, litmus: Litmus) -> None:
        self.path = path
        self.runs = path / "runs" / "gates"
        self._litmus = litmus
        (path / "gate.py").write_text(GATE)
        (path / "gates.py").write_text(STUDY)

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.path / file).read_text()
        assert old in text
        (self.path / file).write_text(text.replace(old, new))

    def run(self, *options: str) -> "subprocess.CompletedProcess[str]":
        result = self._litmus("run", "./gates.py", "--workers", "1", *options)
        assert result.returncode == 0, result.stderr
        return result

    def litmus(self, *arguments: str) -> str:
        result = self._litmus(*arguments)
        assert result.returncode == 0, result.stderr
        return " ".join(result.stdout.split())

    def identities(self) -> set[str]:
        return {record.run_id for record in run_records(self.runs)}


@pytest.fixture
def folder(tmp_path: Path, litmus: Litmus) -> Folder:
    return Folder(tmp_path, litmus)


@pytest.mark.slow
def test_changed_code_is_trained_anew_and_its_older_runs_stay_aside(folder: Folder) -> None:
    folder.run()
    before = folder.identities()
    folder.edit("gate.py", "sigmoid", "tanh")
    changed = folder.run()
    assert "gate.py changed: 2 runs of other code stay aside; --same-code takes them over" in changed.stderr
    assert "2 runs, 0 already done" in changed.stderr
    assert "gate.py changed: 2 runs of other code stay aside." in changed.stdout
    assert "gate.py changed: 2 runs of other code stay aside." in (folder.runs / "report.html").read_text()
    now = folder.identities() - before
    assert len(before) == len(now) == 2

    # Every way to read the records keeps them apart.
    assert set(load(folder.runs)["run"]) == now
    assert set(load(folder.runs, older_code=True)["run"]) == now | before
    assert load(folder.runs, older_code=True).groupby("own_code")["run"].nunique().tolist() == [2, 2]
    analysis = analyse(folder.runs)
    assert set(analysis.records["run"]) == now
    assert "own_code" not in metrics(analysis)
    status = folder.litmus("status", "gates")
    assert "gate True 1 1" in status
    assert "gate.py changed: 2 runs of other code stay aside." in status
    assert "gates 2 2" in folder.litmus("status")


@pytest.mark.slow
def test_what_changes_no_code_reuses_every_run(folder: Folder) -> None:
    folder.run()
    trained = {run: (folder.runs / run / "summary.json").stat().st_mtime_ns for run in folder.identities()}
    folder.edit("gate.py", '"""A gate."""', '"""A gate."""  # to and fro')
    folder.edit("gate.py", "Scales what passes.", "Scales.")
    folder.edit("gate.py", "class Gate", "def unused(x):\n    return x\n\n\nclass Gate")
    folder.edit("gates.py", "A gate helps.", "A gate is of help.")
    folder.edit("gates.py", "than=OFF))]", 'than=OFF)), Claim("Or not.", more("test_top1", OFF, than=ON))]')
    again = folder.run()
    assert again.stderr == ""
    assert "Or not" in again.stdout
    folder.edit("gates.py", "seeds=1", "seeds=2")
    assert "4 runs, 2 already done" in folder.run().stderr
    for run, time in trained.items():
        assert (folder.runs / run / "summary.json").stat().st_mtime_ns == time
    assert len(folder.identities()) == 4


@pytest.mark.slow
def test_same_code_takes_over_the_code_before_and_says_so_ever_after(folder: Folder) -> None:
    folder.run("--seeds", "2")
    folder.edit("gate.py", "sigmoid", "tanh")
    folder.run()
    folder.edit("gate.py", "scale", "factor")
    before = folder.identities()
    assert "forecast: nothing to run (2 done)" in folder.run("--same-code", "--forecast").stdout
    assert "forecast: 2 runs" in folder.run("--forecast").stdout
    taken = folder.run("--same-code")
    assert "gate.py changed: 2 runs of other code taken over" in taken.stderr
    assert folder.identities() == before
    said = "Runs of two versions of the code were taken as one, by --same-code: gate.py changed after 2 runs."
    assert said in taken.stdout
    # What is older than that stays aside: seed 1 of the sigmoid is no seed of the tanh.
    more = folder.run("--seeds", "2")
    nothing = folder.run("--seeds", "2", "--same-code")
    assert "gate.py changed: 2 runs of other code taken over" in nothing.stderr
    assert "4 runs, 2 already done" in more.stderr
    assert said in more.stdout
    assert said in folder.litmus("power", "gates", "--effect", "1")
    assert said in folder.litmus("report", "gates")
    assert said in (folder.runs / "report.html").read_text()
    use = code_use(folder.runs, read_study_record(folder.runs))
    assert (len(use.taken), len(use.aside)) == (2, 4)
    assert len(load(folder.runs)) == 4


@pytest.mark.slow
def test_one_command_tells_one_number_of_runs_aside_and_what_can_be_taken_over_of_them(folder: Folder) -> None:
    folder.run("--seeds", "2")
    folder.edit("gate.py", "sigmoid", "tanh")
    assert "--same-code: there is no run" not in folder.run().stderr
    folder.edit("gate.py", "scale", "factor")
    again = folder.run()
    aside = "gate.py changed: 6 runs of other code stay aside"
    assert f"{aside}; --same-code takes the 2 runs of the code before this over" in again.stderr
    assert f"{aside}." in again.stdout
    told = folder.run("--same-code")
    assert "--same-code: there is no run of other code to take over" in told.stderr  # the newest code has its runs


@pytest.mark.slow
def test_same_code_takes_over_the_code_that_the_study_was_last_asked_for_with(folder: Folder) -> None:
    folder.run()
    sigmoid = folder.identities()
    folder.edit("gate.py", "torch.sigmoid", "torch.tanh")
    folder.run()
    folder.edit("gate.py", "torch.tanh", "torch.sigmoid")
    folder.run()  # the first runs count again, though the others are later ones
    folder.edit("gate.py", "scale", "factor")
    folder.run("--same-code")
    assert set(read_study_record(folder.runs).arm_of_run()) == sigmoid


@pytest.mark.slow
def test_a_run_is_repeated_with_the_code_that_it_had(folder: Folder) -> None:
    folder.run()
    folder.edit("gate.py", "sigmoid", "tanh")
    folder.edit("gate.py", "nn.Linear(width, width)", "nn.Linear(width, width, bias=False)")
    record = next(record for record in run_records(folder.runs) if record.read_config()["model"]["gate"])
    shown = folder.litmus("show", record.run_id)
    assert "the files have changed since" in shown
    command = re.search(r"again: litmus (.*)$", shown)
    assert command is not None
    assert f"--source runs/gates/code/{record.read_status()['own_code']['kept']}/gates.py" in command.group(1)
    folder.litmus(*command.group(1).split())
    [copy] = (folder.path / "again").glob("*/*/metrics.csv")
    assert copy.read_text() == record.metrics_file.read_text()
    assert copy.parent.name == record.run_id
    (folder.path / "gate.py").write_text(GATE)
    assert f"--source {folder.path / 'gates.py'}" in folder.litmus("show", record.run_id)


@pytest.mark.slow
def test_runs_of_an_earlier_version_stay_aside_until_they_are_taken_over(folder: Folder) -> None:
    # This process imports the file too: no other test's network or module may have these names.
    folder.edit("gates.py", '"gated"', '"gated_before"')
    folder.edit("gates.py", "from gate import", "from gate_before import")
    (folder.path / "gate.py").rename(folder.path / "gate_before.py")
    folder.run()
    for record in run_records(folder.runs):
        # As the earlier version named and recorded it.
        status = record.read_status()
        config = resolve({"model.gate": record.read_config()["model"]["gate"], **base(folder)})
        del status["own_code"]
        record.write_status(**status)
        fingerprint = record.read_summary()["data"]["fingerprint"]
        shutil.move(
            record.path, folder.runs / run_code(config, local_code(folder.path / "gates.py"), fingerprint).experiment
        )
    shutil.rmtree(folder.runs / "code")
    told = folder.run("--same-code")
    assert "code that an earlier version did not record: 2 runs of other code taken over" in told.stderr
    folder.edit("gate_before.py", "sigmoid", "tanh")
    assert "2 runs, 0 already done" in folder.run().stderr
    assert len(load(folder.runs)) == 2


def base(folder: Folder) -> dict[str, object]:
    from litmus.design.study_files import load_study

    return dict(load_study(folder.path / "gates.py").base)


def test_a_worker_refuses_code_that_changed_after_the_start(tmp_path: Path) -> None:
    source = tmp_path / "later.py"
    source.write_text("WIDTH = 3\nnames = ['lenet5', WIDTH]\nprint(names.append(WIDTH))\n")
    config = resolve({"model.name": "lenet5"})
    run = Run("0" * 12, "later", "arm", {}, config, tmp_path, source, code=run_code(config, local_code(source), "d"))
    assert run.code is not None
    assert list(run.code.files) == ["later.py"]
    source.write_text(source.read_text().replace("3", "4"))
    with pytest.raises(UserError, match=r"later\.py changed after the start; the same command goes on"):
        import_own_code(run)


def test_a_kept_file_is_found_by_its_run_and_nothing_by_another(tmp_path: Path) -> None:
    from litmus.records.run_record import copies, rerun_command

    record = RunRecord(tmp_path / "study" / ("0" * 12))
    record.path.mkdir(parents=True)
    record.write_status(state="finished", source="/nowhere/study.py", own_code={"experiment": "e", "kept": "v"})
    assert rerun_command(record).endswith("--source /nowhere/study.py --out again")
    kept = copies(record)
    assert kept is not None
    kept.path.mkdir(parents=True)
    kept.manifest_file.write_text(json.dumps({"source": "study.py", "files": {"study.py": "/nowhere/study.py"}}))
    (kept.path / "study.py").write_text("")
    assert rerun_command(record).endswith(f"--source {kept.path / 'study.py'} --out again")
