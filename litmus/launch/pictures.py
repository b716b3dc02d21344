"""The pictures of a study, drawn while its dataset is at hand: `pictures/*.png` in its folder."""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.batches.picture import as_rgb, picture, png
from litmus.datamodules.loading.arrays import read
from litmus.records.storage import write_atomically
from litmus.report.images import (
    AUGMENTATION,
    FINGERPRINT,
    augmentation_file,
    augmentation_in_words,
    image_file,
    shows_same,
)
from litmus.training.config import RunConfig
from litmus.training.run import Run

LONGEST_SIDE = 64
"""Pixels of a test image's picture."""
IMAGES, EPOCHS = 8, 4
"""Training images, a row each, and epochs, a column each, of a picture of the augmentation."""
LARGEST_PICTURE = 720
"""Pixels of its longer side."""


def draw_pictures(directory: Path, runs: Sequence[Run], images: Sequence[int]) -> None:
    """Draw the test images of these numbers, and what the runs do to training images, into a study's folder.

    What is there already and shows the same stays. A picture that cannot be drawn is told in a line, not raised.
    """
    try:
        configs = [run.config for run in runs]
        datasets = {(each.data.name, each.data.root, repr(each.data.options)) for each in configs}
        if len(datasets) == 1:  # else a number stands for an image of one and for another image of the other
            _draw_test_images(directory, configs[0], images)
        _draw_augmentation(directory, configs)
    except Exception as error:  # whatever the code of a dataset of one's own raises: the report matters more
        text = " ".join(str(error).split())[:200] or type(error).__name__
        print(f"litmus: the report has not all of its pictures: {text}", file=sys.stderr)


def _draw_test_images(directory: Path, config: RunConfig, images: Sequence[int]) -> None:
    if not images:
        return
    arrays = ImageDataModule(config.data, config.seed).arrays
    texts = {FINGERPRINT: arrays.fingerprint}
    missing = [image for image in images if not shows_same(image_file(directory, image), texts)]
    if not missing:
        return
    (pixels,) = read(arrays.test_images, [torch.tensor(missing)])
    for image, shown in zip(missing, as_rgb(pixels.cpu()), strict=True):
        write_atomically(image_file(directory, image), png(shown, LONGEST_SIDE, texts))


def _draw_augmentation(directory: Path, configs: Sequence[RunConfig]) -> None:
    first: dict[str, RunConfig] = {}
    for config in configs:
        first.setdefault(augmentation_in_words(config.data.as_dict()), config)
    first.pop("", None)
    for augmentation, config in first.items():
        data = config.data
        recipe = data.augment if data.mix == "none" else f"{data.augment} {data.mix} {data.mix_alpha:g}"
        path = augmentation_file(directory, recipe if len(first) > 1 else "")
        module = ImageDataModule(data, config.seed)
        texts = {FINGERPRINT: module.fingerprint, AUGMENTATION: augmentation}
        if not shows_same(path, texts):
            write_atomically(path, png(picture(module, IMAGES, EPOCHS), LARGEST_PICTURE, texts))
