"""How much more accurate is an ensemble of seeds than the best single one?

The class probabilities of K seeds are averaged. The single run is the best one on the validation split, which has 400
images in quick and 5,000 in paper, enough for the choice. Networks with and without norm each tune their learning
rate. quick: a small AlexNet on drawn shapes, K = 8. paper: ResNet-20 on CIFAR-10.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.special import softmax

from litmus import POINTS, Claim, Plot, Study
from litmus.design.protocols import CIFAR_STEPWISE
from litmus.evidence.claims import Finding, Test, finding_of
from litmus.evidence.estimate import effect_of
from litmus.evidence.results import Analysis, ArmResult
from litmus.records.run_record import RunRecord
from litmus.report.figures.figure import LAYOUT, styles

KRIZHEVSKY = "Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks"


@dataclass(frozen=True)
class Member:
    """One run's class probabilities [N, classes] on the test split, and its accuracy on the validation split."""

    probabilities: NDArray[np.float64]
    labels: NDArray[np.int64]
    validation_accuracy: float


def members(analysis: Analysis, result: ArmResult) -> list[Member]:
    """Return the finished runs of an arm that left logits, by seed."""
    found = []
    for seed in result.seeds("finished"):
        path = RunRecord(analysis.directory / result.arm.runs[seed]).logits_file
        if path.exists():
            with np.load(path, allow_pickle=False) as arrays:
                probabilities = softmax(arrays["test_logits"].astype(float), axis=1)
                validated = (arrays["val_logits"].argmax(1) == arrays["val_labels"]).mean()
                found.append(Member(probabilities, arrays["test_labels"], float(validated)))
    return found


def right(runs: Sequence[Member]) -> NDArray[np.float64]:
    """Return 1 for each test image that the mean of the runs' probabilities gets right, else 0."""
    mean = np.mean([run.probabilities for run in runs], axis=0)
    return (mean.argmax(1) == runs[0].labels).astype(float)


def ensemble_gains(norm: str) -> Test:
    """Test whether the ensemble of all seeds beats the seed that is best on the validation split.

    The interval is over the test images, paired: it speaks of these networks on other images, not of other seeds, of
    which an ensemble of all leaves none.
    """

    def test(analysis: Analysis, threshold: float) -> Finding:
        result = next(iter(analysis.at({"model.norm": norm})), None)
        runs = members(analysis, result) if result is not None else []
        # A diverged run that guessed would move neither the ensemble's answers nor the best run's.
        if result is None or len(runs) < max(2, result.count("finished")) or result.missing:
            return Finding("inconclusive", "Fewer than two finished runs with logits, or runs are missing.")
        best = max(runs, key=lambda run: run.validation_accuracy)
        gain = effect_of([float(each) for each in right(runs) - right([best])])
        evidence = f"{len(runs)} seeds against their best: {POINTS.difference(gain)} over {gain.n} test images."
        return finding_of(gain, (threshold, math.inf), evidence)

    return test


def by_size(analysis: Analysis) -> go.Figure | None:
    """Draw the test accuracy of ensembles of the first 1, 2, ... runs, the mean over the runs' rotations."""
    figure = go.Figure()
    for result, (colour, dash) in zip(analysis.arms, styles(analysis), strict=True):
        runs = members(analysis, result)
        rotations = [[*runs[first:], *runs[:first]] for first in range(len(runs))]
        sizes = range(1, len(runs) + 1)
        if runs:
            figure.add_scatter(
                x=list(sizes), y=[100 * np.mean([right(each[:size]).mean() for each in rotations]) for size in sizes],
                mode="lines+markers", name=result.label, line={"color": colour, "dash": dash},
            )  # fmt: skip
    figure.update_layout(**LAYOUT, xaxis_title="seeds in the ensemble", yaxis_title="test accuracy, %")
    return figure if figure.data else None


study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "alexnet_cifar", "model.width": 0.25, "model.dense_units": 128, "model.dropout": 0.0,
        "data.name": "shapes", "data.num_classes": 6, "data.train_images": 1120, "data.batch_size": 50,
        "data.validation": 400 / 1120,
        "optim.lr": 0.005, "trainer.epochs": 12,
    },
    factors={"model.norm": ["none", "batch"]},
    baseline={"model.norm": "none"},
    seeds=8,
    tune={"optim.lr": [0.005, 0.02, 0.08]},
    presets={"paper": {"tune": {"optim.lr": [0.01, 0.1]}, **CIFAR_STEPWISE, "model.name": "resnet20"}},
    probes=["logits"],
    plots=[Plot("Accuracy over the size of the ensemble", "The mean over rotations of the seeds.", by_size)],
    claims=[
        Claim("An ensemble of networks with batch norm beats the best of them.",
              ensemble_gains("batch"), "section 4.2.3",
              paper="6 networks: 4.9 % top-5 error against 5.82 % of one", primary=True),
        Claim("An ensemble of networks without batch norm beats the best of them.",
              ensemble_gains("none"), "table 2", source=KRIZHEVSKY,
              paper="5 networks: 16.4 % top-5 error against 18.2 % of one", primary=True),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
