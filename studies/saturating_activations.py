"""Does batch norm let deep networks train with sigmoid and tanh?

Fully connected nets of 100 units a layer, Glorot & Bengio's initialisation, SGD with momentum 0.9 at a rate of 0.03;
nets of tanh, which learn at that rate without a norm, at 0.3, and with weight decay as another remedy. A unit is
saturated within 5 % of a limit. quick: scikit-learn's digits. paper: MNIST; the paper's case is Inception with sigmoids
on ImageNet.
"""

from litmus import POINTS, Claim, Levels, Study, interaction, more, probed

DEEP, SHALLOW = 8, 2
SATURATED = probed("saturated_fraction", at="last", unit=POINTS)


def network(activation: str, norm: str, depth: int = DEEP, rate: float = 0.03, decay: float = 0.0) -> Levels:
    return {
        "model.activation": activation, "model.norm": norm, "model.depth": depth,
        "optim.lr": rate, "optim.weight_decay": decay,
    }  # fmt: skip


def with_and_without(activation: str, depth: int = DEEP) -> tuple[Levels, Levels]:
    return network(activation, "batch", depth), network(activation, "none", depth)


NORMALISED, TANH, DECAYED = (
    network("tanh", norm, rate=0.3, decay=decay) for norm, decay in (("batch", 0.0), ("none", 0.0), ("none", 0.005))
)

study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "mlp", "init.scheme": "xavier_normal",
        "data.name": "digits", "data.batch_size": 64, "trainer.epochs": 20,
    },
    factors=["model.activation", "model.norm", "model.depth", "optim.lr", "optim.weight_decay"],
    arms={
        **{f"{activation}, {depth} layers, {label} norm": network(activation, norm, depth)
           for activation, depth in (("sigmoid", DEEP), ("sigmoid", SHALLOW), ("relu", DEEP))
           for label, norm in (("no", "none"), ("batch", "batch"))},
        "tanh, high rate, no norm": TANH,
        "tanh, high rate, batch norm": NORMALISED,
        "tanh, high rate, no norm, weight decay": DECAYED,
    },
    baseline="sigmoid, 8 layers, no norm",
    seeds=5,
    presets={"paper": {"data.name": "mnist", "data.validation": 1 / 6, "trainer.epochs": 30}},
    limits={"quick": "At a rate of 0.03 eight layers of tanh learn the digits with and without the norm."},
    probes=["activations"],
    measures={"saturated units at the end": SATURATED},
    claims=[
        Claim("A deep sigmoid net trains with batch norm and not without it: more than 20 points lie between.",
              more("test_top1", network("sigmoid", "batch"), than=network("sigmoid", "none")), "section 4.2.2",
              threshold=0.2, paper="Inception with sigmoids: 69.8 % with, at chance (0.1 %) without", primary=True,
              answers="yes"),
        Claim("At a high rate a deep tanh net gets stuck in saturation: more units are saturated than with batch norm.",
              more(SATURATED, TANH, than=NORMALISED), "section 3.3", primary=True, answers="yes"),
        Claim("At that rate it is less accurate, too.",
              more("test_top1", NORMALISED, than=TANH), "section 3.3"),
        Claim("Weight decay keeps units from saturation as well: without norm fewer are saturated with it.",
              more(SATURATED, TANH, than=DECAYED), source="lectures: small weights leave units in their linear part"),
        Claim("Batch norm matters more to sigmoid than to ReLU nets.",
              interaction("test_top1", of=with_and_without("sigmoid"), than=with_and_without("relu")), "section 1"),
        Claim("Batch norm matters more the deeper the sigmoid net is.",
              interaction("test_top1", of=with_and_without("sigmoid"), than=with_and_without("sigmoid", SHALLOW)),
              "section 1"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
