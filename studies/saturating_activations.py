"""Does batch norm let deep networks train with sigmoid and tanh?

Fully connected nets of 100 units a layer, Glorot & Bengio's initialisation, SGD with momentum 0.9. quick:
scikit-learn's digits. paper: MNIST. The paper's case is Inception with sigmoids on ImageNet.
"""

from litmus import Claim, Levels, Study, interaction, more, probed

DEEP, SHALLOW = 8, 2


def network(activation: str, norm: str, depth: int = DEEP) -> Levels:
    return {"model.activation": activation, "model.norm": norm, "model.depth": depth}


def with_and_without(activation: str, depth: int = DEEP) -> tuple[Levels, Levels]:
    return network(activation, "batch", depth), network(activation, "none", depth)


study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "mlp", "init.scheme": "xavier_normal",
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.03, "trainer.epochs": 20,
    },
    factors={
        "model.activation": ["relu", "tanh", "sigmoid"],
        "model.norm": ["none", "batch"],
        "model.depth": [SHALLOW, DEEP],
    },
    baseline=network("relu", "none", SHALLOW),
    seeds=5,
    presets={"paper": {"data.name": "mnist", "data.validation": 1 / 6, "trainer.epochs": 30}},
    probes=["activations"],
    measures={"saturated units": probed("saturated_fraction"), "dead units": probed("dead_fraction", at="last")},
    claims=[
        Claim("A deep sigmoid net trains with batch norm and not without it: more than 20 points lie between.",
              more("test_top1", network("sigmoid", "batch"), than=network("sigmoid", "none")), "section 4.2.2",
              threshold=0.2, paper="Inception with sigmoids: 69.8 % with, at chance (0.1 %) without", primary=True,
              answers="yes"),
        Claim("A deep tanh net is more accurate with batch norm.",
              more("test_top1", network("tanh", "batch"), than=network("tanh", "none")),
              "section 1, of saturating nonlinearities", primary=True, answers="yes"),
        Claim("Batch norm matters more to sigmoid than to ReLU nets.",
              interaction("test_top1", of=with_and_without("sigmoid"), than=with_and_without("relu")), "section 1"),
        Claim("Batch norm matters more the deeper the sigmoid net is.",
              interaction("test_top1", of=with_and_without("sigmoid"), than=with_and_without("sigmoid", SHALLOW)),
              "section 1"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
