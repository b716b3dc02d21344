"""The pictures of a study: its report shows the test images that it names, and what is done to training images."""

import base64
import io
import re
import shutil
from html.parser import HTMLParser
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
from litmus.datamodules.batches.picture import picture, png
from litmus.launch.pictures import EPOCHS, IMAGES, LARGEST_PICTURE, LONGEST_SIDE, draw_pictures
from litmus.records.run_record import RunRecord
from litmus.report.images import AUGMENTATION, FINGERPRINT, augmentation_file, image_file, read_png
from litmus.report.page import write_report
from litmus.training.config import resolve
from litmus.training.run import Run

STUDY = Study("pictured", "Does cropping help?", TINY, {"data.augment": ["none", "crop"]}, {"data.augment": "none"})


def run_of(directory: Path, **data: object) -> Run:
    """Return a run that is not executed, with these keys of the data."""
    config = resolve({**TINY, **{f"data.{key}": value for key, value in data.items()}})
    return Run("0123456789ab", "example", "an arm", {}, config, directory / "0123456789ab")


class Pictures(HTMLParser):
    """The pictures of a page: each `<img>` with its attributes."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found.append({name: value or "" for name, value in attrs})

    def of_class(self, name: str) -> list[dict[str, str]]:
        return [each for each in self.found if each["class"] == name]


def pixels(image: dict[str, str]) -> NDArray[np.uint8]:
    """Return what a browser shows of an `<img>`, [H, W, 3]."""
    kind, _, content = image["src"].partition(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content, validate=True))))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return litmus.run(STUDY, seeds=2, out=tmp_path_factory.mktemp("pictures"), workers=1, wandb="disabled")


@pytest.fixture
def copied(result: Result, tmp_path: Path) -> Path:
    """The study's folder, to be spoiled."""
    return Path(shutil.copytree(result.report.parent, tmp_path / "pictured"))


def test_the_page_shows_the_test_images_that_its_tables_name(result: Result) -> None:
    shown = Pictures(result.report).of_class("thumbnail")
    assert 12 <= len(shown) <= 24
    arrays = datamodules.build("digits").arrays
    for image in shown:
        told = re.match(
            r"Test image (\d+), class (\w+): augment none answers (\w+) in [12] of 2 runs; augment crop answers ",
            image["alt"],
        )
        assert told is not None, image["alt"]
        number = int(told[1])
        assert arrays.classes[int(arrays.test_labels[number])] == told[2]
        assert isinstance(arrays.test_images, torch.Tensor)
        expected = arrays.test_images[number].expand(3, -1, -1).permute(1, 2, 0).numpy()
        assert np.array_equal(pixels(image), expected)
    numbers = {f"test-{image['alt'].split(',')[0].split()[-1]}.png" for image in shown}
    assert {path.name for path in (result.report.parent / "pictures").glob("test-*")} == numbers


def test_the_words_for_an_image_are_what_its_runs_answered(result: Result) -> None:
    image = Pictures(result.report).of_class("thumbnail")[0]
    number = int(image["alt"].split(",")[0].split()[-1])
    for arm in litmus.load(result.report.parent).groupby("arm"):
        given = []
        for run in arm[1]["run"]:
            with np.load(RunRecord(result.report.parent / run).answers_file) as answers:
                given.append(int(answers["given"][number]))
        told = re.search(rf"{re.escape(str(arm[0]))} answers (\d+) in (\d) of 2 runs", image["alt"])
        assert told is not None, image["alt"]
        assert given.count(int(told[1])) == int(told[2]) == max(map(given.count, given))


def test_the_page_shows_what_is_done_to_training_images(result: Result) -> None:
    (image,) = Pictures(result.report).of_class("picture")
    assert "crop(padding=2)" in image["alt"]
    assert "crop." in image["alt"]
    expected = picture(datamodules.build("digits", augment="crop"), IMAGES, EPOCHS)
    assert np.array_equal(pixels(image), expected.permute(1, 2, 0).numpy())


def test_a_page_from_the_disk_has_them_and_what_is_there_stays(result: Result, copied: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (copied / "pictures").iterdir()}
    drawn = [int(path.stem.removeprefix("test-")) for path in before if path.stem.startswith("test-")]
    draw_pictures(copied, [run_of(copied, augment="crop")], drawn)
    assert {path: path.stat().st_mtime_ns for path in (copied / "pictures").iterdir()} == before
    assert Pictures(write_report(copied).path).found == Pictures(result.report).found


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40), "half"], ids=["empty", "text", "head", "half"]
)
def test_what_cannot_be_read_is_left_out(copied: Path, content: bytes | str) -> None:
    for path in (copied / "pictures").iterdir():
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if isinstance(content, str) else content)
    page = write_report(copied).path
    assert Pictures(page).found == []
    assert "Test images that most runs get wrong" in page.read_text()


def test_pictures_of_other_data_are_left_out_and_drawn_anew(result: Result, copied: Path) -> None:
    path = next((copied / "pictures").glob("test-*"))
    path.write_bytes(png(torch.zeros(3, 8, 8, dtype=torch.uint8), texts={FINGERPRINT: "of other data"}))
    assert len(Pictures(write_report(copied).path).found) < len(Pictures(result.report).found)
    draw_pictures(copied, [run_of(copied)], [int(path.stem.removeprefix("test-"))])
    assert Pictures(write_report(copied).path).found == Pictures(result.report).found


def test_what_cannot_be_drawn_is_told_and_costs_no_report(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(copied / "pictures")
    (copied / "pictures").write_text("in the way")
    draw_pictures(copied, [run_of(copied)], [0])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("litmus: the report has not all of its pictures: cannot write")
    assert Pictures(write_report(copied).path).found == []


def test_large_images_are_made_small(tmp_path: Path) -> None:
    shapes = {"name": "shapes", "image_size": 96, "train_images": 60, "test_images": 20, "batch_size": 16}
    draw_pictures(tmp_path, [run_of(tmp_path, **shapes, augment="cifar")], [3])
    small, drawn = read_png(image_file(tmp_path, 3)), read_png(augmentation_file(tmp_path))
    assert small is not None
    assert small.size == (LONGEST_SIDE, LONGEST_SIDE)
    assert drawn is not None
    assert max(drawn.size) == LARGEST_PICTURE


def test_each_of_several_recipes_has_a_picture(tmp_path: Path) -> None:
    recipes = ({"augment": "crop"}, {"augment": "crop", "mix": "mixup"}, {"augment": "none"})
    draw_pictures(tmp_path, [run_of(tmp_path, **recipe) for recipe in recipes], [])
    found = {path.name: read_png(path) for path in (tmp_path / "pictures").iterdir()}
    assert {name: each and each.texts[AUGMENTATION] for name, each in found.items()} == {
        "augmentation-crop.png": "crop(padding=2)",
        "augmentation-crop-mixup-1.png": "crop(padding=2) + mixup(alpha=1)",
    }


def test_a_number_that_means_several_images_has_no_picture(tmp_path: Path) -> None:
    runs = [run_of(tmp_path, name="shapes", drawing_seed=seed, augment="crop") for seed in (0, 1)]
    draw_pictures(tmp_path, runs, [0])
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["augmentation.png"]


def test_images_that_lie_in_files_are_decoded(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "images")
    folder = {"name": "folder", "root": str(root), "storage": "files", "decode_workers": 0, "batch_size": 4}
    draw_pictures(tmp_path, [run_of(tmp_path, **folder, image_size=12)], [4])
    drawn = read_png(image_file(tmp_path, 4))
    assert drawn is not None
    # The second of three images of the second class.
    expected = np.asarray(Image.open(root / "val" / "bee" / "1.png"))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(drawn.content))), expected)
