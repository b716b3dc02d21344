"""Drawn shapes: pure, masked, of any size."""

import pytest
import torch

from litmus import datamodules
from litmus.datamodules.shapes import draw


def test_an_image_depends_on_its_number_alone() -> None:
    images, masks = draw(torch.arange(50), 4, 24, 9)
    some, their_masks = draw(torch.tensor([41, 7]), 4, 24, 9)
    assert torch.equal(some, images[[41, 7]])
    assert torch.equal(their_masks, masks[[41, 7]])
    assert not torch.equal(draw(torch.arange(50), 4, 24, 10)[0], images)


@pytest.mark.parametrize("size", [8, 97])
def test_masks_hold_the_class_of_the_shape(size: int) -> None:
    module = datamodules.build(
        "shapes", image_size=size, train_images=120, test_images=30, num_classes=6, batch_size=20
    )
    arrays = module.arrays
    assert module.image_shape == (3, size, size)
    assert arrays.train_masks is not None
    for label, mask in zip(arrays.train_labels.tolist(), arrays.train_masks, strict=True):
        assert set(mask.unique().tolist()) == {0, label + 1}
        assert 0.02 < (mask > 0).float().mean() < 0.5
    for batch in (next(module.train_epoch(0)), next(iter(module.test_dataloader()))):
        assert batch.masks is not None
        assert batch.masks.dtype == torch.int64
        assert batch.masks.shape == (len(batch.labels), size, size)
        assert torch.equal(batch.masks.amax((1, 2)), batch.labels + 1)
