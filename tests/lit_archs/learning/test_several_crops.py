"""Several parts of each test image: their predicted probabilities are averaged."""

from typing import Any

import pytest
import torch
from torch import nn

from litmus import datamodules
from litmus.core.batch import Batch
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.lit_archs.learning.classifier import LitClassifier


def shapes(**options: Any) -> ImageDataModule:
    return datamodules.build(
        "shapes", image_size=16, margin=4, train_images=60, test_images=30, batch_size=20, **options
    )


def test_test_images_come_in_parts_and_validation_images_whole() -> None:
    module = shapes(test_crops=10)
    [batch] = module.test_dataloader()
    assert batch.images.shape == (30, 10, 3, 16, 16)
    [alone] = shapes().test_dataloader()
    assert torch.equal(batch.images[:, 0], alone.images)
    assert torch.equal(batch.images[:, 5], alone.images.flip(3))
    stored = module.normalise(module.arrays.test_images)
    assert torch.equal(batch.images[:, 4], stored[:, :, 8:, 8:])
    assert next(iter(module.val_dataloader())).images.dim() == 4
    assert next(iter(module.fit_batches(10))).images.dim() == 4
    assert next(iter(module.train_dataloader())).images.dim() == 4


def test_probabilities_are_averaged() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 4))
    module = LitClassifier(network, 4).eval()
    images, labels = torch.randn(7, 5, 3, 2, 2, generator=torch.Generator().manual_seed(1)), torch.arange(7) % 4
    with torch.no_grad():
        logits = module.evaluate("test", Batch(images, labels, 7))
        expected = torch.stack([network(images[:, part]).softmax(1) for part in range(5)]).mean(0)
    assert torch.allclose(logits.exp(), expected, atol=1e-6)
    metrics = module.metrics["test"]
    assert float(metrics["top1"].compute()) == pytest.approx(float((expected.argmax(1) == labels).float().mean()))
    loss = -expected[torch.arange(7), labels].log().mean()
    assert float(metrics["loss"].compute()) == pytest.approx(float(loss), rel=1e-5)


def test_a_probability_of_zero_is_no_divergence() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 2, bias=False))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[1e4], [-1e4]]))
    module = LitClassifier(network, 2).eval()
    module.evaluate("test", Batch(torch.ones(3, 5, 1, 1, 1), torch.zeros(3, dtype=torch.int64), 3))
    assert float(module.metrics["test"]["top1"].compute()) == 1.0
