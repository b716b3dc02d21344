"""Do large batches cost accuracy, or the steps and the rate that come with them?

Small batches and four times as large ones with the same number of epochs or of steps, at the same learning rate or at
one proportional to the batch. All arms warm up over a tenth of the run and end at a rate of zero. quick: a network of
three convolutions with batch norm on drawn shapes, batches of 16 and 64, 12 epochs or as many steps. paper: ResNet-20
on CIFAR-10, batches of 128 and 512, 90 epochs or as many steps.
"""

from dataclasses import replace

from litmus import Claim, Levels, Study, gap, more

GOYAL = "Goyal et al. 2017, Accurate, Large Minibatch SGD (arXiv 1706.02677)"
KESKAR = "Keskar et al. 2016, On Large-Batch Training for Deep Learning (arXiv 1609.04836)"
GAP = gap("fit_top1", "test_top1")
RATIO = 4
SMALL, SAME, SCALED = "small", "large, same rate", "large, proportional rate"
LONGER, SCALED_LONGER = f"{SAME}, same steps", f"{SCALED}, same steps"


def arms(size: int, rate: float, epochs: int) -> dict[str, Levels]:
    """Return the arms of batches of a size and of `RATIO` times the size."""

    def form(factor: int, rate_factor: int, longer: int) -> Levels:
        return {
            "data.batch_size": factor * size, "optim.lr": rate_factor * rate, "trainer.epochs": longer * epochs,
        }  # fmt: skip

    return {
        SMALL: form(1, 1, 1),
        SAME: form(RATIO, 1, 1),
        SCALED: form(RATIO, RATIO, 1),
        LONGER: form(RATIO, 1, RATIO),
        SCALED_LONGER: form(RATIO, RATIO, RATIO),
    }


quick = Study(
    source="Hoffer et al. 2017, Train longer, generalize better (arXiv 1705.08741)",
    base={
        "model.name": "convnet", "model.blocks": 3, "model.convolutions": 1, "model.width": 8, "model.dense_units": 32,
        "model.norm": "batch",
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6,
        "data.train_images": 1500, "data.test_images": 5000,
        "optim.schedule": "cosine", "optim.warmup": 0.1,
    },
    factors=["data.batch_size", "optim.lr", "trainer.epochs"],
    arms=arms(16, 0.05, 12),
    baseline=SMALL,
    seeds=6,
    measures={"training minus test accuracy": GAP},
    claims=[
        # not checked at the source: the sections of all claims
        Claim("At the same epochs and rate a large batch is less accurate.",
              more("test_top1", SMALL, than=SAME), "section 2.1", source=GOYAL, primary=True),
        Claim("With a rate proportional to the batch it is no less accurate, to three points.",
              more("test_top1", SCALED, than=SMALL), "section 2.1", source=GOYAL, threshold=-0.03, primary=True),
        Claim("At the same steps and rate a large batch leaves a larger gap of training and test accuracy.",
              more(GAP, LONGER, than=SMALL), "abstract", source=KESKAR, primary=True),
        Claim("With as many steps and a proportional rate a large batch is no less accurate, to a point.",
              more("test_top1", SCALED_LONGER, than=SMALL), "section 5", threshold=-0.01),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": replace(
            quick,
            base={
                "model.name": "resnet_cifar", "model.depth": 20, "model.width": 16,
                "data.name": "cifar10", "data.augment": "cifar",
                "optim.weight_decay": 1e-4, "optim.schedule": "cosine", "optim.warmup": 0.05,
            },
            arms=arms(128, 0.1, 90),
        )
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
