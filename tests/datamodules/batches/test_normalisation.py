"""A channel that is constant in training is not divided by its standard deviation of zero."""

import pytest
import torch

from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.loading.arrays import ImageArrays


@pytest.mark.parametrize("centring", ["channel", "pixel"])
def test_a_channel_that_is_constant_in_training_stays_within_one(centring: str) -> None:
    pixels = torch.randint(0, 256, (40, 3, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    train = pixels.clone()
    train[:, 2] = 200
    labels = torch.arange(40) % 2
    arrays = ImageArrays(train, labels, pixels, labels, ("a", "b"))
    data = ImageDataModule(DataConfig(batch_size=8, validation=0.2, centring=centring), arrays=arrays)
    (trained, *_), (tested, *_) = data.train_epoch(0), data.test_dataloader()
    assert trained.images[:, 2].abs().max() < 1e-6
    assert tested.images[:, 2].abs().max() <= 1
    assert tested.images[:, :2].std() == pytest.approx(1, abs=0.1)
