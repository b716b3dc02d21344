"""Can shortcuts train a deep network without any norm?

Residual networks of 6n+2 layers without norm, He et al.'s initialisation; the same with Fixup's initialisation, in
which every branch starts as zero, so that the sum over shortcuts does not grow with the depth; and networks with batch
norm, with shortcuts and without. Each arm tunes its learning rate over two decades. quick: a quarter of the width on
scikit-learn's digits. paper: CIFAR-10 as He et al. 2015, with 5 % of warm-up and a cosine for all.
"""

from litmus import Claim, Levels, Study, Tuning, alike, interaction, more
from litmus.design.protocols import HE_2015_CIFAR

HE = "He et al. 2015, Deep Residual Learning (arXiv 1512.03385)"
FIXUP = "Zhang et al. 2019, Fixup Initialization (arXiv 1901.09321)"
KINDS: dict[str, Levels] = {
    "shortcuts": {"model.norm": "none", "model.residual": True, "model.fixup": False},
    "Fixup": {"model.norm": "none", "model.residual": True, "model.fixup": True},
    "batch norm": {"model.norm": "batch", "model.residual": False, "model.fixup": False},
    "shortcuts + batch norm": {"model.norm": "batch", "model.residual": True, "model.fixup": False},
}
SHALLOW, DEEP = 8, 20
FRAGILE = Tuning({"optim.lr": [0.001, 0.01, 0.1]}, seeds=3)
"""Deep networks without norm train at a rate with one seed and not with another."""


def network(kind: str, depth: int = DEEP) -> str:
    return f"{kind}, {depth} layers"


study = Study(
    source="De & Smith 2020, Batch Normalization Biases Residual Blocks Towards the Identity (arXiv 2002.10444)",
    base={
        "model.name": "resnet_cifar", "model.width": 4,
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.03, "optim.schedule": "cosine", "optim.warmup": 0.05, "trainer.epochs": 12,
    },
    factors=["model.norm", "model.residual", "model.fixup", "model.depth"],
    arms={
        network(kind, depth): {**KINDS[kind], "model.depth": depth}
        for depth, kinds in ((DEEP, tuple(KINDS)), (SHALLOW, ("shortcuts", "shortcuts + batch norm"))) for kind in kinds
    },
    baseline=network("shortcuts"),
    seeds=10,
    tune=FRAGILE,
    presets={
        "paper": {"tune": FRAGILE, **HE_2015_CIFAR, "model.width": 16, "optim.schedule": "cosine"},
    },
    limits={"quick": "Twenty layers on digits: who trains at all is seen, differences of a point are not."},
    claims=[
        Claim("Shortcuts do not make up for batch norm: with both, 20 layers fit better than with shortcuts alone.",
              more("fit_top1", network("shortcuts + batch norm"), than=network("shortcuts")), "abstract",
              primary=True, answers="no"),
        Claim("Nor does batch norm make up for shortcuts: with both, 20 layers fit better than with batch norm alone.",
              more("fit_top1", network("shortcuts + batch norm"), than=network("batch norm")), "figure 6", source=HE),
        Claim("Batch norm matters more to shortcuts at 20 layers than at 8.",
              interaction("fit_top1", of=(network("shortcuts + batch norm"), network("shortcuts")),
                          than=(network("shortcuts + batch norm", SHALLOW), network("shortcuts", SHALLOW))),
              "abstract: it raises the largest trainable depth"),
        Claim("It is the start that shortcuts lack: with Fixup, 20 layers without norm fit better than with shortcuts.",
              more("fit_top1", network("Fixup"), than=network("shortcuts")), "abstract", source=FIXUP),
        Claim("With Fixup they are as accurate as with batch norm, to three points.",
              alike("test_top1", network("Fixup"), network("shortcuts + batch norm")), "abstract",
              source=FIXUP, threshold=0.03, paper="as stable as training with normalisation", primary=True),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
