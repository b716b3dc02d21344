"""Pictures of test images that a study's report shows, written while the dataset is at hand: `pictures/*.png`."""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.batches.picture import as_rgb, png
from litmus.datamodules.loading.arrays import read
from litmus.records.storage import write_atomically
from litmus.report.images import FINGERPRINT, image_file, read_picture
from litmus.training.config import RunConfig
from litmus.training.run import Run

LONGEST_SIDE = 64
"""Pixels of the longer side of a picture."""


def write_pictures(directory: Path, runs: Sequence[Run], images: Sequence[int]) -> None:
    """Write the test images of these numbers into a study's folder; a picture of the same data stays.

    Where the runs use several datasets a number has no one image, and nothing is written. What fails is printed, not
    raised.
    """
    configs = [run.config for run in runs]
    datasets = {(each.data.name, each.data.root, repr(each.data.options)) for each in configs}
    if len(datasets) != 1 or not images:
        return
    try:
        _write(directory, configs[0], images)
    except Exception as error:  # whatever a user's dataset raises: the report matters more
        text = " ".join(str(error).split())[:200] or type(error).__name__
        print(f"litmus: the report lacks pictures of test images: {text}", file=sys.stderr)


def _write(directory: Path, config: RunConfig, images: Sequence[int]) -> None:
    arrays = ImageDataModule(config.data, config.seed).arrays
    there = {image: read_picture(image_file(directory, image)) for image in images}
    missing = [image for image, found in there.items() if found is None or found.fingerprint != arrays.fingerprint]
    if not missing:
        return
    (pixels,) = read(arrays.test_images, [torch.tensor(missing)])
    for image, shown in zip(missing, as_rgb(pixels.cpu()), strict=True):
        write_atomically(image_file(directory, image), png(shown, LONGEST_SIDE, {FINGERPRINT: arrays.fingerprint}))
