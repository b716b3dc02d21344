"""What the arms answer on single test images: those that change most between arms, with their pictures."""

import base64
import io
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from litmus.evidence.results import Analysis, ArmResult
from litmus.records.storage import write_atomically
from litmus.report.tables import Table

if TYPE_CHECKING:
    from torch import Tensor

    from litmus.training.config import RunConfig

MOST_IMAGES = 12
"""Test images that the table has at most."""
FINGERPRINT = "data.fingerprint"
"""The column of the records, and the text of a PNG, that say which data it is."""
LONGEST_SIDE = 64
"""Pixels of the longer side of a picture."""
MOST_BYTES = 1 << 17
"""Bytes of a picture, before it is written as text."""


@dataclass(frozen=True)
class ArmAnswers:
    """What an arm's runs answer: given [runs, images] classes, true [images] classes."""

    result: ArmResult
    given: NDArray[np.int64]
    true: NDArray[np.int64]

    @property
    def wrong(self) -> NDArray[np.float64]:
        """The fraction of the runs that are wrong about each image [images]."""
        fractions: NDArray[np.float64] = (self.given != self.true).mean(0)
        return fractions


def arm_answers(analysis: Analysis) -> list[ArmAnswers]:
    """Return the answers of each arm whose runs kept the class that they gave each test image."""
    found = []
    for result in analysis.arms:
        kept = [(each.given, each.true) for each in result.answers.values()]
        given = [given for given, true in kept if given is not None and true is not None]
        true = [true for given, true in kept if given is not None and true is not None]
        if len({len(row) for row in given}) == 1:
            found.append(ArmAnswers(result, np.array(given), true[-1]))
    return found


def changed_images(analysis: Analysis) -> Table | None:
    """Return the test images whose answers differ most between the baseline and another arm; None without answers.

    The first column is the image's number.
    """
    found = arm_answers(analysis)
    baseline = next((each for each in found if each.result.arm.is_baseline), None)
    if baseline is None:
        return None
    names = [str(name) for name in next(iter(analysis.recorded("data.class_names")), ())]
    changes: list[tuple[float, int, ArmAnswers]] = []
    for each in found:
        if each is not baseline and len(each.true) == len(baseline.true):
            difference = np.abs(each.wrong - baseline.wrong)
            most = np.argsort(-difference, kind="stable")[:MOST_IMAGES]
            changes += [(float(difference[image]), int(image), each) for image in most]
    changes.sort(key=lambda change: (-change[0], change[1]))
    rows = [
        [
            str(image),
            _name(names, int(arm.true[image])),
            arm.result.label,
            _right(arm, image, names),
            _right(baseline, image, names),
        ]
        for size, image, arm in changes[:MOST_IMAGES]
        if size > 0
    ]
    note = (
        "Images are numbered from 0 in the order of the test set. Right: the number of runs that are right, and the "
        "most frequent wrong answer."
    )
    headings = ("image", "class", "arm", "right with the arm", "right with the baseline")
    return Table.of("Test images that change most", headings, rows, note) if rows else None


def _right(answers: ArmAnswers, image: int, names: Sequence[str]) -> str:
    given, true = answers.given[:, image], answers.true[image]
    wrong = given[given != true]
    text = f"{int((given == true).sum())} of {len(given)}"
    if len(wrong):
        values, counts = np.unique(wrong, return_counts=True)
        text += f", else mostly {_name(names, int(values[counts.argmax()]))}"
    return text


def _name(names: Sequence[str], index: int) -> str:
    """Return the name of a class, its number where the records have no names."""
    return "no number" if index < 0 else names[index] if index < len(names) else str(index)


def image_numbers(table: Table | None) -> list[int]:
    """Return the numbers of the test images that a table names."""
    return sorted({int(row["image"]) for row in table.rows}) if table is not None else []


@dataclass(frozen=True)
class Picture:
    """A PNG file: its content, its size in pixels, and the fingerprint of the data that it was drawn from."""

    content: bytes
    width: int
    height: int
    fingerprint: str

    @property
    def source(self) -> str:
        """The content as a data URI."""
        return f"data:image/png;base64,{base64.b64encode(self.content).decode()}"


def image_file(directory: Path, image: int) -> Path:
    """Return the path of the picture of a test image in a study's folder."""
    return directory / "pictures" / f"test-{image}.png"


def read_picture(path: Path) -> Picture | None:
    """Return a picture; None where there is none, where it cannot be read, or where it is too large for a page."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        with Image.open(path, formats=["PNG"]) as image:
            image.load()
            return Picture(path.read_bytes(), *image.size, str(image.info.get(FINGERPRINT, "")))
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):  # what Pillow raises for damage
        return None


def pictures_of(analysis: Analysis, table: Table | None) -> dict[str, Picture]:
    """Return the pictures of the test images that a table names, by their number as text.

    A picture that was drawn from other data than the study's runs used is left out.
    """
    read = {str(image): read_picture(image_file(analysis.directory, image)) for image in image_numbers(table)}
    drawn_from = set(analysis.recorded(FINGERPRINT))
    return {image: each for image, each in read.items() if each is not None and each.fingerprint in drawn_from}


def write_pictures(directory: Path, configs: Sequence["RunConfig"], images: Sequence[int]) -> None:
    """Write the test images with these numbers into a study's folder, except those that it has.

    Nothing is written for runs of several datasets, in which a number is no single image. An error is printed, not
    raised: whatever a user's dataset raises, the report matters more.
    """
    datasets = {(each.data.name, each.data.root, repr(each.data.options)) for each in configs}
    if len(datasets) != 1 or not images:
        return
    # Imported here because a report that is only written anew needs no PyTorch.
    import torch

    from litmus.datamodules.batches.image_data import ImageDataModule
    from litmus.datamodules.loading.arrays import read

    try:
        arrays = ImageDataModule(configs[0].data, configs[0].seed).arrays
        found = {image: read_picture(image_file(directory, image)) for image in images}
        missing = [image for image, each in found.items() if each is None or each.fingerprint != arrays.fingerprint]
        if not missing:
            return
        (pixels,) = read(arrays.test_images, [torch.tensor(missing)])
        pixels = pixels.cpu()
        # Of other channels the first three, or the first as grey.
        rgb = pixels[:, :3] if pixels.shape[1] >= 3 else pixels[:, :1].expand(-1, 3, -1, -1)
        for image, shown in zip(missing, rgb, strict=True):
            content = png(shown, LONGEST_SIDE, {FINGERPRINT: arrays.fingerprint})
            write_atomically(image_file(directory, image), content)
    except Exception as error:
        text = " ".join(str(error).split())[:200] or type(error).__name__
        print(f"litmus: the report lacks pictures of test images: {text}", file=sys.stderr)


def png(pixels: "Tensor", longest: int | None = None, texts: Mapping[str, str] | None = None) -> bytes:
    """Return an RGB picture, uint8 [3, H, W], as PNG that carries `texts` by their names.

    It is made smaller, smoothly, where a side is more than `longest` pixels.
    """
    image = Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())
    if longest is not None:
        image.thumbnail((longest, longest))
    info = PngImagePlugin.PngInfo()
    for name, text in (texts or {}).items():
        info.add_text(name, text)
    content = io.BytesIO()
    image.save(content, format="PNG", pnginfo=info)
    return content.getvalue()
