"""Ensembles of a study's runs, from the logits that the probe `logits` left: no run is repeated for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studies.evidence.estimate import Effect, effect_of
from studies.evidence.results import Analysis, ArmResult
from studies.records.run_record import RunRecord


@dataclass(frozen=True)
class Member:
    """One run's class probabilities [N, classes] on the test split, and its accuracy on the validation split."""

    seed: int
    probabilities: NDArray[np.float64]
    labels: NDArray[np.int64]
    validation_accuracy: float

    @property
    def right(self) -> NDArray[np.float64]:
        """1 for each test image that the run gets right, else 0."""
        return (self.probabilities.argmax(1) == self.labels).astype(float)


def members(analysis: Analysis, result: ArmResult) -> list[Member]:
    """Return the finished runs of an arm that left logits, by seed."""
    # SciPy takes most of a second to import, which commands that only read what studies there are need not wait for.
    from scipy.special import softmax

    found = []
    for seed in result.seeds("finished"):
        path = RunRecord(analysis.directory / result.arm.runs[seed]).logits_file
        if path.exists():
            with np.load(path, allow_pickle=False) as arrays:
                probabilities = softmax(arrays["test_logits"].astype(float), axis=1)
                validated = (arrays["val_logits"].argmax(1) == arrays["val_labels"]).mean()
                found.append(Member(seed, probabilities, arrays["test_labels"], float(validated)))
    return found


def ensemble_right(runs: Sequence[Member]) -> NDArray[np.float64]:
    """Return 1 for each test image that the mean of the runs' probabilities gets right, else 0."""
    mean = np.mean([run.probabilities for run in runs], axis=0)
    return (mean.argmax(1) == runs[0].labels).astype(float)


def gain_over_best(runs: Sequence[Member]) -> Effect:
    """Return the ensemble's test accuracy minus that of the run that is best on the validation split.

    The interval is over the test images, paired: it speaks of these networks on other images, not of other seeds, of
    which an ensemble of all leaves none.
    """
    best = max(runs, key=lambda run: (run.validation_accuracy, -run.seed))
    return effect_of([float(each) for each in ensemble_right(runs) - best.right])


def accuracy_by_size(runs: Sequence[Member]) -> list[tuple[int, float]]:
    """Return the accuracy of ensembles of the first 1, 2, ... runs, averaged over the runs' rotations."""
    sizes = range(1, len(runs) + 1)
    return [
        (size, float(np.mean([ensemble_right(_rotated(runs, i)[:size]).mean() for i in range(len(runs))])))
        for size in sizes
    ]


def _rotated(runs: Sequence[Member], by: int) -> list[Member]:
    return [*runs[by:], *runs[:by]]
