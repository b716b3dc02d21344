"""The pictures of a study: its report shows the test images that its table names."""

import base64
import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_folder import make_folder
from numpy.typing import NDArray
from PIL import Image
from tiny_runs import TINY

import litmus
from litmus import Study, datamodules
from litmus.api import Result
from litmus.report.images import FINGERPRINT, LONGEST_SIDE, image_file, png, read_picture, write_pictures
from litmus.report.page import write_report
from litmus.training.config import RunConfig, resolve

STUDY = Study("pictured", "Does cropping help?", TINY, {"data.augment": ["none", "crop"]}, {"data.augment": "none"})


def with_data(**data: object) -> RunConfig:
    """Return the config of a run with these keys of the data."""
    return resolve({**TINY, **{f"data.{key}": value for key, value in data.items()}})


def shown(page: Path) -> dict[int, NDArray[np.uint8]]:
    """Return the pictures of a page, [H, W, 3], by the number of their test image."""
    pattern = r'<img class="thumbnail" src="data:image/png;base64,([^"]+)".*?alt="Test image (\d+)"'
    found = re.findall(pattern, page.read_text())
    return {
        int(number): np.asarray(Image.open(io.BytesIO(base64.b64decode(content, validate=True))))
        for content, number in found
    }


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return litmus.run(STUDY, seeds=2, out=tmp_path_factory.mktemp("pictures"), workers=1, wandb="disabled")


@pytest.fixture
def copied(result: Result, tmp_path: Path) -> Path:
    """The study's folder, to be damaged."""
    return Path(shutil.copytree(result.report.parent, tmp_path / "pictured"))


def test_the_page_shows_the_test_images_that_its_table_names(result: Result) -> None:
    pictures = shown(result.report)
    assert 1 <= len(pictures) <= 12
    images = datamodules.build("digits").arrays.test_images
    assert isinstance(images, torch.Tensor)
    for number, pixels in pictures.items():
        assert np.array_equal(pixels, images[number].expand(3, -1, -1).permute(1, 2, 0).numpy())
    assert {path.name for path in (result.report.parent / "pictures").iterdir()} == {f"test-{n}.png" for n in pictures}


def test_pictures_of_the_same_data_stay_and_those_of_other_data_are_written_again(result: Result, copied: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (copied / "pictures").iterdir()}
    numbers = list(shown(result.report))
    write_pictures(copied, [with_data()], numbers)
    assert {path: path.stat().st_mtime_ns for path in (copied / "pictures").iterdir()} == before
    other = png(torch.zeros(3, 8, 8, dtype=torch.uint8), texts={FINGERPRINT: "of other data"})
    image_file(copied, numbers[0]).write_bytes(other)
    assert shown(write_report(copied).path).keys() == set(numbers[1:])
    write_pictures(copied, [with_data()], numbers)
    assert shown(write_report(copied).path).keys() == set(numbers)


def test_a_damaged_picture_is_left_out(copied: Path) -> None:
    for path in (copied / "pictures").iterdir():
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    page = write_report(copied).path
    assert shown(page) == {}
    assert "Test images that change most" in page.read_text()


def test_a_picture_that_cannot_be_written_costs_no_report(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(copied / "pictures")
    (copied / "pictures").write_text("in the way")
    write_pictures(copied, [with_data()], [0])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("litmus: the report lacks pictures of test images: cannot write")
    assert shown(write_report(copied).path) == {}


def test_large_images_are_made_small_and_a_number_that_means_several_has_no_picture(tmp_path: Path) -> None:
    shapes = {"name": "shapes", "image_size": 96, "train_images": 60, "test_images": 20, "batch_size": 16}
    write_pictures(tmp_path, [with_data(**shapes, drawing_seed=seed) for seed in (0, 1)], [3])
    assert not image_file(tmp_path, 3).exists()
    write_pictures(tmp_path, [with_data(**shapes)], [3])
    small = read_picture(image_file(tmp_path, 3))
    assert small is not None
    assert (small.width, small.height) == (LONGEST_SIDE, LONGEST_SIDE)


def test_images_that_lie_in_files_are_decoded(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "images")
    folder = {"name": "folder", "root": str(root), "storage": "files", "decode_workers": 0, "batch_size": 4}
    write_pictures(tmp_path, [with_data(**folder, image_size=12)], [4])
    written = read_picture(image_file(tmp_path, 4))
    assert written is not None
    # The second of three images of the second class.
    expected = np.asarray(Image.open(root / "val" / "bee" / "1.png"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(written.content))), expected)
