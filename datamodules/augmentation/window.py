"""Cutting one window out of each image of a batch, at the speed of memory."""

import numpy
import torch
from torch import Tensor


def windows(images: Tensor, top: Tensor, left: Tensor, height: int, width: int) -> Tensor:
    """Return uint8 [N, C, height, width]: of each image the window whose upper left corner is (top, left).

    `images` is uint8 [N, C, H, W]; `top` and `left` are int64 [N] and leave the window inside the image.
    """
    images = images.contiguous()
    if images.device.type == "cpu":
        return _copy_rows(images, top, left, height, width)
    count, channels, rows, columns = images.shape
    # Every window there is, as a view: no byte is copied before the indexing.
    every = images.as_strided(
        (count, rows - height + 1, columns - width + 1, channels, height, width),
        (channels * rows * columns, columns, 1, rows * columns, columns, 1),
    )
    return every[torch.arange(count, device=images.device), top, left]


def _copy_rows(images: Tensor, top: Tensor, left: Tensor, height: int, width: int) -> Tensor:
    # PyTorch's indexing moves one byte at a time. NumPy moves elements of any size, and a row of a window is made one
    # element: one memory copy a row, about five times as fast.
    count, channels, rows, columns = images.shape
    row = images.numpy().reshape(-1)[:width].view(f"V{width}")
    every = numpy.lib.stride_tricks.as_strided(
        row,
        (count, rows - height + 1, columns - width + 1, channels, height),
        (channels * rows * columns, columns, 1, rows * columns, columns),
        writeable=False,
    )
    chosen = every[numpy.arange(count), top.numpy(), left.numpy()]
    return torch.from_numpy(chosen.view(numpy.uint8).reshape(count, channels, height, width))


def centre_crop(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the middle of each image, [N, C, *size]; the images themselves where they have that size."""
    height, width = size
    if tuple(images.shape[2:]) == (height, width):
        return images
    # Halves are rounded as torchvision's CenterCrop rounds them.
    top, left = round((images.shape[2] - height) / 2), round((images.shape[3] - width) / 2)
    return images[:, :, top : top + height, left : left + width]


def several_crops(images: Tensor, size: tuple[int, int], count: int) -> list[Tensor]:
    """Return parts of each image, [N, C, *size] each: 1, the middle; 5, with the corners; 10, with their mirror images.

    The test of Krizhevsky et al. 2012, section 4.1, and He et al. 2015 (arXiv 1512.03385), section 3.4.
    """
    crops = [centre_crop(images, size)]
    if count > 1:
        (height, width), (bottom, right) = size, (images.shape[2] - size[0], images.shape[3] - size[1])
        for top in (0, bottom):
            crops += [images[:, :, top : top + height, left : left + width] for left in (0, right)]
    return crops + [crop.flip(3) for crop in crops] if count > 5 else crops
