"""Small textured shapes with masks, drawn from a seed: for segmentation, and for tests of any size."""

import math
from typing import Annotated

import torch
from annotated_types import Ge, Le
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor

from litmus.core.keyed_random import derive, uniform
from litmus.datamodules.loading.registry import ImageArrays, register

CLASSES = ("disc", "square", "triangle", "ring", "cross", "star")
DRAWS = 16
CHUNK_PIXELS = 1 << 22


@register("shapes")
def shapes(
    root: str,
    image_size: Annotated[int, Ge(8)] = 32,
    train_images: Annotated[int, Ge(2)] = 2000,
    test_images: PositiveInt = 500,
    num_classes: Annotated[int, Ge(2), Le(len(CLASSES))] = 4,
    drawing_seed: int = 0,
    margin: NonNegativeInt = 0,
) -> ImageArrays:
    """Textured shapes on a textured ground, 3×n×n, up to 6 classes, with masks; drawn from a seed, no download.

    Each image holds one shape of random place, size, angle, colour and texture, and is a pure function of
    `drawing_seed`, its size and its number: more images, or other ones in the test set, change none.

    Args:
        root: not read.
        image_size: side of the images.
        train_images: number of training images; classes take turns.
        test_images: number of test images.
        num_classes: how many of disc, square, triangle, ring, cross, star.
        drawing_seed: seed of the drawing, the same for every run of a study.
        margin: pixels that images go on for beyond each edge of what the network sees, for crops to shift into.
    """
    drawn = image_size + 2 * margin
    train = draw(torch.arange(train_images), num_classes, drawn, derive(drawing_seed, "shapes", "train"))
    test = draw(torch.arange(test_images), num_classes, drawn, derive(drawing_seed, "shapes", "test"))
    return ImageArrays(
        train[0],
        torch.arange(train_images) % num_classes,
        test[0],
        torch.arange(test_images) % num_classes,
        CLASSES[:num_classes],
        train_masks=train[1],
        test_masks=test[1],
        input_size=image_size if margin else None,
    )


def draw(number: Tensor, num_classes: int, size: int, key: int) -> tuple[Tensor, Tensor]:
    """Return the images, uint8 [N, 3, size, size], and masks, uint8 [N, 1, size, size], of these numbers [N]."""
    chunks = [_draw(chunk, num_classes, size, key) for chunk in number.split(max(1, CHUNK_PIXELS // size**2))]
    return torch.cat([images for images, _ in chunks]), torch.cat([masks for _, masks in chunks])


def _draw(number: Tensor, num_classes: int, size: int, key: int) -> tuple[Tensor, Tensor]:
    draws = uniform(key, number, DRAWS)
    label = number % num_classes
    axis = (torch.arange(size) + 0.5) / size
    y, x = axis[None, :, None], axis[None, None, :]

    def each(column: int, low: float, high: float) -> Tensor:
        return (low + (high - low) * draws[:, column])[:, None, None]

    radius, angle = each(0, 0.18, 0.32), each(1, 0, 2 * math.pi)
    dx, dy = x - each(2, 0.33, 0.67), y - each(3, 0.33, 0.67)
    u = (torch.cos(angle) * dx + torch.sin(angle) * dy) / radius
    v = (torch.cos(angle) * dy - torch.sin(angle) * dx) / radius
    inside = torch.stack(_outlines(u, v)[:num_classes]).gather(0, label[None, :, None, None].expand(1, -1, size, size))[
        0
    ]
    ground = _stripes(x, y, each(4, 3, 9), each(5, 0, math.pi), each(6, 0, 2 * math.pi))
    surface = _stripes(x, y, each(7, 3, 9), each(8, 0, math.pi), each(9, 0, 2 * math.pi))
    # The colours of ground and shape are drawn independently and may be close; texture and outline still differ.
    texture = torch.where(inside, surface, ground)[:, None]
    colour = torch.where(
        inside[:, None], (0.25 + 0.75 * draws[:, 10:13])[:, :, None, None], (0.5 * draws[:, 13:16])[:, :, None, None]
    )
    pixels = (255 * colour * (0.75 + 0.25 * texture)).round().clamp(0, 255).to(torch.uint8)
    mask = torch.where(inside, (label + 1)[:, None, None], 0).to(torch.uint8)
    return pixels, mask[:, None]


def _outlines(u: Tensor, v: Tensor) -> list[Tensor]:
    """Return, class by class, which points (u, v) lie inside, in units of the shape's radius."""
    distance = torch.sqrt(u.square() + v.square())
    widest = torch.maximum(u.abs(), v.abs())
    polar = torch.atan2(v, u)
    return [
        distance < 1,
        widest < 0.85,
        (v > -0.5) & (v + math.sqrt(3) * u.abs() < 1),
        (distance < 1) & (distance > 0.55),
        (widest < 1) & (torch.minimum(u.abs(), v.abs()) < 0.35),
        distance < 0.65 + 0.35 * torch.cos(5 * polar),
    ]


def _stripes(x: Tensor, y: Tensor, frequency: Tensor, direction: Tensor, phase: Tensor) -> Tensor:
    along = x * torch.cos(direction) + y * torch.sin(direction)
    return torch.sin(2 * math.pi * frequency * along + phase)
