"""Do dense connections give more accuracy for the same parameters?

DenseNet of 22 layers; without dense connections a layer sees the one before it alone. At growth 12 such a network has
the parameters of the dense one at growth 6 (85,618 and 79,906 on digits). quick: scikit-learn's digits. paper: 40
layers, growth 12 and its equal on CIFAR-10, 300 epochs.
"""

from studies.design import Claim, Scatter, Study, more

study = Study(
    source="Huang et al. 2016, Densely Connected Convolutional Networks (arXiv 1608.06993)",
    base={
        "model.name": "densenet_cifar", "model.depth": 22,
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 6,
    },
    factors=["model.dense", "model.growth_rate"],
    arms={
        "dense, growth 6": {"model.dense": True, "model.growth_rate": 6},
        "not dense, growth 6": {"model.dense": False, "model.growth_rate": 6},
        "not dense, growth 12": {"model.dense": False, "model.growth_rate": 12},
    },
    baseline="not dense, growth 12",
    seeds=6,
    presets={
        "paper": {
            "model.depth": 40, "data.name": "cifar10", "data.augment": "cifar",
            "optim.lr": 0.1, "optim.weight_decay": 1e-4, "optim.nesterov": True, "optim.schedule": "multistep",
            "trainer.epochs": 300,
        }
    },
    limits={"quick": "Digits leave all three arms within two points of the ceiling."},
    plots=[Scatter("parameters", "Test accuracy against parameters")],
    claims=[
        Claim("At equal parameters the dense network is more accurate.",
              more("test_top1", "dense, growth 6", than="not dense, growth 12"), "section 4.3",
              paper="DenseNet 40, k = 12: 5.24 % error with 1.0 M parameters; ResNet-110: 6.41 % with 1.7 M"),
        Claim("At equal growth it is, too.",
              more("test_top1", "dense, growth 6", than="not dense, growth 6"), "section 3"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
