"""`answers.npz`: what a run answered to each test image, in the order of their numbers in the test set."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from litmus.records.run_record import RunRecord
from litmus.records.storage import write_atomically

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """A run's answers to the test images: the class of each, or, where pixels are labelled, how many are of each class.

    Args:
        given, true: of a classification, the class that the network gives each image, −1 for none, and the image's
            label, int [N] each.
        shared, predicted, labelled: of a segmentation, the pixels of each image and class that are both, that the
            network gives it, and that it has, int [N, C] each.
    """

    given: Counts | None = None
    true: Counts | None = None
    shared: Counts | None = None
    predicted: Counts | None = None
    labelled: Counts | None = None

    def __len__(self) -> int:
        kept = self.given if self.given is not None else self.shared
        return 0 if kept is None else len(kept)

    def has(self, metric: str) -> bool:
        """Whether an image has a score in the metric of this name."""
        return metric == "top1" if self.given is not None else metric in ("iou", "dice", "pixel_accuracy")

    def scores(self, metric: str) -> NDArray[np.float64]:
        """Return each image's score, float [N], whose mean is the run's `metric` on the test set.

        Of a ratio of sums over all images, as IoU is, the score is the ratio plus the image's influence on it, to first
        order: that is what the variance over images is computed from (the delta method).
        """
        if self.given is not None:
            return np.asarray(self.given == self.true, dtype=float)
        assert self.shared is not None
        assert self.predicted is not None
        assert self.labelled is not None
        sizes = self.predicted + self.labelled
        if metric == "pixel_accuracy":
            return _ratio_scores(self.shared.sum(1, keepdims=True), self.labelled.sum(1, keepdims=True))
        if metric == "dice":
            return _ratio_scores(2 * self.shared, sizes)
        return _ratio_scores(self.shared, sizes - self.shared)


def _ratio_scores(above: Counts, below: Counts) -> NDArray[np.float64]:
    """Return the scores of the mean over the columns of Σ above / Σ below; a column without anything says nothing."""
    there = below.sum(0) > 0
    above, below = above[:, there].astype(float), below[:, there].astype(float)
    ratio = above.sum(0) / below.sum(0)
    scores: NDArray[np.float64] = (ratio + len(above) * (above - ratio * below) / below.sum(0)).mean(1)
    return scores


def write_answers(record: RunRecord, answers: Answers) -> None:
    """Write a run's answers, each array in the smallest signed integers that hold it."""
    arrays = {name: array for name, array in vars(answers).items() if array is not None}
    small = {name: array.astype(np.min_scalar_type(-1 - int(array.max(initial=0)))) for name, array in arrays.items()}
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **small)
    write_atomically(record.answers_file, content.getvalue())


def read_answers(record: RunRecord) -> Answers | None:
    """Return a run's answers; None where there are none that can be read."""
    try:
        with np.load(record.answers_file, allow_pickle=False) as arrays:
            names = ("given", "true") if "given" in arrays else ("shared", "predicted", "labelled")
            return Answers(**{name: arrays[name].astype(np.int64) for name in names})
    except (OSError, ValueError, KeyError, EOFError):
        return None
