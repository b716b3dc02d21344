"""A task of a study's file: an autoencoder with its loss, metrics and optimiser."""

from pathlib import Path

import pytest

import litmus
from litmus.core.errors import UserError
from litmus.core.metrics import Metric, Task, add_task, custom_task
from litmus.records.study_record import read_study_record

AUTOENCODER = '''\
"""Does a wider bottleneck reconstruct better?"""

import torch
from torch import nn

from litmus import lit_archs
from litmus import Study
from litmus import Claim, more


@lit_archs.register_task
class LitAutoencoder(lit_archs.LitTask):
    """Reconstructs its images."""

    task = lit_archs.custom_task(
        "own_reconstruction",
        lit_archs.Metric("mse", "mean squared error", "loss", higher_is_better=False),
        lit_archs.Metric("within", "pixels within a fifth of a deviation", "share", higher_is_better=True),
        guessing=1.0,
    )

    def loss(self, outputs, batch):
        return nn.functional.l1_loss(outputs, batch.images)

    def measure(self, outputs, batch):
        error = (outputs - batch.images).flatten(1)
        return {"mse": error.square().mean(1), "within": (error.abs() < 0.2).float().mean(1)}

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.optim.lr)


@lit_archs.register("own_autoencoder", task="own_reconstruction")
class Autoencoder(nn.Module):
    """A linear autoencoder."""

    def __init__(self, in_channels: int, image_size: int, width: int = 2):
        super().__init__()
        pixels = in_channels * image_size**2
        self.encoder = nn.Linear(pixels, width)
        self.decoder = nn.Linear(width, pixels)

    def forward(self, images):
        return self.decoder(self.encoder(images.flatten(1))).view_as(images)


WIDE, NARROW = {"model.width": 24}, {"model.width": 2}
study = Study(
    base={"model.name": "own_autoencoder", "data.name": "digits", "trainer.epochs": 4, "optim.lr": 0.01},
    factors={"model.width": [2, 24]},
    baseline=NARROW,
    seeds=3,
    claims=[
        Claim("A wider bottleneck has a lower error.", more("test_mse", NARROW, than=WIDE), "", threshold=0.05),
        Claim("More pixels are right.", more("test_within", WIDE, than=NARROW), "", threshold=0.01),
    ],
)
'''


def test_an_autoencoders_study_is_judged_by_its_own_metrics(tmp_path: Path) -> None:
    file = tmp_path / "own_code_width.py"
    file.write_text(AUTOENCODER)
    result = litmus.run(file, out=tmp_path / "runs")
    assert not result.crashed
    records = result.records
    by_width = records.groupby("model.width")["test_mse"].mean()
    assert by_width[24] < by_width[2] < 1.0
    for column in ("train_loss", "val_loss", "val_mse", "best_val_mse", "test_loss", "test_within"):
        assert records[column].notna().all(), column
    # The best evaluation is the one with the least error.
    assert (records["best_val_mse"] <= records["val_mse"]).all()
    assert "train_top1" not in records
    assert "train_" not in records
    page = result.report.read_text()
    assert "mean squared error" in page
    assert "accuracy" not in page.split("<h2")[1]
    assert "upported: A wider bottleneck has a lower error" in page or "upported" in result.answer
    # The record tells the task, so that the report does not need the file.
    task = read_study_record(tmp_path / "runs/own_code_width").known_task
    assert task is not None
    assert task.metrics[0] == Metric("mse", "mean squared error", "loss", False, guessing=1.0)


def test_a_task_is_refused_where_its_words_mean_something_else() -> None:
    with pytest.raises(UserError, match="metric 'top1' of task mine means something else already"):
        add_task(custom_task("mine", Metric("top1", "first", "count", False), guessing=0.0))
    with pytest.raises(UserError, match="does not say what its metric 'mae' is"):
        add_task(Task("mine", ("loss", "mae"), "mae"))
