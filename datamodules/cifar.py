"""CIFAR-10 and CIFAR-100 in torchvision's format."""

from typing import Any

import numpy
import torch
from pydantic import PositiveInt

from litmus.datamodules.image_files.decode import resized
from litmus.datamodules.loading.download import obtain
from litmus.datamodules.loading.registry import ImageArrays, register


@register("cifar10")
def cifar10(root: str, image_size: PositiveInt = 32) -> ImageArrays:
    """60,000 photographs, 3×32×32, 10 classes; from data.root, downloaded if absent (170 MB).

    data.validation 0.1 is the split of He et al. 2015 (arXiv 1512.03385, 4.2): 45,000 and 5,000.

    Args:
        root: folder of the files, in torchvision's layout.
        image_size: side to which the images are resized, bilinearly with antialiasing.
    """
    # Imported here because torchvision takes a second, which other datasets need not pay.
    from torchvision.datasets import CIFAR10

    return _read("cifar10", root, CIFAR10, image_size)


@register("cifar100")
def cifar100(root: str, image_size: PositiveInt = 32) -> ImageArrays:
    """60,000 photographs, 3×32×32, 100 classes; from data.root, downloaded if absent (170 MB).

    Args:
        root: folder of the files, in torchvision's layout.
        image_size: side to which the images are resized, bilinearly with antialiasing.
    """
    from torchvision.datasets import CIFAR100

    return _read("cifar100", root, CIFAR100, image_size)


def _read(name: str, root: str, dataset: Any, image_size: int) -> ImageArrays:
    # Imported here because Pillow is needed for this alone.
    from PIL import Image

    files = [file for file, _ in (*dataset.train_list, *dataset.test_list)]
    train, test = obtain(name, root, dataset, dataset.base_folder, files)

    def images(split: Any) -> torch.Tensor:
        sized = [numpy.asarray(resized(Image.fromarray(image), image_size, "stretch")) for image in split.data]
        return torch.from_numpy(numpy.stack(sized)).permute(0, 3, 1, 2).contiguous()

    return ImageArrays(
        images(train), torch.tensor(train.targets), images(test), torch.tensor(test.targets), tuple(train.classes)
    )
