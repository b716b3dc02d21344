"""How often an answer stays the same when the image is shifted."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from probed_steps import probe
from torch import Tensor, nn

from litmus import datamodules
from litmus.lit_archs.learning.classifier import LitClassifier


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
