"""The picture of a dataset's images, before and after augmentation."""

from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from litmus import datamodules
from litmus.cli.main import run_command
from litmus.datamodules.batches.picture import GAP, picture, write_picture


def test_a_picture_has_a_row_an_image_and_a_column_an_epoch(tmp_path: Path) -> None:
    module = datamodules.build("shapes", image_size=64, train_images=20, test_images=4, batch_size=8, augment="cifar")
    canvas = picture(module, images=3, epochs=2)
    assert canvas.shape == (3, GAP + 3 * (64 + GAP), 3 * (64 + GAP) + 4 * GAP)
    original = canvas[:, GAP : GAP + 64, GAP : GAP + 64]
    first = int(module.train_indices[0])
    assert isinstance(module.arrays.train_images, torch.Tensor)
    assert torch.equal(original, module.arrays.train_images[first])
    write_picture(tmp_path / "new" / "a.png", canvas)
    assert numpy.array_equal(numpy.asarray(Image.open(tmp_path / "new" / "a.png")), canvas.permute(1, 2, 0).numpy())


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "p.png"
    options = ["--augment", "cifar", "--data.image_size", "16", "--output", str(target)]
    assert run_command(["images", "shapes", *options]) == 0
    assert target.exists()
    assert "crop(padding=4) + flip(probability=0.5)" in capsys.readouterr().out
