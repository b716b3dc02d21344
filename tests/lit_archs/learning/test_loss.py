"""The training loss of a network."""

import math

import pytest
import torch

from litmus.core.errors import UserError
from litmus.launch.checks import check
from litmus.lit_archs.learning.loss import LossName, classification_loss, sample_losses
from litmus.training.config import resolve

LOGITS = torch.tensor([[2.0, 0.5, 2.5], [0.0, 3.0, -1.0]])
LABELS = torch.tensor([0, 1])


def test_each_loss_is_what_its_formula_says() -> None:
    network = torch.nn.Identity()
    cases: list[tuple[LossName, list[float]]] = [
        # Of the first image: max(0, 0.5 − 2 + 1) = 0 and max(0, 2.5 − 2 + 1) = 1.5; of the second nothing.
        ("hinge", [1.5, 0.0]),
        ("crammer_singer", [1.5, 0.0]),
        ("squared_error", [1.0 + 0.25 + 6.25, 0.0 + 4.0 + 1.0]),
        ("cross_entropy", [math.log(1 + math.exp(-1.5) + math.exp(0.5)), math.log(1 + math.exp(-3) + math.exp(-4))]),
    ]
    for loss, expected in cases:
        assert sample_losses(network, LOGITS, LABELS, loss).tolist() == pytest.approx(expected)
        each = classification_loss(network, LOGITS, LABELS, reduction="none", loss=loss)
        assert each.tolist() == pytest.approx(expected)
        assert float(classification_loss(network, LOGITS, LABELS, loss=loss)) == pytest.approx(sum(expected) / 2)


def test_margins_are_those_of_pytorch_and_part_where_two_classes_come_close() -> None:
    logits = torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(50) % 7
    network = torch.nn.Identity()
    hinge = sample_losses(network, logits, labels, "hinge")
    # PyTorch divides by the number of classes.
    torch.testing.assert_close(hinge, 7 * torch.nn.functional.multi_margin_loss(logits, labels, reduction="none"))
    assert (hinge > sample_losses(network, logits, labels, "crammer_singer")).any()


def test_a_smoothed_target_is_that_of_the_squared_error_too() -> None:
    smoothed = classification_loss(torch.nn.Identity(), LOGITS, LABELS, 0.3, loss="squared_error")
    target = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
    assert float(smoothed) == pytest.approx(float((LOGITS - target).square().sum(1).mean()))


def test_what_the_task_does_not_allow_is_refused() -> None:
    with pytest.raises(UserError, match=r"optim\.loss hinge: the network defines its loss"):
        check(resolve({"model.name": "lenet5_1998", "optim.loss": "hinge", "data.batch_size": 4}), devices=1)
    unet = {"model.name": "unet", "data.name": "shapes", "data.train_images": 20}
    with pytest.raises(UserError, match=r"model.name unet segments images, and data.name digits has no masks"):
        check(resolve({"model.name": "unet", "model.depth": 2, "data.name": "digits"}), devices=1)
    with pytest.raises(UserError, match=r"optim\.loss hinge is for classification, not segmentation"):
        check(resolve({**unet, "optim.loss": "hinge", "data.batch_size": 4}), devices=1)
    with pytest.raises(UserError, match=r"model.name unet segments images, and data.mix mixup mixes no masks; valid: "):
        check(resolve({**unet, "data.mix": "mixup", "data.batch_size": 4}), devices=1)
    classifier = {"model.name": "lenet5", "data.name": "shapes", "data.train_images": 20, "data.batch_size": 4}
    assert check(resolve({**classifier, "data.mix": "mixup"}), devices=1)
