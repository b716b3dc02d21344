"""What is told after the answer: a command that goes on, ready to be pasted."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_runs import tiny_options

from litmus.cli.run_plan import next_steps
from litmus.cli.terminal import aligned, wrapped
from litmus.cli.train import after_training
from litmus.evidence.summary import Undecided

Litmus = Callable[..., "subprocess.CompletedProcess[str]"]
LONG = "Batch norm reaches a higher accuracy than a network without it, at every learning rate that both can train at."


def test_the_command_is_what_was_typed_with_the_seeds_that_it_takes() -> None:
    options = ["--seeds", "3", "--seeds=4", "--until", "decided", "--wandb=offline", "--out"]
    typed = ["run", "my study.py", *options, "else where"]
    found = [Undecided(LONG, 14), Undecided("B.", 41), Undecided("C.", 4000), Undecided("D.", None)]
    lines = next_steps(found, typed, 5, 80)
    assert lines[-1] == "next: litmus run 'my study.py' --wandb=offline --out 'else where' --seeds 41"
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert f"14 seeds {LONG} 41 seeds B. 4,000 seeds C. over 10,000 seeds D." in text


def test_nothing_is_told_where_nothing_is_open_and_no_command_where_seeds_are_out_of_reach() -> None:
    assert next_steps([], ["run", "x"], 3, 80) == []
    assert not any("next:" in line for line in next_steps([Undecided("A.", 4000)], ["run", "x"], 3, 80))


@pytest.mark.slow
def test_a_training_is_a_run_and_says_what_can_be_done_with_it(litmus: Litmus, tmp_path: Path) -> None:
    done = litmus("train", *tiny_options(), "--out", "else where")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Test accuracy ")
    assert "arm" not in done.stdout + done.stderr
    shown, *_ = re.findall(r"next: (litmus show .*)", done.stdout)
    again = litmus(*shlex.split(shown)[1:])
    assert again.returncode == 0, again.stderr
    assert "train-mlp-digits, mlp on digits, seed 0" in again.stdout


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
def test_what_follows_a_run_of_a_custom_task_can_be_typed(litmus: Litmus, tmp_path: Path) -> None:
    (tmp_path / "copier.py").write_text(CUSTOM_TASK)
    done = litmus("train", "--source", "copier.py", "--model", "copier", "--data", "digits", "--trainer.epochs", "1")
    assert done.returncode == 0, done.stderr
    told = re.findall(r"^(?:next:)? +litmus (.*)$", done.stdout, re.MULTILINE)
    assert [each.split()[0] for each in told] == ["show", "export"]  # predict speaks of classes and masks
    for each in told:
        assert litmus(*each.split()).returncode == 0


def test_what_follows_a_run_that_classifies() -> None:
    told = after_training("a1b2", Path("else where/train"), is_default=False, predicts=True)
    assert told[1] == "      litmus predict 'else where/train/a1b2' IMAGES"
    assert told[0] == "next: litmus show 'else where/train/a1b2'"


@pytest.mark.slow
def test_vary_takes_several_datasets(litmus: Litmus, tmp_path: Path) -> None:
    options = [*tiny_options(), "--data", "digits,shapes", "--data.train_images", "200"]
    done = litmus("vary", *options, "--vary", "model.norm=none,batch", "--seeds", "2")
    assert done.returncode == 0, done.stderr
    together = done.stdout.partition("vary-mlp-norm on 2 datasets:\n")[2]
    assert "norm batch reaches a higher accuracy than norm none." in together
    assert (tmp_path / "runs/vary-mlp-norm.shapes/report.html").is_file()
    again = litmus("report", "vary-mlp-norm.datasets")
    assert again.stdout.endswith(together)


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_table_keeps_names_whole_and_fits(columns: int) -> None:
    name = "augment imagenet, norm batch, learning_rate 0.1, weight_decay 0.0005, momentum 0.9, label_smoothing 0.1"
    states = ["finished", "diverged", "running", "interrupted", "crashed", "corrupt", "not started", "other code"]
    lines = aligned(["arm", *states[: columns // 10]], [[name, *("12" for _ in states[: columns // 10])]], columns)
    assert max(map(len, lines)) <= columns
    assert set(name.split()) <= set(" ".join(lines).split())
    assert wrapped(name, 20)[0] == "augment imagenet,"
