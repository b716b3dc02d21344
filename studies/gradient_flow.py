"""By which factor does the gradient change from layer to layer? (plain / batch norm / residual × depth)"""

import math

from studies.design.study import Study, register
from studies.evidence.claim_tests import exceeds, more, near
from studies.evidence.claims import Claim
from studies.evidence.measures import probed
from studies.evidence.results import ArmResult
from studies.evidence.units import Unit
from studies.report import plots

LECTURE = "a lecture's rule of thumb: at 0.9 a layer, the first of n layers sees 0.9ⁿ of the gradient"
HE = "He et al. 2015, Deep Residual Learning (arXiv 1512.03385), section 4.1"
VEIT = "Veit et al. 2016, Residual Networks Behave Like Ensembles (arXiv 1605.06431), section 4.3"
FACTOR = Unit("a layer", "a layer", decimals=3)
DECADES = Unit("decades", "decades", decimals=2)
INITIAL = probed("decay_factor", at="first")
TRAINED = probed("decay_factor", at="median")
SHALLOW, DEEP = 20, 56


def distance_from_one(result: ArmResult, seed: int) -> float:
    """Return |log10| of the initial factor a layer: how far the gradient is from passing unchanged."""
    return abs(math.log10(INITIAL(result, seed)))


def arm(kind: str, depth: int) -> str:
    """Return the label of an arm."""
    return f"{kind}, {depth} layers"


KINDS = {
    "plain": {"model.norm": "none", "model.residual": False},
    "batch norm": {"model.norm": "batch", "model.residual": False},
    "residual": {"model.norm": "none", "model.residual": True},
    "residual + batch norm": {"model.norm": "batch", "model.residual": True},
}

study = register(
    Study(
        name="gradient_flow",
        question="By which factor does the gradient shrink or grow from a layer to the one before it?",
        protocol=(
            "Networks of 6n+2 layers with and without batch norm and shortcuts, He et al.'s initialisation. The factor "
            "is the slope of log RMS of the loss's gradient at the layers' outputs over the layers. quick: a quarter "
            "of the width on scikit-learn's digits. paper: CIFAR-10, the protocol of He et al. 2015."
        ),
        base={
            "model.name": "resnet_cifar",
            "model.width": 4,
            "data.name": "digits",
            "data.batch_size": 128,
            "optim.lr": 0.02,
            "trainer.epochs": 6,
            "trainer.probe_every_n_steps": 10,
        },
        factors=("model.norm", "model.residual", "model.depth"),
        arms={
            arm(kind, depth): {**levels, "model.depth": depth}
            for kind, levels in KINDS.items()
            for depth in (8, 20, 56)
        },
        baseline=arm("plain", SHALLOW),
        seeds=3,
        presets={
            "paper": {
                "model.width": 16,
                "data.name": "cifar10",
                "data.augment": "cifar",
                "optim.lr": 0.1,
                "optim.weight_decay": 1e-4,
                "optim.schedule": "multistep",
                "trainer.epochs": 182,
                "trainer.probe_every_n_steps": 1000,
            }
        },
        probes=("gradient_norms",),
        measures={"initial factor a layer": INITIAL, "median factor a layer": TRAINED},
        plots=(
            plots.by_layer("output_gradient_rms", "Gradient at the layers' outputs, before training", at="first"),
            plots.over_training("decay_factor", "Factor a layer while training"),
        ),
        claims=(
            Claim(
                "In a deep plain network the initial factor a layer is within 0.05 of 0.9.",
                LECTURE,
                near(INITIAL, arm("plain", DEEP), 0.9, FACTOR),
                threshold=0.05,
                paper="0.9",
            ),
            Claim(
                "With batch norm a plain network's initial gradients do not vanish: the factor exceeds 0.9.",
                HE,
                exceeds(INITIAL, arm("batch norm", DEEP), FACTOR),
                threshold=0.9,
            ),
            Claim(
                "Without shortcuts, batch norm makes initial gradients grow towards the first layers.",
                "Yang et al. 2019, A Mean Field Theory of Batch Normalization (arXiv 1902.08129)",
                exceeds(INITIAL, arm("batch norm", DEEP), FACTOR),
                threshold=1.0,
                paper="√(π/(π−1)) = 1.21 a layer, for wide ReLU networks",
            ),
            Claim(
                "With shortcuts and batch norm the initial factor is nearer to 1 than with batch norm alone.",
                VEIT,
                more(distance_from_one, arm("batch norm", DEEP), arm("residual + batch norm", DEEP), DECADES),
            ),
            Claim(
                "That shows in training: at 56 layers shortcuts lower the training error.",
                HE,
                more("train_top1", arm("residual + batch norm", DEEP), arm("batch norm", DEEP)),
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
