"""How far off may the scale of the initial weights be, with batch norm and without?

Every initial weight but the classifier's is multiplied by the gain; 1 is He et al.'s initialisation. With norm the
gain changes only the effective learning rate, which it divides by its square; therefore each arm tunes its learning
rate, over the same four decades. quick: a plain network of 8 layers on scikit-learn's digits. paper: a plain network
of 20 layers on CIFAR-10.
"""

from litmus import (
    ArmResult,
    Claim,
    Levels,
    Study,
    Unit,
    alike,
    exceeds,
    interaction,
    logarithm,
    measure,
    probed,
)

SPREAD = logarithm(probed("sd", layer=-1, at="first"))


@measure(Unit("decades", "decades", decimals=2))
def decades_below_one(result: ArmResult, seed: int) -> float:
    """Return −log10 of the standard deviation of the last activation's input before training."""
    return -SPREAD(result, seed)


def unnormalised(gain: float) -> Levels:
    return {"model.norm": "none", "init.gain": gain}


def batch_norm(gain: float) -> Levels:
    return {"model.norm": "batch", "init.gain": gain}


study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "resnet_cifar", "model.residual": False, "model.depth": 8, "model.width": 8,
        "init.scaled": "hidden",
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.03, "trainer.epochs": 8,
    },
    factors={"model.norm": ["none", "batch"], "init.gain": [0.1, 1.0, 10.0]},
    baseline=unnormalised(1.0),
    seeds=5,
    tune={"optim.lr": [0.0003, 0.003, 0.03, 0.3, 3.0]},
    presets={
        "paper": {
            "tune": {"optim.lr": [0.0003, 0.003, 0.03, 0.3, 3.0]},
            "model.depth": 20, "model.width": 16,
            "data.name": "cifar10", "data.batch_size": 128, "data.augment": "cifar",
            "optim.weight_decay": 1e-4, "trainer.epochs": 60,
        }
    },
    probes=["activations"],
    measures={"log10 of the last activation's initial input": SPREAD},
    claims=[
        Claim("Weights ten times too small cost less with batch norm, each at its own rate.",
              interaction("test_top1", of=(batch_norm(0.1), batch_norm(1.0)),
                          than=(unnormalised(0.1), unnormalised(1.0))), "section 3.3", primary=True),
        Claim("Weights ten times too large cost less with batch norm, each at its own rate.",
              interaction("test_top1", of=(batch_norm(10.0), batch_norm(1.0)),
                          than=(unnormalised(10.0), unnormalised(1.0))), "section 3.3", primary=True),
        Claim("BN(aWu) = BN(Wu): the scale of the weights does not reach the activations (a = 10).",
              alike(SPREAD, batch_norm(10.0), batch_norm(1.0)), "section 3.3", threshold=0.01,
              paper="exact, but for the ε in the denominator", check=True),
        # Of one arm: the difference of two is the same in every seed, a power of ten, and has no interval.
        Claim("Without batch norm it does: weights ten times too small leave the last activation an input below 0.001.",
              exceeds(decades_below_one, unnormalised(0.1)), "section 3.3", threshold=3.0),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
