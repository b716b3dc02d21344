"""How often an answer stays the same when the image is shifted."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from probed_steps import probe, rows_of
from tiny_runs import TINY, trained
from torch import Tensor, nn

from litmus import datamodules
from litmus.lit_archs.learning.classifier import LitClassifier

CONVNET = {
    **{key: value for key, value in TINY.items() if key not in ("model.depth",)},
    "model.name": "convnet", "model.width": 4, "model.blocks": 1, "trainer.probes": ["shift_consistency"],
}  # fmt: skip


class BrightestColumn(nn.Module):
    """Answers with the column in which the image is the brightest, of eight."""

    def forward(self, images: Tensor) -> Tensor:
        return images.sum((1, 2))


class BrightestAnywhere(nn.Module):
    """Answers by the total brightness, which no shift changes."""

    def forward(self, images: Tensor) -> Tensor:
        total = images.sum((1, 2, 3)).round()
        return torch.stack([-(total - bound).abs() for bound in range(-160, 160, 40)], 1)


def measured(network: nn.Module) -> dict[str, float]:
    data = datamodules.build("digits")
    module = LitClassifier(network, 10, total_steps=3)
    convert = SimpleNamespace(convert_input=lambda batch: batch)
    trainer: Any = SimpleNamespace(global_step=3, datamodule=data, precision_plugin=convert)
    module.trainer = trainer
    each = probe("shift_consistency")
    each.on_train_epoch_end(trainer, module)
    return {row["quantity"]: row["value"] for row in each.rows}


def test_an_answer_that_goes_with_the_image_is_the_same_only_where_the_shift_is_upwards() -> None:
    found = measured(BrightestColumn())
    # Two of eight shifts move no column; the others move each one. Of two columns that are equal rounding decides.
    assert found["same_answer_1"] == pytest.approx(2 / 8, abs=0.005)
    assert found["same_answer_2"] == pytest.approx(2 / 8, abs=0.005)


def test_an_answer_that_knows_no_place_is_always_the_same() -> None:
    found = measured(BrightestAnywhere())
    assert found["same_answer_1"] == found["same_answer_2"] == 1
    data = datamodules.build("digits")
    (batch,) = data.val_dataloader()
    right = (BrightestAnywhere()(batch.images).argmax(1) == batch.labels).double().mean()
    assert found["top1_shifted_1"] == found["top1_shifted_2"] == float(right)


def test_a_network_that_answers_nothing_finite_is_never_consistent() -> None:
    class Broken(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.sum((1, 2)) * float("nan")

    assert set(measured(Broken()).values()) == {0.0}


def test_it_is_measured_once_at_the_end(tmp_path: Path) -> None:
    rows = rows_of(trained(tmp_path, CONVNET), "shift_consistency")
    assert len(rows) == 4
    assert rows["step"].nunique() == 1
    assert rows["value"].between(0.05, 1).all()
