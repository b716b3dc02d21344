"""Normalisation of pixels by the statistics of the training split."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from litmus.datamodules.augmentation.window import centre_crop
from litmus.datamodules.loading.arrays import ImageArrays, read
from litmus.datamodules.loading.buffers import empty

PASS_BATCH = 256
CONSTANT = 1e-6
"""Standard deviation of a channel that does not vary; one grey level in a billion pixels has a greater one."""


@dataclass(frozen=True)
class Normalisation:
    """Maps uint8 images to float ones: `pixel * scale + shift`.

    Args:
        mean: mean of each channel over the training split, float32 [C], 0 to 255.
        std: its standard deviation.
        scale: 1 / std, 1 / 255 or 1, [1, C, 1, 1].
        shift: minus the mean, of the channel [1, C, 1, 1] or of each pixel [1, C, H, W], times the scale; or zero.
    """

    mean: Tensor
    std: Tensor
    scale: Tensor
    shift: Tensor

    @classmethod
    def of(cls, arrays: ImageArrays, train_indices: Tensor, centring: str) -> Self:
        """Return the normalisation by the training split, from exact sums: the same on any device, in any order.

        With `centring` pixel, what is subtracted is the mean image (He et al. 2015, arXiv 1512.03385, 4.2), at the
        pixel's place in the network's input, and so with pixel_mean, which leaves the channels' spread as it is; the
        paper does not say in which units, these are of the full range. Nothing is subtracted with unit and none.
        """
        sums = arrays.train_sums.cpu()[train_indices].sum(0).double()
        pixels = len(train_indices) * arrays.train_images.shape[2] * arrays.train_images.shape[3]
        centre, square = (sums / pixels).unbind(1)
        mean, std = centre.float(), (square - centre.square()).clamp(min=CONSTANT**2).sqrt().float()
        channel_mean = mean.view(1, -1, 1, 1)
        subtracted = _mean_image(arrays, train_indices)[None] if centring.startswith("pixel") else channel_mean
        # A channel that is constant in training carries nothing: what differs from it elsewhere stays below one.
        divisor = torch.where(std > CONSTANT, std, 255.0).view(1, -1, 1, 1)
        if centring in ("pixel_mean", "unit", "none"):
            divisor = torch.full_like(divisor, 1.0 if centring == "none" else 255.0)
        if centring in ("unit", "none"):
            subtracted = torch.zeros_like(channel_mean)
        return cls(mean, std, 1.0 / divisor, -subtracted / divisor)

    def __call__(self, images: Tensor) -> Tensor:
        """Return float32 images."""
        if images.device.type == "cpu":
            floats = empty(tuple(images.shape), torch.float32).copy_(images)
        else:
            floats = images.float()
        return floats.mul_(self.scale).add_(self.shift)

    def to(self, device: torch.device) -> "Normalisation":
        """Return the same with its tensors on `device`."""
        return Normalisation(*(tensor.to(device) for tensor in (self.mean, self.std, self.scale, self.shift)))


def _mean_image(arrays: ImageArrays, train_indices: Tensor) -> Tensor:
    size = arrays.image_shape[1:]
    total = torch.zeros(arrays.image_shape, dtype=torch.int64)
    for images in read(arrays.train_images, train_indices.split(PASS_BATCH)):
        total += centre_crop(images, (size[0], size[1])).sum(0, dtype=torch.int64).cpu()
    return (total.double() / len(train_indices)).float()
