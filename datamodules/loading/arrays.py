"""A dataset as arrays: uint8 images that lie in memory or in a memory-mapped file, or are decoded when read."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from litmus.datamodules.loading.buffers import empty

STATISTICS_CHUNK = 1024


class StreamedImages(Protocol):
    """Images that are too many for memory: read in batches that are known beforehand, so that others can decode."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Number, channels, height and width."""

    def stream(self, batches: Sequence[Tensor]) -> Iterator[Tensor]:
        """Yield the uint8 images [N, C, H, W] of each batch of indices, in order."""

    def __len__(self) -> int: ...


Images = Tensor | StreamedImages


def read(images: Images, batches: Sequence[Tensor]) -> Iterator[Tensor]:
    """Yield the uint8 images of each batch of indices, on the device on which they lie."""
    if not isinstance(images, Tensor):
        yield from images.stream(batches)
        return
    for batch in batches:
        indices = batch.to(images.device)
        if images.device.type == "cpu":
            chosen = empty((len(indices), *images.shape[1:]), images.dtype)
            yield torch.index_select(images, 0, indices, out=chosen)
        else:
            yield images.index_select(0, indices)


def binarised(images: Tensor) -> Tensor:
    """Return uint8 images with every pixel of at least half the full range white, all others black."""
    return torch.where(images >= 128, 255, 0).to(torch.uint8)


def image_sums(images: Tensor) -> Tensor:
    """Return the sum and the sum of squares of each image's channels, int64 [N, C, 2]: exact, in any order."""
    sums = []
    for chunk in images.split(STATISTICS_CHUNK):
        values = chunk.flatten(2).to(torch.int32)
        sums.append(torch.stack((values.sum(2), values.square().sum(2, dtype=torch.int64)), 2))
    return torch.cat(sums)


@dataclass(frozen=True)
class ImageArrays:
    """A dataset: uint8 images [N, C, H, W] and int64 labels [N] of the training and the test set.

    Args:
        train_images: training images, at the size at which they are stored.
        train_labels: their classes; or, for a custom task, numbers to predict, float [N] or [N, D].
        test_images: test images.
        test_labels: their classes.
        classes: name of each class.
        train_masks: segmentation masks, uint8 [N, 1, H, W]; 0 is background, class k is k + 1. None without masks.
        test_masks: the test images' masks.
        input_size: side of what the network sees, where images are stored larger; None is the stored size.
        sums: `image_sums` of the training images, where they are known.
        content: fingerprint, where the content was hashed before.
        digests: a hash of each training and of each test image's file, where images are files.
        binary: whether the images are `binarised`.
    """

    train_images: Images
    train_labels: Tensor
    test_images: Images
    test_labels: Tensor
    classes: tuple[str, ...]
    train_masks: Tensor | None = None
    test_masks: Tensor | None = None
    input_size: int | None = None
    sums: Tensor | None = None
    content: str | None = None
    digests: tuple[Sequence[bytes], Sequence[bytes]] | None = None
    binary: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """Hash of every pixel, label, mask, shape and class name: what makes two datasets the same data."""
        if self.content is not None:
            return self.content
        digest = hashlib.sha256(repr(self.classes).encode())
        arrays = (self.train_images, self.train_labels, self.test_images, self.test_labels)
        for array in (*arrays, self.train_masks, self.test_masks):
            if isinstance(array, Tensor):
                digest.update(repr((tuple(array.shape), array.dtype)).encode())
                digest.update(array.cpu().contiguous().numpy().data)
        return digest.hexdigest()[:16]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of what the network sees."""
        channels, height, width = self.train_images.shape[1:]
        return (channels, height, width) if self.input_size is None else (channels, self.input_size, self.input_size)

    @cached_property
    def train_sums(self) -> Tensor:
        """Sum and sum of squares of each training image's channels, int64 [N, C, 2]."""
        if self.sums is not None:
            return self.sums
        if isinstance(self.train_images, Tensor):
            return image_sums(self.train_images)
        batches = torch.arange(len(self.train_images)).split(STATISTICS_CHUNK)
        return torch.cat([image_sums(images) for images in read(self.train_images, batches)])

    @property
    def resident_bytes(self) -> int:
        """Bytes of the images and masks that lie in memory or in a mapped file."""
        arrays = (self.train_images, self.test_images, self.train_masks, self.test_masks)
        return sum(array.nbytes for array in arrays if isinstance(array, Tensor))

    def to(self, device: torch.device, images: bool = True) -> "ImageArrays":
        """Return the dataset with its labels, and by default its images and masks, on `device`."""

        def moved(array: Images) -> Images:
            return array.to(device) if images and isinstance(array, Tensor) else array

        return replace(
            self,
            train_images=moved(self.train_images),
            train_labels=self.train_labels.to(device),
            test_images=moved(self.test_images),
            test_labels=self.test_labels.to(device),
            train_masks=None if self.train_masks is None else self.train_masks.to(device),
            test_masks=None if self.test_masks is None else self.test_masks.to(device),
            content=self.fingerprint,
            sums=self.train_sums,
        )
