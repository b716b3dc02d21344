"""How much more accurate is an ensemble of seeds than the best single one?

The class probabilities of K seeds are averaged. The single run is the one that is best on the validation split, which
is large enough to tell: 400 images in quick, 5,000 in paper. Networks with and without norm each tune their learning
rate. quick: a small AlexNet on drawn shapes, K = 8. paper: ResNet-20 on CIFAR-10.
"""

import plotly.graph_objects as go

from litmus import POINTS, Claim, Plot, Study
from litmus.design.protocols import CIFAR_STEPWISE
from litmus.evidence.claim_tests import judged_finding
from litmus.evidence.claims import Finding, Test, judge
from litmus.evidence.measures import accuracy_by_size, gain_over_best, members
from litmus.evidence.results import Analysis
from litmus.report.figures.figure import LAYOUT, styles

KRIZHEVSKY = "Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks"


def ensemble_gains(norm: str) -> Test:
    """Test whether the ensemble of all seeds beats the seed that is best on the validation split."""

    def test(analysis: Analysis, threshold: float) -> Finding:
        result = next(iter(analysis.at({"model.norm": norm})), None)
        runs = members(analysis, result) if result is not None else []
        # A diverged run that guessed would move neither the ensemble's answers nor the best run's.
        if result is None or len(runs) < max(2, result.count("finished")) or result.missing:
            return Finding("inconclusive", "Fewer than two finished runs with logits, or runs are missing.")
        gain = gain_over_best(runs)
        evidence = f"{len(runs)} seeds against their best: {POINTS.difference(gain)} over {gain.n} test images."
        return judged_finding(gain, lambda each: judge(each, threshold), evidence)

    return test


def by_size(analysis: Analysis) -> go.Figure | None:
    """Draw test accuracy over the number of seeds in the ensemble."""
    figure = go.Figure()
    for result, (colour, dash) in zip(analysis.arms, styles(analysis), strict=True):
        if sizes := accuracy_by_size(members(analysis, result)):
            counts, accuracies = zip(*sizes, strict=True)
            figure.add_scatter(
                x=counts, y=[100 * accuracy for accuracy in accuracies],
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
    presets={"paper": {**CIFAR_STEPWISE, "model.name": "resnet20", "data.validation": 0.1}},
    probes=["logits"],
    plots=[Plot("Accuracy over the size of the ensemble", "The mean over rotations of the seeds.", by_size)],
    claims=[
        Claim("An ensemble of networks with batch norm beats the best of them.",
              ensemble_gains("batch"), "section 4.2.3",
              paper="6 networks: 4.9 % top-5 error against 5.82 % of one"),
        Claim("An ensemble of networks without batch norm beats the best of them.",
              ensemble_gains("none"), "table 2", source=KRIZHEVSKY,
              paper="5 networks: 16.4 % top-5 error against 18.2 % of one"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
