"""Which augmentation helps by itself: shifts, flips, rotations, small distortions or colours?

Each against none, alone: shifts by up to 4 pixels, flips, rotations by up to 15 degrees, distortions (a rotation, a
shift and a change of size together), and colours shifted along the principal components of the training set, as for
AlexNet. quick: LeNet-5 with ReLU, max pooling and batch norm on 540 drawn shapes of 32 pixels. paper: ResNet-20 on
CIFAR-10.
"""

from litmus import Claim, Levels, Study, gap, more
from litmus.design.protocols import CIFAR_STEPWISE

GAP = gap("fit_top1", "test_top1")
LECUN = "LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition"


def recipe(augment: str) -> Levels:
    return {"data.augment": augment}


study = Study(
    source="Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks",
    base={
        "model.name": "lenet5", "model.norm": "batch",
        "data.name": "shapes", "data.num_classes": 6, "data.train_images": 600, "data.test_images": 3000,
        "data.batch_size": 50, "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 25,
    },
    factors={"data.augment": ["none", "shift", "flip", "rotation", "mnist_affine", "principal_colours"]},
    baseline=recipe("none"),
    seeds=6,
    presets={"paper": {**CIFAR_STEPWISE, "model.name": "resnet20"}},
    measures={"training minus test accuracy": GAP},
    limits={
        "quick": "Drawn shapes turn by any angle and have any colour already, in the training set as in the test set: "
        "what augmentation adds is more of them.",
    },
    claims=[
        Claim("Shifts raise test accuracy.", more("test_top1", recipe("shift"), than=recipe("none")), "section 4.1",
              primary=True),
        Claim("Flips raise test accuracy.", more("test_top1", recipe("flip"), than=recipe("none")), "section 4.1",
              primary=True),
        Claim("Shifted colours raise it by more than a point.",
              more("test_top1", recipe("principal_colours"), than=recipe("none")), "section 4.1", threshold=0.01,
              paper="over 1 % of top-1 error less"),
        Claim("Rotations raise test accuracy.",
              more("test_top1", recipe("rotation"), than=recipe("none")), "section III.C, of affine distortions",
              source=LECUN),
        Claim("Small distortions raise test accuracy.",
              more("test_top1", recipe("mnist_affine"), than=recipe("none")), "section III.C, of affine distortions",
              source=LECUN, paper="0.95 % to 0.8 % error on MNIST", primary=True),
        Claim("Shifts narrow the gap between training and test accuracy.",
              more(GAP, recipe("none"), than=recipe("shift")), "section 4.1"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
