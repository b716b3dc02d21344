"""A small image folder, drawn, and what reads it."""

import io
import os
from pathlib import Path

import numpy
import torch
from PIL import Image
from torch import Tensor

from litmus import datamodules
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.loading.arrays import read
from litmus.datamodules.loading.registry import load

NOISE = numpy.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=numpy.uint8)
GREY = numpy.arange(144, dtype=numpy.uint8).reshape(12, 12)
COLOUR = numpy.stack((GREY, GREY + 50, 255 - GREY), 2)


def make_folder(root: Path, classes: tuple[str, ...] = ("ant", "bee", "cat"), train: int = 8, test: int = 3) -> Path:
    """Draw a folder of PNG images with `train/` and `val/`; every image is another one."""
    for split, count in (("train", train), ("val", test)):
        for label, name in enumerate(classes):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                draws = numpy.random.default_rng((label, number, split == "val"))
                pixels = draws.integers(0, 256, (12, 12, 3), dtype=numpy.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{number}.png")
    return root


def build(root: Path, **options: object) -> ImageDataModule:
    load.cache_clear()
    return datamodules.build("folder", root=str(root), **{"batch_size": 4, "decode_workers": 0, **options})


def cache_content() -> list[str]:
    place = Path(os.environ["LITMUS_CACHE"])
    return sorted(entry.name for entry in place.iterdir() if entry.suffix != ".lock") if place.exists() else []


def png(pixels: numpy.ndarray, mode: str | None = None) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels, mode).save(file, format="PNG")
    return file.getvalue()


def all_images(images: object, count: int) -> Tensor:
    return torch.cat(list(read(images, torch.arange(count).split(5))))  # type: ignore[arg-type]
