"""How much does an ensemble of seeds gain, with batch norm and without? (norm; 1 … K seeds)"""

import plotly.graph_objects as go

from studies.design.study import Plot, Study, register
from studies.evidence.claim_tests import choose
from studies.evidence.claims import Claim, Finding, Test, judge
from studies.evidence.ensemble import accuracy_by_size, gain_over_best, members
from studies.evidence.results import Analysis
from studies.evidence.units import POINTS
from studies.report import figures

IOFFE = "Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167), section 4.2.3"
KRIZHEVSKY = "Krizhevsky et al. 2012, table 2"


def ensemble_gains(norm: str) -> Test:
    """Test whether the ensemble of all seeds beats the seed that is best on the validation split."""

    def test(analysis: Analysis, threshold: float) -> Finding:
        result = choose(analysis, {"model.norm": norm})
        runs = members(analysis, result) if result is not None else []
        # A diverged run that guessed would move neither the ensemble's answers nor the best run's.
        if result is None or len(runs) < max(2, result.count("finished")) or result.missing:
            return Finding("inconclusive", "Fewer than two finished runs with logits, or runs are missing.")
        gain = gain_over_best(runs)
        evidence = f"{len(runs)} seeds against their best: {POINTS.difference(gain)} over {gain.n} test images."
        return Finding(judge(gain, threshold), evidence, gain)

    return test


def by_size(analysis: Analysis) -> go.Figure | None:
    """Draw test accuracy over the number of seeds in the ensemble."""
    figure = go.Figure()
    for result, (colour, dash) in zip(analysis.arms, figures.styles(analysis), strict=True):
        sizes = accuracy_by_size(members(analysis, result))
        if sizes:
            figure.add_scatter(
                x=[size for size, _ in sizes],
                y=[100 * accuracy for _, accuracy in sizes],
                mode="lines+markers",
                name=result.label,
                line={"color": colour, "dash": dash},
            )
    figure.update_layout(**figures.LAYOUT, xaxis_title="seeds in the ensemble", yaxis_title="test accuracy, %")
    return figure if figure.data else None


study = register(
    Study(
        name="ensembling",
        question="How much more accurate is an ensemble of seeds than the best single one?",
        protocol=(
            "The class probabilities of K seeds are averaged. The single run is the one that is best on the validation "
            "split. quick: a small AlexNet on drawn shapes, K = 8. paper: ResNet-20 on CIFAR-10."
        ),
        base={
            "model.name": "alexnet_cifar",
            "model.width": 0.25,
            "model.dense_units": 128,
            "model.dropout": 0.0,
            "data.name": "shapes",
            "data.num_classes": 6,
            "data.train_images": 800,
            "data.batch_size": 50,
            "optim.lr": 0.005,
            "trainer.epochs": 12,
        },
        factors={"model.norm": ["none", "batch"]},
        baseline={"model.norm": "none"},
        seeds=8,
        presets={
            "paper": {
                "model.name": "resnet20",
                "data.name": "cifar10",
                "data.batch_size": 128,
                "data.augment": "cifar",
                "optim.lr": 0.1,
                "optim.weight_decay": 1e-4,
                "optim.schedule": "multistep",
                "trainer.epochs": 182,
            }
        },
        probes=("logits",),
        plots=(Plot("Accuracy over the size of the ensemble", "The mean over rotations of the seeds.", by_size),),
        claims=(
            Claim(
                "An ensemble of networks with batch norm beats the best of them.",
                IOFFE,
                ensemble_gains("batch"),
                paper="6 networks: 4.9 % top-5 error against 5.82 % of one",
            ),
            Claim(
                "An ensemble of networks without batch norm beats the best of them.",
                KRIZHEVSKY,
                ensemble_gains("none"),
                paper="5 networks: 16.4 % top-5 error against 18.2 % of one",
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
