"""LitSegmenter: Dice and IoU by hand, exact in any split, and a U-Net that learns to segment."""

import math

import lightning.pytorch as lightning
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.functional.classification import multiclass_f1_score, multiclass_jaccard_index

from litmus.core.metrics import TASKS
from litmus.lit_archs.learning.optimiser import OptimConfig
from litmus.lit_archs.learning.segmenter import Dice, IntersectionOverUnion, LitSegmenter, PixelAccuracy


def trainer(epochs: int = 1) -> lightning.Trainer:
    return lightning.Trainer(
        accelerator="cpu", max_epochs=epochs, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip


class Fixed(nn.Module):
    """Answers every image with the same logits."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, images: Tensor) -> Tensor:
        return self.logits.expand(len(images), -1, -1, -1)


def validated(logits: Tensor, mask: Tensor) -> dict[str, float]:
    segmenter = LitSegmenter(Fixed(logits), logits.shape[1], OptimConfig(), 1)
    data = TensorDataset(torch.zeros(1, 1, *mask.shape), mask[None])
    return dict(trainer().validate(segmenter, DataLoader(data), verbose=False)[0])


def test_dice_and_iou_are_those_by_hand() -> None:
    predicted = torch.tensor([[1, 1, 0, 0]])
    logits = nn.functional.one_hot(predicted, 2).permute(2, 0, 1)[None].float()
    result = validated(logits, torch.tensor([[1, 0, 0, 0]]))
    # Class 0: 2 of 3 agree (IoU 2/3, Dice 4/5); class 1: 1 of 2 (IoU 1/2, Dice 2/3).
    assert result["val_iou"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert result["val_dice"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert result["val_pixel_accuracy"] == pytest.approx(3 / 4)
    right, wrong = math.log(1 + math.exp(-1)), math.log(1 + math.exp(1))
    assert result["val_loss"] == pytest.approx((3 * right + wrong) / 4)


def test_logits_that_are_not_finite_have_no_metrics() -> None:
    logits = torch.zeros(1, 2, 1, 4)
    logits[0, 0, 0, 0] = math.nan
    result = validated(logits, torch.tensor([[1, 0, 0, 0]]))
    expected = {f"val_{name}" for name in TASKS["segmentation"].evaluated}
    assert {name for name, value in result.items() if math.isnan(value)} == expected


def test_the_metrics_agree_with_torchmetrics_and_are_equal_for_every_split() -> None:
    keyed = torch.Generator().manual_seed(0)
    masks = torch.randint(0, 3, (11, 5, 7), generator=keyed)
    predicted = torch.where(torch.rand(masks.shape, generator=keyed) < 0.7, masks, (masks + 1) % 3)
    # The fourth class is neither there nor predicted, and counts for nothing.
    expected = {
        IntersectionOverUnion: multiclass_jaccard_index(predicted, masks, 4),
        Dice: multiclass_f1_score(predicted, masks, 4, average="macro"),
        PixelAccuracy: (predicted == masks).float().mean(),
    }
    for kind, value in expected.items():
        whole = kind(4)
        whole.update(predicted, masks)
        assert float(whole.compute()) == pytest.approx(float(value), abs=1e-6)
        parts = kind(4)
        for index in torch.randperm(11, generator=keyed).split(2):
            parts.update(predicted[index], masks[index])
        assert float(parts.compute()) == float(whole.compute())
