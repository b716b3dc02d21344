"""`answers.npz`: what a run answered to each test image, in the order of their numbers in the test set."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from litmus.records.run_record import RunRecord
from litmus.records.storage import write_atomically

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """A run's answers to the test images: which are right, or, where pixels are labelled, how many of each class are.

    Args:
        right: of a classification, bool [N].
        given, true: of a classification, the class that the network gives each image, −1 for none, and the image's own,
            int [N] each; None in the record of an earlier version.
        shared, predicted, labelled: of a segmentation, the pixels of each image and class that are both, that the
            network gives it, and that it has, int [N, C] each.
    """

    right: NDArray[np.bool_] | None = None
    shared: Counts | None = None
    predicted: Counts | None = None
    labelled: Counts | None = None
    given: Counts | None = None
    true: Counts | None = None

    def __len__(self) -> int:
        kept = self.right if self.right is not None else self.shared
        return 0 if kept is None else len(kept)

    def has(self, metric: str) -> bool:
        """Whether an image has a score in the metric of this name."""
        return metric == "top1" if self.right is not None else metric in ("iou", "dice", "pixel_accuracy")

    def scores(self, metric: str) -> NDArray[np.float64]:
        """Return each image's score, float [N], whose mean is the run's `metric` on the test set.

        Of a ratio of sums over all images, as IoU is, the score is the ratio plus the image's influence on it, to first
        order: that is what the variance over images is computed from (the delta method).
        """
        if self.right is not None:
            return self.right.astype(float)
        assert self.shared is not None
        assert self.predicted is not None
        assert self.labelled is not None
        sizes = self.predicted + self.labelled
        if metric == "pixel_accuracy":
            return _ratio_scores(self.shared.sum(1, keepdims=True), self.labelled.sum(1, keepdims=True))
        if metric == "dice":
            return _ratio_scores(2 * self.shared, sizes)
        return _ratio_scores(self.shared, sizes - self.shared)


def of_classes(given: Counts, true: Counts) -> Answers:
    """Return the answers of a classification from the predicted classes and the labels, int [N] each."""
    return Answers(right=given == true, given=given, true=true)


def _ratio_scores(above: Counts, below: Counts) -> NDArray[np.float64]:
    """Return the scores of the mean over the columns of Σ above / Σ below; a column without anything says nothing."""
    there = below.sum(0) > 0
    above, below = above[:, there].astype(float), below[:, there].astype(float)
    ratio = above.sum(0) / below.sum(0)
    scores: NDArray[np.float64] = (ratio + len(above) * (above - ratio * below) / below.sum(0)).mean(1)
    return scores


def write_answers(record: RunRecord, answers: Answers) -> None:
    """Write a run's answers: of each image a bit and two classes, or its counts, in as few bytes as hold them."""
    arrays: dict[str, NDArray[Any]] = {}
    if answers.right is not None:
        arrays = {"right": np.packbits(answers.right), "images": np.array(len(answers.right))}
        for name in ("given", "true"):
            classes: Counts | None = getattr(answers, name)
            if classes is not None:
                # From −1 on: a signed type holds it in as few bytes as there are classes.
                arrays[name] = classes.astype(np.min_scalar_type(-1 - int(classes.max(initial=0))))
    else:
        for name in ("shared", "predicted", "labelled"):
            counts: Counts = getattr(answers, name)
            arrays[name] = counts.astype(np.min_scalar_type(int(counts.max(initial=0))))
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_atomically(record.answers_file, content.getvalue())


def read_answers(record: RunRecord) -> Answers | None:
    """Return a run's answers; None where there are none that can be read."""
    try:
        with np.load(record.answers_file, allow_pickle=False) as arrays:
            if "right" in arrays:
                classes = {name: arrays[name].astype(np.int64) for name in ("given", "true") if name in arrays}
                right = np.unpackbits(arrays["right"], count=int(arrays["images"])).astype(bool)
                return Answers(right=right, **classes)
            return Answers(**{name: arrays[name].astype(np.int64) for name in ("shared", "predicted", "labelled")})
    except (OSError, ValueError, KeyError, EOFError):
        return None
