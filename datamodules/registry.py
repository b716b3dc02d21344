"""Datasets by name: the function that loads each, and what it returns."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from litmus.registry import Registry


@dataclass(frozen=True)
class ImageArrays:
    """A dataset in memory: uint8 images [N, C, H, W] and int64 labels [N] of the training and the test set."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    classes: tuple[str, ...]

    @cached_property
    def fingerprint(self) -> str:
        """Hash of every pixel, label, shape and class name: what makes two datasets the same data."""
        digest = hashlib.sha256(repr(self.classes).encode())
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(repr((tuple(array.shape), array.dtype)).encode())
            digest.update(array.contiguous().numpy().data)
        return digest.hexdigest()[:16]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.train_images.shape[1:]
        return channels, height, width

    def to(self, device: torch.device) -> "ImageArrays":
        """Return the dataset with its tensors on `device`."""
        return ImageArrays(
            self.train_images.to(device),
            self.train_labels.to(device),
            self.test_images.to(device),
            self.test_labels.to(device),
            self.classes,
        )


@dataclass(frozen=True)
class Dataset:
    """A dataset by name; `load` takes the folder that holds its files."""

    name: str
    load: Callable[[str], ImageArrays]
    summary: str


DATASETS: Registry[Dataset] = Registry("dataset", "datamodules")


def register(name: str) -> Callable[[Callable[[str], ImageArrays]], Callable[[str], ImageArrays]]:
    """Register the decorated loader; the first line of its docstring is what `litmus list` shows."""

    def decorate(load: Callable[[str], ImageArrays]) -> Callable[[str], ImageArrays]:
        DATASETS.add(name, Dataset(name, load, (load.__doc__ or "").strip().splitlines()[0]))
        return load

    return decorate


def names() -> list[str]:
    """Return the name of every registered dataset."""
    return DATASETS.names()


@lru_cache(maxsize=2)
def load(name: str, root: str) -> ImageArrays:
    """Return the dataset `name` from the folder `root`, read once a process.

    Raises `UserError` for a wrong name, and where the files are absent and cannot be downloaded.
    """
    return DATASETS[name].load(root)
