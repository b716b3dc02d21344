"""When does a warm-up of the learning rate help, and does it pay to let the rate fall?

Each rate is trained with and without a warm-up over the first fifth of the run, and stays constant behind it or falls
to zero along a cosine. quick: Adam on a network of three convolutions without norm, which the first steps can spoil, on
drawn shapes. paper: SGD on ResNet-20 and CIFAR-10, batches of 1,024, a warm-up over a twentieth of 90 epochs.
"""

from dataclasses import replace

from litmus import Against, Claim, Levels, Study, alike, interaction, more

GOYAL = "Goyal et al. 2017, Accurate, Large Minibatch SGD (arXiv 1706.02677)"
COSINE = "Loshchilov & Hutter 2016, SGDR (arXiv 1608.03983)"


def declared(base: dict[str, object], part: float, low: float, middle: float, high: float) -> Study:
    """Return the study of warm-ups over a part of the run at three rates."""

    def at(rate: float, warmup: float) -> Levels:
        return {"optim.lr": rate, "optim.warmup": warmup, "optim.schedule": "cosine"}

    schedules = ("constant", "cosine")
    return Study(
        source="Gotmare et al. 2018, A Closer Look at Deep Learning Heuristics (arXiv 1810.13243)",
        base=base,
        factors=["optim.schedule", "optim.warmup", "optim.lr"],
        arms={
            f"{schedule}, {name}, {size} rate": {**at(rate, warmup), "optim.schedule": schedule}
            for schedule in schedules
            for name, warmup in (("no warm-up", 0.0), ("warm-up", part))
            for size, rate in (("low", low), ("middle", middle), ("high", high))
        },
        baseline="cosine, no warm-up, middle rate",
        seeds=7,
        plots=[Against("test_top1", "optim.lr", "Test accuracy over the learning rate")],
        claims=[
            Claim("At the high rate warm-up raises the accuracy.",
                  more("test_top1", at(high, part), than=at(high, 0.0)), "section 2.2", source=GOYAL, primary=True),
            Claim("Each at its best rate and warm-up, a rate that falls along a cosine is more accurate than a "
                  "constant one.",
                  more("test_top1", {"optim.schedule": "cosine"}, than={"optim.schedule": "constant"}), "section 4",
                  source=COSINE),
            Claim("Warm-up matters more at the high rate than at the low one.",
                  interaction("test_top1", of=(at(high, part), at(high, 0.0)), than=(at(low, part), at(low, 0.0))),
                  primary=True),
            Claim("At the low rate warm-up makes no difference of three points.",
                  alike("test_top1", at(low, part), at(low, 0.0)), threshold=0.03),
        ],
    )  # fmt: skip


quick = declared(
    {
        "model.name": "convnet", "model.blocks": 3, "model.convolutions": 1, "model.width": 8, "model.dense_units": 32,
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6,
        "data.train_images": 1500, "data.test_images": 5000, "data.batch_size": 32,
        "optim.name": "adam", "trainer.epochs": 10,
    },
    part=0.2, low=0.003, middle=0.01, high=0.03,
)  # fmt: skip

study = replace(
    quick,
    limits={
        "quick": "Goyal et al. warm up SGD on residual networks with batch norm, of which few starts are spoilt; a "
        "small network without norm and Adam stand for networks that need it."
    },
    presets={
        "paper": declared(
            {
                "model.name": "resnet_cifar", "model.depth": 20, "model.width": 16,
                "data.name": "cifar10", "data.augment": "cifar", "data.batch_size": 1024,
                "optim.weight_decay": 1e-4, "trainer.epochs": 90,
            },
            part=0.05, low=0.2, middle=0.8, high=3.2,
        )
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
