"""The pictures that a study's folder holds, `pictures/*.png`, as a page shows them: test images, and the augmentation.

`studies/launch/pictures.py` draws them, with the dataset at hand; what reads records has none.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from litmus.wording import listed
from studies.evidence.results import Analysis
from studies.report.answered_images import answers_in_words

FOLDER = "pictures"
FINGERPRINT, AUGMENTATION = "data.fingerprint", "augmentation"
"""What the text of a PNG says: of which data it is, and which augmentation it shows."""
AUGMENTING = ("transforms", "mix", "mix_alpha")
"""The keys of `data` that say what is done to training images."""
MOST_BYTES = 3 << 20
"""Bytes of the pictures that one page takes, before they are written as text."""


@dataclass(frozen=True)
class Picture:
    """A picture in a page: its content as a data URI, its size in pixels, and the words that stand for it."""

    source: str
    width: int
    height: int
    words: str


@dataclass(frozen=True)
class PNG:
    """A PNG file: its content, its size in pixels, and the texts that it carries by their names."""

    content: bytes
    size: tuple[int, int]
    texts: Mapping[str, str]

    def shown(self, words: str) -> Picture:
        """Return it as a page shows it."""
        return Picture(f"data:image/png;base64,{base64.b64encode(self.content).decode()}", *self.size, words)


def image_file(directory: Path, image: int) -> Path:
    """Return where the picture of a test image lies."""
    return directory / FOLDER / f"test-{image}.png"


def augmentation_file(directory: Path, recipe: str = "") -> Path:
    """Return where the picture of an augmentation lies; `recipe` names it where a study has several."""
    name = "-".join(["augmentation", *filter(None, [re.sub(r"[^\w.]+", "-", recipe).strip("-")])])
    return directory / FOLDER / f"{name}.png"


def augmentation_in_words(data: Mapping[str, Any]) -> str:
    """Return what a config of the data does to training images; empty where it leaves them as they are."""
    transforms, mix = data.get("transforms") or "none", data.get("mix") or "none"
    mixing = "" if mix == "none" else f"{mix}(alpha={float(data['mix_alpha']):g})"
    return " + ".join(part for part in ("" if transforms == "none" else str(transforms), mixing) if part)


def read_png(path: Path) -> PNG | None:
    """Return a PNG; None where there is none that can be read, or one too large for a page."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        with Image.open(path, formats=["PNG"]) as image:
            image.load()
            texts = {str(name): text for name, text in image.info.items() if isinstance(text, str)}
            return PNG(path.read_bytes(), image.size, texts)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):  # what Pillow raises for damage
        return None


def shows_same(path: Path, texts: Mapping[str, str]) -> bool:
    """Whether a PNG is there and carries these texts."""
    found = read_png(path)
    return found is not None and texts.items() <= found.texts.items()


def pictures_of_test_images(analysis: Analysis, images: Sequence[int]) -> dict[str, Picture]:
    """Return those of the test images that there is a picture of, by their number.

    Left out is what was drawn from other data than the study's runs had.
    """
    found: dict[str, Picture] = {}
    left, data = MOST_BYTES // 3, _fingerprints(analysis)
    answers = answers_in_words(analysis, images)
    for image in images:
        png = read_png(image_file(analysis.directory, image))
        if png is not None and png.texts.get(FINGERPRINT) in data and len(png.content) <= left:
            left -= len(png.content)
            found[str(image)] = png.shown(f"Test image {image}, {answers[image]}")
    return found


def pictures_of_augmentation(analysis: Analysis) -> list[Picture]:
    """Return the pictures of what the study's arms do to training images, in the order of the arms."""
    data, arms = _fingerprints(analysis), _augmented_arms(analysis)
    drawn: dict[str, PNG] = {}
    for path in sorted((analysis.directory / FOLDER).glob("augmentation*.png")):
        png = read_png(path)
        if png is not None and png.texts.get(FINGERPRINT) in data and png.texts.get(AUGMENTATION) in arms:
            drawn.setdefault(png.texts[AUGMENTATION], png)
    found: list[Picture] = []
    left = MOST_BYTES * 2 // 3
    for augmentation, labels in arms.items():
        if augmentation in drawn and len(drawn[augmentation].content) <= left:
            left -= len(drawn[augmentation].content)
            of = "" if len(labels) == len(analysis.arms) else f" Arm{'s' * (len(labels) > 1)}: {listed(labels)}."
            words = (
                f"Training images, a row each: as they are and, to the right of the gap, as the first epochs of a run "
                f"show them. {augmentation}.{of}"
            )
            found.append(drawn[augmentation].shown(words))
    return found


def _augmented_arms(analysis: Analysis) -> dict[str, list[str]]:
    """Return the labels of the arms by what they do to training images."""
    found: dict[str, list[str]] = {}
    for result in analysis.arms:
        rows = result.records
        # Records of an earlier version lack some of them.
        columns = {key: rows[f"data.{key}"].dropna() for key in AUGMENTING if f"data.{key}" in rows}
        data = {key: values.iloc[0] for key, values in columns.items() if len(values)}
        found.setdefault(augmentation_in_words(data), []).append(result.label)
    found.pop("", None)
    return found


def _fingerprints(analysis: Analysis) -> set[str]:
    records = analysis.records
    return set(records[FINGERPRINT].dropna()) if FINGERPRINT in records else set()
