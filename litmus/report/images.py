"""What the arms answer to single test images: confusion of classes, and the images that change most between arms."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image

from litmus.core.formatting import listed
from litmus.evidence.results import Analysis, ArmResult
from litmus.report.figures.figure import LAYOUT, Figure, escaped
from litmus.report.tables import Table

MOST_CLASSES = 60
"""Classes up to which a confusion matrix can be read."""
MOST_IMAGES = 12
MOST_ARMS = 4
"""Arms whose confusion is drawn: the baseline, then those with the best means."""
MOST_LISTED = 12
"""Arms whose answers are named in the words for an image."""


@dataclass(frozen=True)
class ArmAnswers:
    """What an arm's runs answer: given [runs, images] classes, the images' own true [images]."""

    result: ArmResult
    given: NDArray[np.int64]
    true: NDArray[np.int64]

    @property
    def wrong(self) -> NDArray[np.float64]:
        """The share of the runs that are wrong about each image [images]."""
        shares: NDArray[np.float64] = (self.given != self.true).mean(0)
        return shares


def arm_answers(analysis: Analysis) -> list[ArmAnswers]:
    """Return the answers of each arm whose runs kept their classes; those of an earlier version did not."""
    found = []
    for result in analysis.arms:
        given, true = [], None
        for each in result.answers.values():
            if each.given is not None and each.true is not None:
                given.append(each.given)
                true = each.true
        if true is not None and len({len(row) for row in given}) == 1:
            found.append(ArmAnswers(result, np.array(given), true))
    return found


def confusion_figures(analysis: Analysis) -> list[Figure]:
    """Return the confusion matrices of the baseline and of the arms with the best means; none for too many classes."""
    found = arm_answers(analysis)
    names = _class_names(analysis)
    if not found or len(names) > MOST_CLASSES:
        return []
    better = 1 if analysis.higher_is_better else -1
    rivals = [each for each in found if not each.result.arm.is_baseline]
    rivals.sort(key=lambda each: -better * each.result.estimate(analysis.test_metric).mean)
    chosen = [*(each for each in found if each.result.arm.is_baseline), *rivals][:MOST_ARMS]
    return [_confusion(each, names) for each in chosen]


def confusion(answers: ArmAnswers, classes: int) -> NDArray[np.float64]:
    """Return of the images of each class [classes, classes] the share that is given each class, over all runs.

    An answer that was no number is given no class: its row sums to less than one.
    """
    counts = np.zeros((classes, classes))
    for row in answers.given:
        known = row >= 0
        np.add.at(counts, (answers.true[known], row[known]), 1)
    totals = len(answers.given) * np.bincount(answers.true, minlength=classes)
    shares: NDArray[np.float64] = counts / np.maximum(totals, 1)[:, None]
    return shares


def _confusion(answers: ArmAnswers, names: Sequence[str]) -> Figure:
    shares = confusion(answers, len(names))
    texts = [[f"{100 * share:.0f}" if share >= 0.005 else "" for share in row] for row in shares]
    labels = [escaped(name) for name in names]
    plot = go.Figure()
    plot.add_heatmap(
        z=np.round(100 * shares, 2).tolist(),
        x=labels,
        y=labels,
        text=texts,
        texttemplate="%{text}" if len(names) <= 20 else "",
        colorscale="Cividis",
        zmin=0,
        zmax=100,
        xgap=1,
        ygap=1,
        hovertemplate="of %{y}, %{z:.1f} % are taken for %{x}<extra></extra>",
        colorbar={"title": {"text": "% of the class", "side": "right"}},
    )
    size = min(640, 190 + 26 * len(names))
    plot.update_layout(**{**LAYOUT, "height": size}, xaxis_title="answer", yaxis_title="class")
    plot.update_xaxes(type="category")
    plot.update_yaxes(type="category", autorange="reversed")
    runs = len(answers.given)
    caption = f"Of the test images of each class, the share given each answer, in per cent, over {runs} runs."
    return Figure(f"Confusion of classes: {answers.result.label}", caption, plot)


def changed_images(analysis: Analysis) -> Table | None:
    """Return the test images whose answers differ most between the baseline and another arm; None without answers."""
    found = arm_answers(analysis)
    baseline = next((each for each in found if each.result.arm.is_baseline), None)
    rivals = (
        [each for each in found if each is not baseline and len(each.true) == len(baseline.true)] if baseline else []
    )
    if baseline is None or not rivals:
        return None
    names = _class_names(analysis)
    changes: list[tuple[float, int, ArmAnswers]] = []
    for each in rivals:
        difference = np.abs(each.wrong - baseline.wrong)
        changes += [(float(difference[i]), int(i), each) for i in np.argsort(-difference, kind="stable")[:MOST_IMAGES]]
    changes.sort(key=lambda change: (-change[0], change[1]))
    rows = [_changed(image, baseline, each, names) for size, image, each in changes[:MOST_IMAGES] if size > 0]
    note = (
        "Images are numbered from 0 in the order of the test set. Right: in how many of the runs; behind it the answer "
        "that wrong runs give most."
    )
    headings = ("image", "class", "arm", "right with the arm", "right with the baseline")
    return Table("Test images that change most", note, headings, rows) if rows else None


def worst_images(analysis: Analysis) -> Table | None:
    """Return the test images about which most runs of all arms are wrong; None without answers."""
    found = arm_answers(analysis)
    if not found or len({len(each.true) for each in found}) > 1:
        return None
    names = _class_names(analysis)
    together = ArmAnswers(found[0].result, np.concatenate([each.given for each in found]), found[0].true)
    order = np.argsort(-together.wrong, kind="stable")[:MOST_IMAGES]
    rows = [
        [
            str(int(image)),
            _name(names, int(together.true[image])),
            _right(together, int(image), names),
            "; ".join(each.result.label for each in found if each.wrong[image] < 0.5) or "none",
        ]
        for image in order
        if together.wrong[image] > 0
    ]
    headings = ("image", "class", "right, of all runs", "arms that are mostly right")
    return Table("Test images that most runs get wrong", "", headings, rows) if rows else None


def image_tables(analysis: Analysis) -> list[Table]:
    """Return the tables of single test images; the first column of each is the image's number."""
    return [table for table in (changed_images(analysis), worst_images(analysis)) if table is not None]


def named_images(tables: Sequence[Table]) -> list[int]:
    """Return the numbers of the test images that tables of single images name."""
    return sorted({int(row[0]) for table in tables for row in table.rows})


def answers_in_words(analysis: Analysis, images: Sequence[int]) -> dict[int, str]:
    """Return by number each of these test images' class and the answer that each arm's runs give it most."""
    found, names = arm_answers(analysis), _class_names(analysis)
    return {image: _answered([each for each in found if image < len(each.true)], image, names) for image in images}


def _answered(found: Sequence[ArmAnswers], image: int, names: Sequence[str]) -> str:
    told = []
    for each in found[:MOST_LISTED]:
        values, counts = np.unique(each.given[:, image], return_counts=True)
        answer = _name(names, int(values[counts.argmax()]))
        told.append(f"{each.result.label} answers {answer} in {counts.max()} of {len(each.given)} runs")
    more = [f"{len(found) - MOST_LISTED} more arms"] if len(found) > MOST_LISTED else []
    classes = " or ".join(_name(names, each) for each in sorted({int(each.true[image]) for each in found}))
    return f"class {classes}: {'; '.join([*told, *more])}"


def _changed(image: int, baseline: ArmAnswers, arm: ArmAnswers, names: Sequence[str]) -> list[str]:
    return [
        str(image),
        _name(names, int(arm.true[image])),
        arm.result.label,
        _right(arm, image, names),
        _right(baseline, image, names),
    ]


def _right(answers: ArmAnswers, image: int, names: Sequence[str]) -> str:
    given, true = answers.given[:, image], answers.true[image]
    wrong = given[given != true]
    text = f"{int((given == true).sum())} of {len(given)}"
    if len(wrong):
        values, counts = np.unique(wrong, return_counts=True)
        text += f"; {_name(names, int(values[counts.argmax()]))}"
    return text


def _name(names: Sequence[str], index: int) -> str:
    return "no number" if index < 0 else names[index] if index < len(names) else str(index)


def _class_names(analysis: Analysis) -> list[str]:
    records = analysis.records
    if "data.class_names" in records:
        named: list[Any] = list(records["data.class_names"].dropna())
        if named:
            return [str(each) for each in named[0]]
    count = int(max(records["data.num_classes"].dropna(), default=0)) if "data.num_classes" in records else 0
    return [str(number) for number in range(count)]


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
