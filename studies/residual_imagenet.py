"""Is a plain ImageNet network of 34 layers worse than one of 18, and a residual one better?

ResNet-18 and ResNet-34 and their plain twins, with shortcuts without parameters (option A), so that twins have the
same. quick: an eighth of the width on drawn shapes of 32 pixels. paper: ImageNet as an image folder, as in section 3.4,
with ten crops in the test, and ResNet-50, whose bottlenecks cost as much as the 34 layers. subset: a small part of
ImageNet, such as ten classes of 300 images, at 64 pixels and half the width, tested on one crop. cifar: CIFAR-10 with a
stem that keeps its resolution. In quick each network tunes its learning rate.
"""

from dataclasses import replace

from litmus import Claim, Levels, Study, alike, logarithm, more, sooner
from litmus.design.protocols import CIFAR_STEPWISE, HE_2015_IMAGENET, IMAGENET_FOLDER


def plain(depth: int) -> Levels:
    return {"model.residual": False, "model.name": f"resnet{depth}"}


def residual(depth: int) -> Levels:
    return {"model.residual": True, "model.name": f"resnet{depth}"}


quick = Study(
    source="He et al. 2015, Deep Residual Learning (arXiv 1512.03385)",
    base={
        "model.shortcut": "A", "model.width": 8,
        "data.name": "shapes", "data.num_classes": 4, "data.train_images": 1600, "data.test_images": 4000,
        "data.batch_size": 50,
        "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 10,
    },
    factors=["model.residual", "model.name"],
    arms={
        "plain, 18 layers": plain(18), "plain, 34 layers": plain(34),
        "residual, 18 layers": residual(18), "residual, 34 layers": residual(34),
    },
    baseline="plain, 18 layers",
    seeds=5,
    tune={"optim.lr": [0.01, 0.05]},
    limits={
        "quick": "Ten epochs show who learns faster, not who ends better. At an eighth of the width the images are too "
        "simple for more than 18 residual layers to pay.",
    },
    claims=[
        Claim("The plain network of 34 layers has a higher test error than that of 18.",
              more("test_error", plain(34), than=plain(18)), "table 2", paper="28.54 % and 27.94 % top-1 error",
              primary=True, answers="yes"),
        Claim("That is no overfitting: its training error is higher, too.",
              more("fit_error", plain(34), than=plain(18)), "figure 4 left"),
        Claim("The residual network of 34 layers has a lower test error than that of 18.",
              more("test_error", residual(18), than=residual(34)), "table 2", paper="25.03 % and 27.88 %"),
        Claim("At 34 layers the residual network has the lower test error.",
              more("test_error", plain(34), than=residual(34)), "table 2", paper="25.03 % and 28.54 %",
              primary=True),
        Claim("At 18 layers the residual network converges faster.",
              sooner(residual(18), than=plain(18)), "section 4.1"),
    ],
)  # fmt: skip


def preset(**base: object) -> Study:
    """Return the study with another base, in which all networks train at the same rate."""
    return replace(quick, base={"model.shortcut": "A", **base}, tune={}, limits={})


imagenet = preset(**HE_2015_IMAGENET)
AS_ACCURATE = Claim(
    "At 18 layers the two are within a point of each other.",
    alike("test_top1", residual(18), plain(18)), "section 4.1 and table 2", threshold=0.01,
    paper="27.88 % (residual) and 27.94 % (plain)",
)  # fmt: skip
"""Of networks that are trained to their end."""

study = replace(
    quick,
    presets={
        "paper": replace(
            imagenet,
            arms={**quick.arms, "residual, 50 layers": residual(50)},
            claims=[
                *quick.claims,
                AS_ACCURATE,
                Claim("At equal cost 50 layers in bottlenecks have a lower test error than 34 in basic blocks.",
                      more("test_error", residual(34), than=residual(50)), "section 4.1 and table 3",
                      paper="24.52 % (34 layers) and 22.85 % (50 layers), both with shortcuts B", primary=True),
                Claim("They cost as many FLOPs, to 15 %.",
                      alike(logarithm("flops"), residual(34), residual(50)), "section 4.1 and table 1",
                      threshold=0.06, check=True, paper="3.6 and 3.8 billion"),
            ],
        ),
        "subset": replace(
            preset(**{
                **IMAGENET_FOLDER, "model.width": 32, "data.image_size": 64, "data.stored_size": 73,
                "data.batch_size": 64, "data.validation": 0.1, "data.augment": "alexnet", "optim.weight_decay": 1e-4,
                "optim.lr": 0.01, "optim.schedule": "cosine", "trainer.epochs": 30,
            }),
            seeds=3,
            limits={
                "subset": "Thousands of images of ten classes, not 1.28 million of a thousand, and one rate, 0.01: at "
                "0.05 the plain network of 34 layers hardly learnt in a pilot."
            },
        ),
        "cifar": replace(
            preset(**CIFAR_STEPWISE, **{"model.stem": "cifar"}), claims=[*quick.claims, AS_ACCURATE]
        ),
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
