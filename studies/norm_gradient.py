"""Must the gradient pass through the statistics of batch norm?

Three gradients of the same net, without γ and β as in the source's example: the full one; one that treats the batch's
mean as a constant; one that treats mean and variance as constants. The layers before the norms have biases, which the
mean subtracts again. Each is trained at four learning rates: biases and losses are compared at the same rate,
accuracies at the best rate of each gradient on the validation split. quick: three layers of 50 ReLUs on scikit-learn's
digits. paper: three of 100 on MNIST; the source mentions initial experiments without naming their network.
"""

import math

from litmus import (
    ArmResult,
    Claim,
    Levels,
    OverTraining,
    Study,
    exceeds,
    logarithm,
    more,
    probed,
)


def hidden(layer: str) -> bool:
    """Return whether a norm follows the layer."""
    return layer != "classifier"


BIAS, USUAL_BIAS = (probed("bias_norm", hidden, at=at) for at in ("last", "median"))
LOSS = logarithm("fit_loss")
RATE = 0.03


def network(gradient: str, rate: float = RATE) -> Levels:
    return {"norm.gradient": gradient, "optim.lr": rate}


FULL, MEAN, BOTH = (network(gradient) for gradient in ("full", "mean_stopped", "stopped"))


def growth(result: ArmResult, seed: int) -> float:
    """Return the factor by which the biases at the end exceed their median over the run, NaN where that is zero."""
    usual = USUAL_BIAS(result, seed)
    return BIAS(result, seed) / usual if usual else math.nan


late_growth = logarithm(growth)


study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "mlp", "model.width": 50, "model.norm": "batch", "model.activation": "relu",
        "norm.scale": False, "norm.shift": False,
        "data.name": "digits", "data.batch_size": 64,
        "trainer.epochs": 20, "trainer.probe_every_n_steps": 20,
    },
    factors={"norm.gradient": ["full", "mean_stopped", "stopped"], "optim.lr": [0.01, RATE, 0.1, 0.3]},
    baseline=FULL,
    seeds=6,
    presets={
        "paper": {
            "model.width": 100, "data.name": "mnist", "data.validation": 1 / 6, "data.batch_size": 60,
            "trainer.epochs": 20, "trainer.probe_every_n_steps": 200,
        }
    },
    limits={
        "quick": "360 test images: a difference of a point at each gradient's best rate does not stand out."
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
              more(BIAS, MEAN, than=FULL), "section 2", primary=True, answers="yes"),
        Claim("They go on growing: at the end they exceed their median over the run by a quarter.",
              exceeds(late_growth, MEAN), "section 2", threshold=0.097,  # log10(1.25)
              paper="b will grow indefinitely"),
        Claim("Meanwhile the loss falls less than with the full gradient.",
              more(LOSS, MEAN, than=FULL), "section 2", paper="b grows while the loss remains fixed",
              primary=True, answers="yes"),
        Claim("So it does where both statistics are constants.",
              more(LOSS, BOTH, than=FULL), "section 2"),
        Claim("Each at its best rate, the net is less accurate with constants.",
              more("test_top1", {"norm.gradient": "full"}, than={"norm.gradient": "stopped"}), "section 2",
              paper="the model blows up"),
        Claim("It is worse where the normalisation scales and not only centres: the loss is higher.",
              more(LOSS, BOTH, than=MEAN), "section 2"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
