"""How often an answer stays the same when the image is shifted, scaled or rotated."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from probed_steps import probe
from torch import Tensor, nn

from litmus import datamodules
from litmus.lit_archs.learning.classifier import LitClassifier
from litmus.probes.answer_consistency import resampled


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
    each = probe("answer_consistency")
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


def test_images_are_scaled_and_rotated_about_their_centre() -> None:
    images = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(resampled(degrees=90.0)(images), images.rot90(1, (2, 3)), atol=1e-5)
    assert torch.allclose(resampled(degrees=-90.0)(images), images.rot90(-1, (2, 3)), atol=1e-5)
    assert torch.allclose(resampled()(images), images, atol=1e-5)
    square = torch.zeros(1, 1, 40, 40)
    square[..., 10:30, 10:30] = 1.0
    assert resampled(size=1.5)(square).sum() == pytest.approx(1.5**2 * 400, rel=0.03)
    assert resampled(size=0.5)(square).sum() == pytest.approx(0.5**2 * 400, rel=0.03)


def test_each_kind_of_change_has_its_own_share() -> None:
    found = measured(BrightestColumn())
    # Ten degrees and a tenth of the size move little of an image of eight pixels.
    assert 0.5 < found["same_answer_scaled"] < 1
    assert 0.5 < found["same_answer_rotated"] < 1
    assert list(found) == ["same_answer_1", "same_answer_2", "same_answer_scaled", "same_answer_rotated"]
