"""At inference, do running averages serve as well as the statistics of the evaluated batch?

The arms of a seed train to the same weights and differ only in evaluation: running averages of two momenta, the means
over the batches of the training set (population statistics), or the statistics of the evaluated batch, in batches of 2
or 500. quick: ResNet-8 on drawn shapes. paper: ResNet-20 on CIFAR-10.
"""

from litmus import Claim, Levels, Study, alike, more
from litmus.design.protocols import CIFAR_STEPWISE

SMALL, LARGE = 2, 500


def evaluated(statistics: str, batch: int, momentum: float = 0.1) -> Levels:
    return {"norm.evaluation_statistics": statistics, "norm.momentum": momentum, "data.eval_batch_size": batch}


study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "resnet_cifar", "model.depth": 8, "model.width": 8,
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6,
        "data.train_images": 2000, "data.test_images": 5000, "data.batch_size": 64,
        "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 8,
    },
    factors=["norm.evaluation_statistics", "norm.momentum", "data.eval_batch_size"],
    arms={
        "running averages, large batches": evaluated("running", LARGE),
        "running averages, batches of 2": evaluated("running", SMALL),
        "slow running averages, large batches": evaluated("running", LARGE, momentum=0.01),
        "population, large batches": evaluated("population", LARGE),
        "batch statistics, large batches": evaluated("batch", LARGE),
        "batch statistics, batches of 2": evaluated("batch", SMALL),
    },
    baseline="running averages, large batches",
    seeds=5,
    presets={"paper": {**CIFAR_STEPWISE, "model.depth": 20, "model.width": 16}},
    claims=[
        Claim("With running averages, small evaluation batches give what large ones give.",
              alike("test_top1", evaluated("running", SMALL), evaluated("running", LARGE)), "section 3.1",
              threshold=0.001, paper="exact: the output depends on the input alone", check=True),
        Claim("In batches of two, running averages are more accurate than the batch's own, by more than a point.",
              more("test_top1", evaluated("running", SMALL), than=evaluated("batch", SMALL)), "section 3.1",
              threshold=0.01, primary=True, answers="yes"),
        Claim("In large batches the two agree to a percentage point.",
              alike("test_top1", evaluated("batch", LARGE), evaluated("running", LARGE)), "section 3.1",
              threshold=0.01, primary=True, answers="yes"),
        Claim("Running averages and the statistics of the training set agree to a percentage point.",
              alike("test_top1", evaluated("population", LARGE), evaluated("running", LARGE)),
              "section 3.1 and algorithm 2", threshold=0.01, paper="either may be used"),
        Claim("Averages that follow slowly (momentum 0.01) lag behind the weights and cost accuracy in a short run.",
              more("test_top1", evaluated("running", LARGE), than=evaluated("running", LARGE, momentum=0.01)),
              source="follows from the definition of the running average"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
