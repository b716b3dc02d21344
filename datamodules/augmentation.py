"""Augmentation of whole batches by named recipes; every draw is keyed by (seed, epoch, sample)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from litmus.errors import unknown_name
from litmus.keyed import derive, uniform

Transform = Callable[[Tensor, Tensor], Tensor]
"""Maps uint8 images [N, C, H, W] and uniform draws [N, draws] to augmented images of the same shape."""


def pad_and_crop(padding: int) -> Transform:
    """Pad by `padding` zeros on every side and cut out the original size at a uniform offset (He et al. 2015, 4.2)."""

    def transform(images: Tensor, draws: Tensor) -> Tensor:
        count, channels, height, width = images.shape
        offset = (draws * (2 * padding + 1)).long()
        padded = functional.pad(images, (padding,) * 4)
        rows = offset[:, 0, None] + torch.arange(height, device=images.device)
        columns = offset[:, 1, None] + torch.arange(width, device=images.device)
        sample = torch.arange(count, device=images.device)
        return padded[
            sample[:, None, None, None],
            torch.arange(channels, device=images.device)[None, :, None, None],
            rows[:, None, :, None],
            columns[:, None, None, :],
        ]

    return transform


def horizontal_flip(images: Tensor, draws: Tensor) -> Tensor:
    """Mirror each image with probability one half."""
    return torch.where((draws[:, 0] < 0.5)[:, None, None, None], images.flip(3), images)


RECIPES: dict[str, Sequence[tuple[str, int, Transform]]] = {
    "none": (),
    "crop": (("crop", 2, pad_and_crop(2)),),
    "cifar": (("crop", 2, pad_and_crop(4)), ("flip", 1, horizontal_flip)),
}
"""Each recipe's transforms in order: name, uniform draws that one image takes, function."""


def augment(images: Tensor, sample: Tensor, recipe: str, seed: int, epoch: int) -> Tensor:
    """Return augmented uint8 images [N, C, H, W]; `sample` [N] numbers each within the training set.

    What happens to an image depends on (seed, epoch, sample) alone. Raises `UserError` for an unknown recipe.
    """
    if recipe not in RECIPES:
        raise unknown_name("augmentation recipe", recipe, RECIPES)
    for name, draws, transform in RECIPES[recipe]:
        images = transform(images, uniform(derive(seed, "augment", name, epoch), sample, draws))
    return images
