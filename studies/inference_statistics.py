"""At inference, do running averages serve as well as the statistics of the evaluated batch?

The arms of a seed train to the same weights and differ only in evaluation: running averages of two momenta or the
statistics of the evaluated batch, in batches of 2, 8 or 360. Running averages are constants: with them a norm can be
folded into the layer before it. quick: ResNet-8 on scikit-learn's digits. paper: ResNet-20 on CIFAR-10.
"""

from litmus import Claim, Levels, Study, alike, more
from litmus.design.protocols import CIFAR_STEPWISE


def evaluated(statistics: str, batch: int, momentum: float = 0.1) -> Levels:
    return {"norm.evaluation_statistics": statistics, "norm.momentum": momentum, "data.eval_batch_size": batch}


study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "resnet_cifar", "model.depth": 8, "model.width": 8,
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.1, "trainer.epochs": 8,
    },
    factors={
        "norm.evaluation_statistics": ["running", "batch"],
        "norm.momentum": [0.01, 0.1],
        "data.eval_batch_size": [2, 8, 360],
    },
    baseline=evaluated("running", 360),
    seeds=5,
    presets={"paper": {**CIFAR_STEPWISE, "model.depth": 20, "model.width": 16}},
    limits={
        "quick": "One of 360 test images is 0.28 points. Differences of a point can be resolved because the arms of a "
        "seed evaluate the same weights, not because accuracies are known so well."
    },
    claims=[
        Claim("With running averages, small evaluation batches give what large ones give.",
              alike("test_top1", evaluated("running", 2), evaluated("running", 360)), "section 3.1", threshold=0.001,
              paper="exact: the output depends on the input alone", check=True),
        Claim("In batches of two, running averages are more accurate than the batch's own, by more than a point.",
              more("test_top1", evaluated("running", 2), than=evaluated("batch", 2)), "section 3.1", threshold=0.01,
              primary=True, answers="yes"),
        Claim("In large batches the two agree to a percentage point.",
              alike("test_top1", evaluated("batch", 360), evaluated("running", 360)), "section 3.1", threshold=0.01,
              primary=True, answers="yes"),
        Claim("Averages that follow slowly (momentum 0.01) lag behind the weights and cost accuracy in a short run.",
              more("test_top1", evaluated("running", 360), than=evaluated("running", 360, momentum=0.01)),
              source="follows from the definition of the running average"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
