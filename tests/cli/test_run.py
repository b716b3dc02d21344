"""`litmus run`, `vary` and `train`: one study on several datasets, and what is printed after the answer."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_runs import TINY, tiny_options

from litmus.cli.command import aligned
from litmus.cli.main import run_command
from litmus.cli.run import again, settings_by_dataset
from litmus.core.errors import UserError

Litmus = Callable[..., "subprocess.CompletedProcess[str]"]


def test_each_dataset_gets_the_keys_that_it_has(tmp_path: Path) -> None:
    settings = {"data.name": f"digits, shapes,folder:{tmp_path}", "data.image_size": "64", "optim.lr": "0.1"}
    found = settings_by_dataset(settings)
    assert list(found) == ["digits", "shapes", f"folder-{tmp_path.name}"]
    assert found["digits"] == {"data.name": "digits", "optim.lr": "0.1"}
    assert found["shapes"]["data.image_size"] == "64"
    assert found[f"folder-{tmp_path.name}"]["data.root"] == str(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data.name": "digits,shaps"}, "unknown dataset 'shaps'; did you mean 'shapes'"),
        ({"data.name": "digits,digits"}, "--data names digits twice"),
        ({"data.name": "digits,mnist", "data.image_size": "64"}, "'data.image_size' for digits and mnist"),
    ],
)
def test_datasets_that_cannot_be_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        settings_by_dataset(settings)


@pytest.mark.slow
def test_a_study_on_two_datasets_from_first_command_to_last(litmus: Litmus, tmp_path: Path) -> None:
    (tmp_path / "helps.py").write_text(
        '"""Does it help?"""\n'
        "from litmus import Claim, Study, more\n"
        f"study = Study(base={TINY!r}, factors={{'model.norm': ['none', 'batch']}},\n"
        "    baseline={'model.norm': 'none'},\n"
        "    claims=[Claim('It helps.', more('test_top1', {'model.norm': 'batch'}, than={'model.norm': 'none'}))])\n"
    )
    first = litmus("run", "./helps.py", "--data", "digits,shapes", "--seeds", "2", "--data.train_images", "200")
    assert first.returncode == 0, first.stderr
    together = first.stdout.partition("helps+data=digits,shapes+data.train_images=200 on 2 datasets:\n")[2]
    assert re.search(r"^  digits +\w+ ", together, re.MULTILINE)
    assert re.search(r"^  together +\w+ ", together, re.MULTILINE)
    assert "report: runs/helps+data=digits,shapes+data.train_images=200/report.html" in together
    assert (tmp_path / "runs/helps+data=shapes+data.train_images=200/report.html").is_file()
    assert (tmp_path / "runs/helps/report.html").is_file()
    again = litmus("report", "helps+data=digits,shapes+data.train_images=200")
    assert again.stdout.endswith(together)


def test_the_command_that_follows_is_what_was_typed_without_its_seeds() -> None:
    options = ["--seeds", "3", "--seeds=4", "--max-seeds", "9", "--wandb=offline", "--out"]
    typed = ["run", "my study.py", *options, "else where"]
    assert again(typed) == "litmus run 'my study.py' --wandb=offline --out 'else where'"


CUSTOM_TASK = """
from litmus import lit_archs
from torch import nn

@lit_archs.register_task
class LitCopy(lit_archs.LitTask):
    task = lit_archs.custom_task(
        "copying", lit_archs.Metric("mse", "mean squared error", "loss", higher_is_better=False), guessing=1.0
    )
    def loss(self, outputs, batch):
        return nn.functional.mse_loss(outputs, batch.images)
    def measure(self, outputs, batch):
        return {"mse": (outputs - batch.images).square().flatten(1).mean(1)}

@lit_archs.register("copier", task="copying")
class Copier(nn.Module):
    def __init__(self, in_channels):
        super().__init__()
        self.layer = nn.Conv2d(in_channels, in_channels, 1)
    def forward(self, images):
        return self.layer(images)
"""


@pytest.mark.slow
def test_the_commands_that_follow_a_training_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    (tmp_path / "copier.py").write_text(CUSTOM_TASK)

    def printed(*arguments: str) -> str:
        assert run_command(arguments) == 0
        return capsys.readouterr().out

    trained = printed("train", *tiny_options(), "--name", "small", "--out", "else where")
    assert trained.startswith("Test accuracy ")
    assert "arm" not in trained
    following = re.findall(r"^(?:next:)? +litmus (.*)$", trained, re.MULTILINE)
    assert [each.split()[0] for each in following] == ["show", "predict", "export"]
    assert "small, mlp on digits, seed 0" in printed(*shlex.split(following[0]))

    copied = printed("train", "--source", "copier.py", "--model", "copier", "--data", "digits", "--trainer.epochs", "1")
    following = re.findall(r"^(?:next:)? +litmus (.*)$", copied, re.MULTILINE)
    assert [each.split()[0] for each in following] == ["show", "export"]  # predict prints classes, or writes masks
    for each in following:
        printed(*shlex.split(each))


@pytest.mark.slow
def test_vary_takes_several_datasets(litmus: Litmus, tmp_path: Path) -> None:
    options = [*tiny_options(), "--data", "digits,shapes", "--data.train_images", "200"]
    done = litmus("vary", *options, "--vary", "model.norm=none,batch", "--seeds", "2", "--name", "norms")
    assert done.returncode == 0, done.stderr
    together = done.stdout.partition("norms on 2 datasets:\n")[2]
    assert "norm batch reaches a higher accuracy than norm none." in together
    assert (tmp_path / "runs/norms+data=shapes/report.html").is_file()
    again = litmus("report", "norms")
    assert again.stdout.endswith(together)


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_table_keeps_names_whole_and_fits(columns: int) -> None:
    name = "augment imagenet, norm batch, learning_rate 0.1, weight_decay 0.0005, momentum 0.9, label_smoothing 0.1"
    states = ["finished", "diverged", "running", "interrupted", "crashed", "corrupt", "not started", "other code"]
    shown = states[: columns // 10]
    lines = [line for block in aligned(["arm", *shown], [[name, *("12" for _ in shown)]], columns) for line in block]
    assert max(map(len, lines)) <= columns
    assert set(name.split()) <= set(" ".join(lines).split())
