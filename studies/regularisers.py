"""Which regulariser helps by itself: label smoothing, mixup, CutMix, cutout, dropout or weight decay?

Each against none, alone, with one learning rate. Augmentations that only move an image are the question of
`augmentation_kinds`, stochastic depth that of `deep_residual_recipe`. quick: a network of three convolutions with batch
norm, which learns 1,350 drawn shapes of 16 pixels by heart. paper: a wide ResNet of 16 layers on CIFAR-10, on top of
crops and flips. Dropout lies behind the hidden layer of the small network, and between the two convolutions of a block
of the wide ResNet.
"""

from dataclasses import replace

from litmus import Claim, Levels, Study, gap, more
from litmus.design.protocols import CIFAR_STEPWISE

GAP = gap("fit_top1", "test_top1")
SZEGEDY = "Szegedy et al. 2015, Rethinking the Inception Architecture (arXiv 1512.00567)"
YUN = "Yun et al. 2019, CutMix (arXiv 1905.04899)"
DEVRIES = "DeVries & Taylor 2017, Improved Regularization with Cutout (arXiv 1708.04552)"
SRIVASTAVA = "Srivastava et al. 2014, Dropout"
KROGH = "Krogh & Hertz 1991, A Simple Weight Decay Can Improve Generalization"


def arms(moved: str, moved_and_cut: str, dropout: float, decay: float) -> dict[str, Levels]:
    """Return the arms: each sets all factors, and differs from "none" in one."""
    none: Levels = {
        "optim.label_smoothing": 0.0, "data.mix": "none", "data.augment": moved, "model.dropout": 0.0,
        "optim.weight_decay": 0.0,
    }  # fmt: skip
    return {
        "none": none,
        "label smoothing": {**none, "optim.label_smoothing": 0.1},
        "mixup": {**none, "data.mix": "mixup"},
        "CutMix": {**none, "data.mix": "cutmix"},
        "cutout": {**none, "data.augment": moved_and_cut},
        "dropout": {**none, "model.dropout": dropout},
        "weight decay": {**none, "optim.weight_decay": decay},
    }


def better(arm: str, sentence: str, where: str, source: str, *, paper: str = "", primary: bool = False) -> Claim:
    return Claim(sentence, more("test_top1", arm, than="none"), where, source=source, paper=paper, primary=primary)


quick = Study(
    source="Zhang et al. 2017, mixup (arXiv 1710.09412)",
    base={
        "model.name": "convnet", "model.blocks": 3, "model.convolutions": 1, "model.width": 16, "model.dense_units": 64,
        "model.norm": "batch",
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6,
        "data.train_images": 1500, "data.test_images": 5000, "data.batch_size": 50,
        "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 25,
    },
    factors=["optim.label_smoothing", "data.mix", "data.augment", "model.dropout", "optim.weight_decay"],
    arms=arms("none", "cutout", 0.5, 0.005),
    baseline="none",
    seeds=6,
    measures={"training minus test accuracy": GAP},
    limits={
        "quick": "The sources gain one to three points on networks of millions of weights that are trained for "
        "hundreds of epochs. One shape decides the class of a drawn image, and a box of half the side may cover it: "
        "cutout and CutMix take more from such an image than from a photograph. The weight decay is ten times that of "
        "most recipes, since the run is short."
    },
    claims=[
        better("mixup", "Mixup raises test accuracy.", "section 3.2", "", primary=True),
        Claim("Mixup narrows the gap between training and test accuracy.",
              more(GAP, "none", than="mixup"), "section 3.2"),
        better("cutout", "Cutout raises test accuracy.", "table 1", DEVRIES, primary=True,
               paper="ResNet-18 on CIFAR-10: 4.72 % to 3.99 % error"),
        better("CutMix", "CutMix raises test accuracy.", "section 4.1", YUN),
        better("label smoothing", "Label smoothing raises test accuracy.", "section 7", SZEGEDY,
               paper="about 0.2 points of ImageNet error"),
        better("dropout", "Dropout raises test accuracy.", "section 6", SRIVASTAVA, primary=True),
        better("weight decay", "Weight decay raises test accuracy.", "abstract", KROGH),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": replace(
            quick,
            base={**CIFAR_STEPWISE, "model.name": "wide_resnet16_4"},
            arms=arms("cifar", "cifar_cutout", 0.2, 5e-4),
            limits={},
        )
    },
)

if __name__ == "__main__":
    study.main()
