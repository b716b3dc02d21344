"""What does batch norm make of the scale of a layer's weights: in the output, in the gradients, in the steps?

BN(aWu) = BN(Wu): every initial weight but the classifier's is multiplied by a, with batch norm and, as a control,
without. Then ∂/∂u is unchanged and ∂/∂(aW) is 1/a of ∂/∂W, so that a step relative to the weights is 1/a² of that at a
= 1. Gradients and steps are those of the first step, of all layers but the classifier together. quick: a plain network
of 8 layers on scikit-learn's digits. paper: one of 20 layers on CIFAR-10. There is no arm with a = 10 without norm,
because it diverges.
"""

import math

from litmus import (
    DECADES,
    ArmResult,
    Claim,
    Levels,
    OverTraining,
    Study,
    alike,
    logarithm,
    measure,
    more,
    probed,
)

VAN_LAARHOVEN = "van Laarhoven 2017, L2 Regularization versus Batch and Weight Normalization (arXiv 1706.05350)"


def hidden(layer: str) -> bool:
    """Return whether the layer's weights are multiplied by a."""
    return layer != "classifier"


BY_INPUT = logarithm(probed("input_gradient_rms", hidden, at="first"))
BY_WEIGHT = logarithm(probed("weight_gradient_norm", hidden, at="first"))
STEP = logarithm(probed("update_ratio", hidden, at="first"))
SIZE = {at: logarithm(probed("weight_norm", hidden, at=at)) for at in ("first", "last")}


def scale(result: ArmResult) -> float:
    """Return log10 a."""
    return math.log10(result.arm.levels["init.gain"])


@measure(DECADES)
def rescaled_gradient(result: ArmResult, seed: int) -> float:
    """Return log10 of a ∂L/∂(aW), which is ∂L/∂W where 1/a holds."""
    return BY_WEIGHT(result, seed) + scale(result)


@measure(DECADES)
def rescaled_step(result: ArmResult, seed: int) -> float:
    """Return log10 of a² times the relative step."""
    return STEP(result, seed) + 2 * scale(result)


@measure(DECADES)
def growth(result: ArmResult, seed: int) -> float:
    """Return log10 of the factor by which the weights grow over the run."""
    return SIZE["last"](result, seed) - SIZE["first"](result, seed)


def batch_norm(a: float) -> Levels:
    return {"model.norm": "batch", "init.gain": a}


def unnormalised(a: float) -> Levels:
    return {"model.norm": "none", "init.gain": a}


study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "resnet_cifar", "model.residual": False, "model.depth": 8, "model.width": 8,
        "init.scaled": "hidden",
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.03, "trainer.epochs": 6, "trainer.probe_every_n_steps": 20,
    },
    factors=["model.norm", "init.gain"],
    arms={
        **{f"batch norm, a = {a:g}": batch_norm(a) for a in (0.1, 1.0, 10.0)},
        **{f"no norm, a = {a:g}": unnormalised(a) for a in (0.1, 1.0)},
    },
    baseline="batch norm, a = 1",
    seeds=6,
    presets={
        "paper": {
            "model.depth": 20, "model.width": 16,
            "data.name": "cifar10", "data.batch_size": 128, "data.augment": "cifar",
            "trainer.epochs": 30, "trainer.probe_every_n_steps": 500,
        }
    },
    probes=["gradient_norms", "parameter_norms", "update_ratio"],
    measures={
        "log10 of the gradient by a layer's input": BY_INPUT,
        "log10 of the gradient by its weights": BY_WEIGHT,
        "log10 of a times that": rescaled_gradient,
        "log10 of the relative step": STEP,
        "log10 of the weights' growth": growth,
    },
    plots=[OverTraining("weight_norm", "Norm of the layers' weights", hidden)],
    claims=[
        # Not a = 10: there all seeds agree to rounding, and no interval can be made of that.
        Claim("With batch norm the gradient by a layer's input does not depend on the scale of the weights (a = 0.1).",
              alike(BY_INPUT, batch_norm(0.1), batch_norm(1.0)), "section 3.3", threshold=0.01,
              paper="exact, but for the ε in the denominator", check=True),
        Claim("The gradient by weights ten times as large is a tenth.",
              alike(rescaled_gradient, batch_norm(10.0), batch_norm(1.0)), "section 3.3", threshold=0.01,
              paper="exact, but for the ε in the denominator", check=True),
        Claim("The gradient by weights a tenth as large is ten times as large.",
              alike(rescaled_gradient, batch_norm(0.1), batch_norm(1.0)), "section 3.3", threshold=0.01,
              paper="exact, but for the ε in the denominator", check=True),
        Claim("Without norm the scale does reach the gradient by a layer's input: by more than a factor of ten.",
              more(BY_INPUT, unnormalised(1.0), than=unnormalised(0.1)), "section 3.3", threshold=1.0, primary=True),
        Claim("A step, relative to the weights, is a hundredth where these are ten times as large.",
              alike(rescaled_step, batch_norm(10.0), batch_norm(1.0)), "abstract: the effective learning rate",
              source=VAN_LAARHOVEN, threshold=0.01, paper="proportional to 1/‖w‖²", check=True),
        Claim("So batch norm steadies the growth of weights: small ones grow by a larger factor.",
              more(growth, batch_norm(0.1), than=batch_norm(1.0)), "section 3.3",
              paper="larger weights lead to smaller gradients", primary=True),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
