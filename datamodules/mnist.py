"""MNIST and the sets in its format: Fashion-MNIST and Kuzushiji-MNIST."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from litmus.datamodules.loading.arrays import binarised
from litmus.datamodules.loading.download import obtain
from litmus.datamodules.loading.registry import ImageArrays, register

FILES = tuple(f"{split}-{kind}-ubyte" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))


@register("mnist")
def mnist(root: str, binary: bool = False) -> ImageArrays:
    """70,000 handwritten digits, 1×28×28, 10 classes; from data.root, downloaded if absent (11 MB).

    Args:
        root: folder of the files, in torchvision's layout.
        binary: whether pixels of at least half the full range become white and all others black, as in section 4.1 of
            Ioffe & Szegedy 2015 (1502.03167).
    """
    # Imported here because torchvision takes a second, which other datasets need not pay.
    from torchvision.datasets import MNIST

    arrays = _read("mnist", root, MNIST, tuple("0123456789"))
    if not binary:
        return arrays
    assert isinstance(arrays.train_images, Tensor)
    assert isinstance(arrays.test_images, Tensor)
    black_and_white = (binarised(arrays.train_images), binarised(arrays.test_images))
    return replace(arrays, train_images=black_and_white[0], test_images=black_and_white[1], binary=True)


@register("fashion-mnist")
def fashion_mnist(root: str) -> ImageArrays:
    """70,000 articles of clothing, 1×28×28, 10 classes; from data.root, downloaded if absent (30 MB)."""
    from torchvision.datasets import FashionMNIST

    return _read("fashion-mnist", root, FashionMNIST, tuple(FashionMNIST.classes))


@register("kmnist")
def kmnist(root: str) -> ImageArrays:
    """70,000 cursive Japanese characters, 1×28×28, 10 classes; from data.root, downloaded if absent (20 MB)."""
    from torchvision.datasets import KMNIST

    return _read("kmnist", root, KMNIST, tuple(KMNIST.classes))


def _read(name: str, root: str, dataset: Any, classes: tuple[str, ...]) -> ImageArrays:
    train, test = obtain(name, root, dataset, f"{dataset.__name__}/raw", FILES)
    return ImageArrays(
        train.data[:, None],
        train.targets.to(torch.int64),
        test.data[:, None],
        test.targets.to(torch.int64),
        classes,
    )
