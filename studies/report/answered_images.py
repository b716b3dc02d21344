"""What the arms answer to single test images: confusion of classes, and the images that change most between arms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from studies.evidence.results import Analysis, ArmResult
from studies.report.figures.figure import Figure
from studies.report.figures.style import LAYOUT, escaped
from studies.report.tables import Table

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
