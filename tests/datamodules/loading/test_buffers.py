"""Memory is used again, but never while somebody still has what is in it."""

from pathlib import Path

import pytest
import torch
from drawn_folder import make_folder

from litmus import datamodules
from litmus.datamodules.loading import buffers
from litmus.datamodules.loading.buffers import LARGE, empty

SHAPE = (LARGE // 4, 3)


@pytest.fixture(autouse=True)
def none_kept() -> None:
    buffers._free.clear()


def address(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def test_memory_is_used_again_once_it_is_free() -> None:
    first = empty(SHAPE, torch.float32)
    place = address(first)
    del first
    again = empty(SHAPE, torch.float32)
    assert address(again) == place
    del again
    # Less of another type uses it too, much less leaves it to others.
    second = empty((SHAPE[0], 2), torch.int32)
    assert (second.shape, second.dtype, address(second)) == ((SHAPE[0], 2), torch.int32, place)
    large = empty((10 * LARGE,), torch.uint8)
    place = address(large)
    del large
    assert address(empty((LARGE,), torch.uint8)) != place


def test_what_is_referred_to_is_not_given_out() -> None:
    for keep in (
        lambda tensor: tensor,
        lambda tensor: tensor[5:6, :1],
        lambda tensor: tensor.numpy()[3],
        lambda tensor: tensor.detach().view(torch.int32),
        lambda tensor: torch.from_dlpack(tensor),
        lambda tensor: (torch.ones(SHAPE, requires_grad=True) * tensor).sum(),
    ):
        buffers._free.clear()
        first = empty(SHAPE, torch.float32)
        place = address(first)
        kept = keep(first)
        del first
        assert address(empty(SHAPE, torch.float32)) != place
        del kept
        assert place in {buffer.ctypes.data for buffer in buffers._free}


@pytest.mark.parametrize("kind", ["train", "validation"])
def test_batches_that_are_kept_stay_as_they_were(tmp_path: Path, kind: str) -> None:
    root = make_folder(tmp_path / "images")
    data = datamodules.build("folder", root=str(root), image_size=128, batch_size=4, eval_batch_size=4, validation=0.5)
    epoch = (lambda: data.train_epoch(0)) if kind == "train" else (lambda: iter(data.val_dataloader()))
    copies = [batch.images.clone() for batch in epoch()]
    kept = [batch.images for batch in epoch()]
    assert len(kept) > 1
    assert kept[0].nbytes >= LARGE
    assert len({address(images) for images in kept}) == len(kept)
    for images, copy in zip(kept, copies, strict=True):
        assert torch.equal(images, copy)
