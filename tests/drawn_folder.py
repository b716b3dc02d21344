"""A small image folder, drawn."""

from pathlib import Path

import numpy


def make_folder(root: Path, classes: tuple[str, ...] = ("ant", "bee", "cat"), train: int = 8, test: int = 3) -> Path:
    """Draw a folder of PNG images with `train/` and `val/`; every image is another one."""
    from PIL import Image

    for split, count in (("train", train), ("val", test)):
        for label, name in enumerate(classes):
            (root / split / name).mkdir(parents=True)
            for number in range(count):
                draws = numpy.random.default_rng((label, number, split == "val"))
                pixels = draws.integers(0, 256, (12, 12, 3), dtype=numpy.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{number}.png")
    return root
