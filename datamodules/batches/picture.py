"""A picture of what augmentation does: a row an image, before and after in one epoch after another."""

import io
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from litmus.core.errors import UserError, require_at_least
from litmus.datamodules.augmentation.mixing import mix, partners
from litmus.datamodules.augmentation.recipes import augment
from litmus.datamodules.augmentation.window import centre_crop
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.loading.arrays import read

SMALLEST = 64
GAP = 2
WHITE = 255


def picture(datamodule: ImageDataModule, images: int = 8, epochs: int = 8) -> Tensor:
    """Return an RGB picture, uint8 [3, H, W].

    Each row is one of `images` training images, spread over the split: as it is and, beyond a wider gap, as the epochs
    0, 1, ... show it to the network, before normalisation. Small images are enlarged without smoothing.
    """
    require_at_least(1, images=images, epochs=epochs)
    count = len(datamodule.train_indices)
    # Spread over the split: folders are sorted by class.
    sample = datamodule.train_indices[torch.arange(min(images, count)) * count // min(images, count)]
    columns = [_originals(datamodule, sample), *(_seen(datamodule, sample, epoch) for epoch in range(epochs))]
    factor = math.ceil(SMALLEST / columns[0].shape[2])
    tiles = [column.repeat_interleave(factor, 2).repeat_interleave(factor, 3) for column in columns]
    height, width = tiles[0].shape[2:]
    rows = len(sample)
    canvas = torch.full(
        (3, rows * (height + GAP) + GAP, len(tiles) * (width + GAP) + 4 * GAP), WHITE, dtype=torch.uint8
    )
    for place, column in enumerate(tiles):
        left = GAP + place * (width + GAP) + (3 * GAP if place else 0)
        for row, tile in enumerate(column):
            top = GAP + row * (height + GAP)
            canvas[:, top : top + height, left : left + width] = tile
    return canvas


def png(pixels: Tensor, longest: int | None = None, texts: Mapping[str, str] | None = None) -> bytes:
    """Return an RGB picture, uint8 [3, H, W], as PNG that carries `texts` by their names.

    It is made smaller, smoothly, where a side is more than `longest` pixels.
    """
    # Imported here because pictures alone need it.
    from PIL import Image, PngImagePlugin

    image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
    if longest is not None:
        image.thumbnail((longest, longest))
    info = PngImagePlugin.PngInfo()
    for name, text in (texts or {}).items():
        info.add_text(name, text)
    content = io.BytesIO()
    image.save(content, format="PNG", pnginfo=info)
    return content.getvalue()


def write_picture(path: Path, pixels: Tensor) -> None:
    """Write an RGB picture, uint8 [3, H, W], as PNG. Raises `UserError` where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(pixels))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None


def as_rgb(images: Tensor) -> Tensor:
    """Return images [N, C, H, W] as RGB [N, 3, H, W]: of other channels the first three, or the first as grey."""
    return images[:, :3] if images.shape[1] >= 3 else images[:, :1].expand(-1, 3, -1, -1)


def _originals(datamodule: ImageDataModule, sample: Tensor) -> Tensor:
    (images,) = read(datamodule.arrays.train_images, [sample])
    return as_rgb(centre_crop(images, datamodule.image_shape[1:]))


def _seen(datamodule: ImageDataModule, sample: Tensor, epoch: int) -> Tensor:
    config, seed = datamodule.config, datamodule.seed
    images = _augmented(datamodule, sample, epoch)
    if config.mix != "none":
        second = _augmented(datamodule, partners(sample, datamodule.train_indices, seed, epoch), epoch)
        mixed = mix(config.mix, config.mix_alpha, images.float(), second.float(), sample, seed, epoch)
        images = mixed.images.round().to(torch.uint8)
    return as_rgb(images)


def _augmented(datamodule: ImageDataModule, sample: Tensor, epoch: int) -> Tensor:
    (images,) = read(datamodule.arrays.train_images, [sample])
    context = datamodule.context
    return augment(images, sample, datamodule.config.augment, datamodule.seed, epoch, context)[0]
