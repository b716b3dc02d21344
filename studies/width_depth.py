"""At equal parameters, is a network better fat and short or thin and deep?

Residual networks with equal parameters, to two percent. Each tunes its learning rate. quick: 8, 20 and 56 layers of
17, 9 and 5 channels (84,000 to 86,000 parameters) on drawn shapes of 12 pixels. paper: pre-activated networks of 14, 38
and 110 layers of 113, 63 and 36 channels (8.6 to 8.7 million) on CIFAR-10, 200 epochs; the networks of 14 and 38
layers with their projections are WRN-16 and WRN-40 in the paper's count.
"""

from dataclasses import replace

from litmus import Against, Claim, Levels, Study, logarithm, more

FAT, MIDDLE, THIN = "short and fat", "between", "deep and thin"


def network(depth: int, width: int) -> Levels:
    return {"model.depth": depth, "model.width": width}


quick = Study(
    source="Zagoruyko & Komodakis 2016, Wide Residual Networks (arXiv 1605.07146)",
    base={
        "model.name": "resnet_cifar",
        "data.name": "shapes", "data.image_size": 12, "data.num_classes": 6,
        "data.train_images": 2000, "data.test_images": 5000, "data.batch_size": 64,
        "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 8,
    },
    factors=["model.depth", "model.width"],
    arms={FAT: network(8, 17), MIDDLE: network(20, 9), THIN: network(56, 5)},
    baseline=THIN,
    seeds=6,
    tune={"optim.lr": [0.02, 0.1]},
    limits={
        "quick": "Eight epochs show who learns faster. Five channels are fewer than any network of the paper has, and "
        "seconds are those of a processor.",
    },
    plots=[Against("test_top1", "model.depth", "Test accuracy over depth, at equal parameters")],
    claims=[
        Claim("Short and fat is more accurate than deep and thin.",
              more("test_top1", FAT, than=THIN), "abstract",
              paper="16 wide layers outperform all deep networks before, of a thousand layers among them",
              primary=True),
        Claim("Short and fat fits the training set better than deep and thin.",
              more("fit_top1", FAT, than=THIN), "section 1, diminishing feature reuse"),
        Claim("Short and fat takes fewer seconds to train than deep and thin.",
              more(logarithm("seconds"), THIN, than=FAT), "section 3",
              paper="WRN-40-4 trains eight times as fast as ResNet-1001"),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": replace(
            quick,
            base={
                "model.name": "resnet_cifar", "model.pre_activation": True, "model.shortcut": "B",
                "data.name": "cifar10", "data.batch_size": 128, "data.augment": "cifar",
                "optim.lr": 0.1, "optim.nesterov": True, "optim.weight_decay": 5e-4,
                "optim.schedule": "multistep", "optim.milestones": [0.3, 0.6, 0.8], "optim.decay_factor": 0.2,
                "trainer.epochs": 200,
            },
            arms={FAT: network(14, 113), MIDDLE: network(38, 63), THIN: network(110, 36)},
            limits={},
        )
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
