"""Do dense connections give more accuracy for the same parameters?

DenseNet of 40 layers. Without dense connections a layer sees only the one before it; at growth 18 such a network has
the parameters of the dense one at growth 8, to a thousandth (475,858 and 476,122 on CIFAR-10; no growth matches the
paper's 12). quick: scikit-learn's digits, where each tunes its learning rate. paper: CIFAR-10, 300 epochs.
"""

from litmus import Claim, Scatter, Study, more

study = Study(
    source="Huang et al. 2016, Densely Connected Convolutional Networks (arXiv 1608.06993)",
    base={
        "model.name": "densenet_cifar", "model.depth": 40,
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 4,
    },
    factors=["model.dense", "model.growth_rate"],
    arms={
        "dense, growth 8": {"model.dense": True, "model.growth_rate": 8},
        "not dense, growth 8": {"model.dense": False, "model.growth_rate": 8},
        "not dense, growth 18": {"model.dense": False, "model.growth_rate": 18},
    },
    baseline="not dense, growth 18",
    seeds=4,
    tune={"optim.lr": [0.05, 0.2]},
    presets={
        "paper": {
            "data.name": "cifar10", "data.augment": "cifar",
            "optim.lr": 0.1, "optim.weight_decay": 1e-4, "optim.nesterov": True, "optim.schedule": "multistep",
            "trainer.epochs": 300,
        }
    },
    limits={
        "quick": "Four epochs of digits show who learns faster; the paper's networks are trained to their end.",
        "paper": "Growth 8 in place of the paper's 12.",
    },
    plots=[Scatter("parameters", "Test accuracy against parameters")],
    claims=[
        Claim("At equal parameters the dense network is more accurate.",
              more("test_top1", "dense, growth 8", than="not dense, growth 18"), "section 4.3",
              paper="DenseNet 40, k = 12: 5.24 % error with 1.0 M parameters; ResNet-110: 6.41 % with 1.7 M",
              primary=True, answers="yes"),
        Claim("At equal growth it is, too.",
              more("test_top1", "dense, growth 8", than="not dense, growth 8"), "section 3"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
