"""What is said of data before anything is trained on them."""

from pathlib import Path
from typing import Any

import numpy
import pytest
from drawn_folder import build

from litmus import datamodules
from litmus.core.errors import UserError
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.loading.peculiarities import peculiarities
from litmus.launch.checks import check
from litmus.training.config import resolve

IMAGES = numpy.random.default_rng(0).integers(0, 256, (100, 6, 6), dtype=numpy.uint8)
OTHERS = numpy.random.default_rng(1).integers(0, 256, (10, 6, 6), dtype=numpy.uint8)
LABELS = numpy.arange(100) % 4
REPEATED = numpy.concatenate((IMAGES[:50], IMAGES[:50]))
RARE = numpy.where(numpy.arange(100) == 7, 3, numpy.arange(100) % 3)
CASES: dict[str, tuple[Any, Any, list[str]]] = {
    "nothing": ((IMAGES, LABELS), (OTHERS, LABELS[:10]), []),
    "leak": ((IMAGES, LABELS), (IMAGES[:6], LABELS[:6]), ["6 of 6 test images are also training images"]),
    "another label": (
        (IMAGES, LABELS),
        (IMAGES[:6], LABELS[1:7]),
        [
            "6 of 6 test images are also training images",
            "6 images with more than one label: training image 0 is test image 0, with another label",
        ],
    ),
    "dark": (
        (IMAGES // 4, LABELS),
        (OTHERS, LABELS[:10]),
        ["the training images use the levels from 0 to 63 of 255 alone"],
    ),
    "labels from 1": (
        (IMAGES, LABELS + 1),
        (OTHERS, LABELS[:10] + 1),
        [
            "no training image of 1 of 5 classes: '0'; labels count from 0",
            "no test image of 1 of 5 classes: '0'; labels count from 0",
        ],
    ),
    "gaps": (
        (IMAGES, LABELS * 2),
        (OTHERS, LABELS[:10] * 2),
        [f"no {split} image of 3 of 7 classes: '1', '3' and '5'" for split in ("training", "test")],
    ),
    "rare": ((IMAGES, RARE), (OTHERS, LABELS[:10]), ["one training image alone of 1 of 4 classes: '3'"]),
    "test class": ((IMAGES, LABELS), (OTHERS, LABELS[:10] % 2), ["no test image of 2 of 4 classes: '2' and '3'"]),
    "black": (
        (IMAGES * 0, LABELS * 0 + (numpy.arange(100) > 50)),
        (OTHERS, LABELS[:10] % 2),
        [
            "all training images are of one colour throughout",
            "10 of 10 validation images are also training images",
            "1 image with more than one label: training image 0 is training image 51, with another label",
        ],
    ),
}


def lines_about(module: ImageDataModule) -> list[str]:
    return peculiarities(module.arrays, module.train_indices, module.val_indices)


@pytest.mark.parametrize("case", CASES)
def test_each_peculiarity_is_a_line(case: str) -> None:
    train, test, expected = CASES[case]
    assert lines_about(datamodules.build(datamodules.dataset(train, test), batch_size=8)) == expected


def test_repeated_images_with_other_labels_are_found_across_the_splits() -> None:
    module = datamodules.build(datamodules.dataset((REPEATED, LABELS), (IMAGES[:1], LABELS[1:2])), batch_size=8)
    lines = lines_about(module)
    assert lines[0].endswith("10 validation images are also training images")
    assert lines[1] == "1 of 1 test images are also training images"
    assert lines[-1].startswith("50 images with more than one label: training image 0 is training image 50, with")


def test_masks_are_the_labels_of_what_is_segmented() -> None:
    masks = numpy.zeros((100, 6, 6), dtype=int)
    masks[:, 0] = 2
    train, test = (REPEATED, masks), (OTHERS, masks[:10])
    lines = lines_about(datamodules.build(datamodules.dataset(train, test), batch_size=8))
    assert lines[1:] == [f"no {split} image of 1 of 2 classes: '1'" for split in ("training", "test")]


def test_images_of_a_folder_are_compared_by_their_files(image_folder: Path) -> None:
    for storage in ("cache", "files"):
        assert lines_about(build(image_folder, storage=storage)) == []
    copied = (image_folder / "train" / "ant" / "1.png").read_bytes()
    (image_folder / "train" / "bee" / "1.png").write_bytes(copied)
    (image_folder / "val" / "ant" / "2.png").write_bytes(copied)
    lines = lines_about(build(image_folder, storage="files"))
    assert "1 of 9 test images are also training images" in lines
    assert "1 image with more than one label: training image 1 is training image 9, with another label" in lines


def test_one_class_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.npz"
    numpy.savez(file, train_images=IMAGES, train_labels=LABELS * 0, classes=["cat", "dog"])
    config = resolve({"model.name": "mlp", "data.name": "arrays", "data.root": str(file), "data.batch_size": 8})
    with pytest.raises(UserError, match=r"^data.name arrays: all training images are of one class; at least two are"):
        check(config, 1)
