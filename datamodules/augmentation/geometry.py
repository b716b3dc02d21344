"""Transforms that move pixels: crops, flips, resized crops, rotation with shift and scale."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from litmus.datamodules.augmentation.resample import axis_weights
from litmus.datamodules.augmentation.transform import Context, Transform
from litmus.datamodules.augmentation.window import centre_crop, windows


@dataclass(frozen=True)
class Crop(Transform):
    """Pad by `padding` zeros on every side and cut out the network's input at a uniform offset.

    He et al. 2015 (arXiv 1512.03385), 4.2, with padding 4; without padding, and images larger than the network's
    input, Krizhevsky et al. 2012, 4.1.
    """

    name: ClassVar[str] = "crop"
    draws: ClassVar[int] = 2
    padding: int

    def __call__(self, images: Tensor, draws: Tensor, context: Context) -> Tensor:
        if self.padding:
            images = functional.pad(images, (self.padding,) * 4)
        height, width = context.size
        top = (draws[:, 0] * (images.shape[2] - height + 1)).long()
        left = (draws[:, 1] * (images.shape[3] - width + 1)).long()
        return windows(images, top, left, height, width)

    def move_masks(self, masks: Tensor, draws: Tensor, context: Context) -> Tensor:
        return self(masks, draws, context)


@dataclass(frozen=True)
class HorizontalFlip(Transform):
    """Mirror each image with `probability`."""

    name: ClassVar[str] = "flip"
    draws: ClassVar[int] = 1
    probability: float = 0.5

    def __call__(self, images: Tensor, draws: Tensor, context: Context) -> Tensor:
        count = len(images)
        mirrored = draws[:, 0] < self.probability
        # Both versions side by side, and whole images picked: several times as fast as choosing pixel by pixel.
        both = torch.cat((images, images.flip(3)))
        return both.index_select(0, torch.arange(count, device=images.device) + count * mirrored)

    def move_masks(self, masks: Tensor, draws: Tensor, context: Context) -> Tensor:
        return self(masks, draws, context)


@dataclass(frozen=True)
class ResizedCrop(Transform):
    """Cut out a part of random area and aspect ratio and resize it to the network's input.

    Szegedy et al. 2014 (arXiv 1409.4842), section 6: an area uniform in `scale` of the image's, an aspect ratio whose
    logarithm is uniform in that of `ratio`. As in torchvision, the first of ten tries that fits is taken, else the
    largest central part of an admissible ratio. Bilinear with antialiasing.
    """

    name: ClassVar[str] = "resized_crop"
    tries: ClassVar[int] = 10
    draws: ClassVar[int] = 2 * tries + 2
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def boxes(self, draws: Tensor, height: int, width: int) -> Tensor:
        """Return the part of each image: top, left, height and width, int64 [N, 4]."""
        area_draw, ratio_draw = draws[:, : self.tries].double(), draws[:, self.tries : 2 * self.tries].double()
        area = height * width * (self.scale[0] + (self.scale[1] - self.scale[0]) * area_draw)
        low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
        ratio = torch.exp(low + (high - low) * ratio_draw)
        widths, heights = torch.sqrt(area * ratio).round().long(), torch.sqrt(area / ratio).round().long()
        fits = (widths > 0) & (widths <= width) & (heights > 0) & (heights <= height)
        first = fits.int().argmax(1, keepdim=True)
        central_width = min(width, max(1, round(height * self.ratio[1])))
        central_height = min(height, max(1, round(width / self.ratio[0])))
        found = fits.any(1)
        box_width = torch.where(found, widths.gather(1, first)[:, 0], central_width)
        box_height = torch.where(found, heights.gather(1, first)[:, 0], central_height)
        top_draw, left_draw = draws[:, -2].double(), draws[:, -1].double()
        top = torch.where(found, (top_draw * (height - box_height + 1)).long(), (height - box_height) // 2)
        left = torch.where(found, (left_draw * (width - box_width + 1)).long(), (width - box_width) // 2)
        return torch.stack((top, left, box_height, box_width), 1)

    def __call__(self, images: Tensor, draws: Tensor, context: Context) -> Tensor:
        return self._resize(images, draws, context, "bilinear")

    def move_masks(self, masks: Tensor, draws: Tensor, context: Context) -> Tensor:
        return self._resize(masks, draws, context, "nearest")

    def _resize(self, images: Tensor, draws: Tensor, context: Context, kind: Literal["bilinear", "nearest"]) -> Tensor:
        rows, columns = images.shape[2:]
        box = self.boxes(draws, rows, columns)
        down = axis_weights(box[:, 0], box[:, 2], rows, context.size[0], kind)
        across = axis_weights(box[:, 1], box[:, 3], columns, context.size[1], kind)
        # Resizing is separable: one matrix of weights an axis and image, all in two batched products.
        narrowed = torch.matmul(images.float(), across.transpose(1, 2)[:, None])
        return torch.matmul(down[:, None], narrowed).round_().clamp_(0, 255).to(torch.uint8)


@dataclass(frozen=True)
class Affine(Transform):
    """Rotate by up to `degrees` either way, shift by up to `shift` of the side, scale within `scale`; all uniform.

    Bilinear, zeros outside. The distortions of handwriting of LeCun et al. 1998 (Gradient-Based Learning), section
    III.C, without squeezing and shearing.
    """

    name: ClassVar[str] = "affine"
    draws: ClassVar[int] = 4
    degrees: float = 15.0
    shift: float = 0.1
    scale: tuple[float, float] = (0.9, 1.1)

    def parameters(self, draws: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return each image's angle in degrees (clockwise), shift to the right and down in pixels, and scale."""
        signed = 2 * draws - 1
        scale = self.scale[0] + (self.scale[1] - self.scale[0]) * draws[:, 3]
        return signed[:, 0] * self.degrees, signed[:, 1] * self.shift * width, signed[:, 2] * self.shift * height, scale

    def __call__(self, images: Tensor, draws: Tensor, context: Context) -> Tensor:
        return self._sample(centre_crop(images, context.size), draws, "bilinear")

    def move_masks(self, masks: Tensor, draws: Tensor, context: Context) -> Tensor:
        return self._sample(centre_crop(masks, context.size), draws, "nearest")

    def _sample(self, images: Tensor, draws: Tensor, mode: Literal["bilinear", "nearest"]) -> Tensor:
        height, width = images.shape[2:]
        angle, right, down, scale = self.parameters(draws, height, width)
        cosine, sine = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
        # From a pixel of the result, measured from the centre, back to where it comes from.
        y = torch.arange(height, device=images.device) - (height - 1) / 2
        x = torch.arange(width, device=images.device) - (width - 1) / 2
        x_shifted = x[None, None, :] - right[:, None, None]
        y_shifted = y[None, :, None] - down[:, None, None]
        x_from = (cosine[:, None, None] * x_shifted + sine[:, None, None] * y_shifted) / scale[:, None, None]
        y_from = (cosine[:, None, None] * y_shifted - sine[:, None, None] * x_shifted) / scale[:, None, None]
        grid = torch.stack((x_from * (2 / width), y_from * (2 / height)), -1)
        sampled = functional.grid_sample(images.float(), grid, mode=mode, padding_mode="zeros", align_corners=False)
        return sampled.round_().clamp_(0, 255).to(torch.uint8)
