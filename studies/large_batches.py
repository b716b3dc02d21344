"""Do large batches cost accuracy, or the steps and the rate that come with them?

Batches of 32 and of 256 with the same number of epochs or of steps, at the same learning rate or at one proportional to
the batch; with batch norm, whose statistics are noisier the smaller the batch, and with group norm, which does not see
the batch. quick: a fully connected net on 1,296 drawn shapes of 16 pixels, 20 epochs or 800 steps. paper: ResNet-20
on CIFAR-10, 20 epochs or 28,000 steps.
"""

from litmus import Claim, Levels, Study, alike, gap, interaction, more

GOYAL = "Goyal et al. 2017, Accurate, Large Minibatch SGD (arXiv 1706.02677)"
NOISE = "a common statement on batch norm's noise as a regulariser"
GAP = gap("fit_top1", "test_top1")
EPOCHS, SMALL, LARGE, RATE = 20, 32, 256, 0.05
RATIO = LARGE // SMALL

FORMS: dict[str, Levels] = {
    "32": {"data.batch_size": SMALL, "optim.lr": RATE, "trainer.epochs": EPOCHS},
    "256, same rate": {"data.batch_size": LARGE, "optim.lr": RATE, "trainer.epochs": EPOCHS},
    "256, scaled rate": {"data.batch_size": LARGE, "optim.lr": RATIO * RATE, "trainer.epochs": EPOCHS},
    "256, same rate, same steps": {
        "data.batch_size": LARGE, "optim.lr": RATE, "trainer.epochs": RATIO * EPOCHS,
    },
    "256, scaled rate, same steps": {
        "data.batch_size": LARGE, "optim.lr": RATIO * RATE, "trainer.epochs": RATIO * EPOCHS,
    },
}  # fmt: skip


def batch(form: str) -> str:
    return f"batch norm, {form}"


def group(form: str) -> str:
    return f"group norm, {form}"


study = Study(
    source="Hoffer et al. 2017, Train longer, generalize better (arXiv 1705.08741)",
    base={
        "model.name": "mlp", "model.depth": 2, "model.width": 64, "model.activation": "relu",
        "norm.groups": 4,
        "data.name": "shapes", "data.image_size": 16, "data.train_images": 1440, "data.test_images": 2000,
    },
    factors=["model.norm", "data.batch_size", "optim.lr", "trainer.epochs"],
    arms={
        **{batch(form): {"model.norm": "batch", **levels} for form, levels in FORMS.items()},
        **{group(form): {"model.norm": "group", **levels} for form, levels in FORMS.items()},
    },
    baseline=batch("32"),
    seeds=5,
    presets={
        "paper": {
            "model.name": "resnet_cifar", "model.depth": 20, "model.width": 16, "norm.groups": 32,
            "data.name": "cifar10", "data.augment": "cifar",
            "optim.weight_decay": 1e-4, "optim.schedule": "cosine", "optim.warmup": 0.05,
        }
    },
    limits={"quick": "A fully connected net that fits 1,296 images to the last: what shows is how it generalises."},
    measures={"training minus test accuracy": GAP},
    claims=[
        # not checked at the source: the sections of this and the next
        Claim("At the same epochs and rate a large batch is less accurate, with batch norm.",
              more("test_top1", batch("32"), than=batch("256, same rate")), "section 2.1", source=GOYAL, primary=True),
        Claim("A rate proportional to the batch makes up for it, to a percentage point.",
              alike("test_top1", batch("256, scaled rate"), batch("32")), "section 2.1", source=GOYAL, threshold=0.01,
              primary=True),
        # not checked at the source: the section
        Claim("With as many steps a large batch is as accurate, to a percentage point.",
              alike("test_top1", batch("256, same rate, same steps"), batch("32")), "section 5", threshold=0.01,
              primary=True),
        # not checked at the source
        Claim("At the same steps and rate a large batch leaves a larger gap of training and test, with batch norm.",
              more(GAP, batch("256, same rate, same steps"), than=batch("32")), source=NOISE),
        # not checked at the source
        Claim("The batch matters more to that gap with batch norm than with group norm.",
              interaction(GAP, of=(batch("256, same rate, same steps"), batch("32")),
                          than=(group("256, same rate, same steps"), group("32"))), source=NOISE),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
