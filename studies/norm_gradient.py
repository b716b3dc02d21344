"""Must the gradient pass through the statistics of batch norm?

Three gradients of the same net: the full one; one that takes the batch's mean for a constant; one that takes mean and
variance for constants. Each with γ and β behind the normalisation, and, as in the source's example, without; each tunes
its learning rate. The layers before the norms have biases, which the mean takes out again. quick: three layers of 50
ReLUs on scikit-learn's digits. paper: three of 100 on MNIST; the source tells of initial experiments without naming
their network.
"""

import math

from studies.design import (
    DECADES,
    ArmResult,
    Claim,
    Levels,
    OverTraining,
    Study,
    exceeds,
    logarithm,
    measure,
    more,
    probed,
)

GRADIENTS = {"full": "full", "mean constant": "mean_stopped", "both constant": "stopped"}


def hidden(layer: str) -> bool:
    """Return whether a norm follows the layer."""
    return layer != "classifier"


BIAS, USUAL_BIAS = (probed("bias_norm", hidden, at=at) for at in ("last", "median"))
LOSS = logarithm("fit_loss")
FULL, MEAN, BOTH = (f"{gradient}, no γ and β" for gradient in GRADIENTS)


def network(gradient: str, affine: bool) -> Levels:
    return {"norm.gradient": GRADIENTS[gradient], "norm.scale": affine, "norm.shift": affine}


@measure(DECADES)
def late_growth(result: ArmResult, seed: int) -> float:
    """Return log10 of the factor by which the biases at the end exceed their median over the run."""
    return math.log10(BIAS(result, seed) / USUAL_BIAS(result, seed))


study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "mlp", "model.width": 50, "model.norm": "batch", "model.activation": "relu",
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.03, "trainer.epochs": 20, "trainer.probe_every_n_steps": 20,
    },
    factors=["norm.gradient", "norm.scale", "norm.shift"],
    arms={
        f"{gradient}, {'γ and β' if affine else 'no γ and β'}": network(gradient, affine)
        for affine in (False, True) for gradient in GRADIENTS
    },
    baseline=FULL,
    seeds=8,
    tune={"optim.lr": [0.003, 0.01, 0.03, 0.1, 0.3]},
    presets={
        "paper": {
            "model.width": 100, "data.name": "mnist", "data.validation": 1 / 6, "data.batch_size": 60,
            "trainer.epochs": 20, "trainer.probe_every_n_steps": 200,
        }
    },
    probes=["parameter_norms"],
    measures={
        "norm of the biases before the norms at the end": BIAS,
        "log10 of its ratio to the run's median": late_growth,
        "log10 of the training loss": LOSS,
    },
    plots=[OverTraining("bias_norm", "Biases before the norms", hidden)],
    claims=[
        Claim("Where the gradient takes the mean for a constant, biases grow that the full gradient leaves alone.",
              more(BIAS, MEAN, than=FULL), "section 2"),
        Claim("They go on growing: at the end they exceed their median over the run by a quarter.",
              exceeds(late_growth, MEAN), "section 2", threshold=0.097,  # log10(1.25)
              paper="b will grow indefinitely"),
        Claim("Meanwhile the loss falls less than with the full gradient.",
              more(LOSS, MEAN, than=FULL), "section 2"),
        Claim("So it does where both statistics are constants.",
              more(LOSS, BOTH, than=FULL), "section 2"),
        Claim("With constants the net is less accurate: by more than a point.",
              more("test_top1", FULL, than=BOTH), "section 2", threshold=0.01,
              paper="the model blows up"),
        Claim("It is worse where the normalisation scales and not only centres: the loss is higher.",
              more(LOSS, BOTH, than=MEAN), "section 2"),
        Claim("With a β behind the norm, whose gradient the bias's is proportional to, the biases grow less.",
              more(BIAS, BOTH, than="both constant, γ and β"),
              source="follows from the gradient: ∂L/∂b = γ/σ ∂L/∂β, which training makes vanish"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
