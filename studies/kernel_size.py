"""Are stacks of narrow convolutions better than wide kernels of the same receptive field? (convolutions)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import more
from studies.evidence.claims import Claim

PAPER = "Simonyan & Zisserman 2014, VGG (arXiv 1409.1556), section 2.3"
STACKED, SINGLE = {"model.convolutions": "stacked"}, {"model.convolutions": "single"}

study = register(
    Study(
        name="kernel_size",
        question="At equal receptive field and cost, are two 3×3 convolutions better than one 5×5?",
        protocol=(
            "VGG-13 for small images, each stage two 3×3 convolutions or one 5×5 of the same receptive field and "
            "width. At equal width the wide kernel has 15 % more parameters and 8 % fewer FLOPs. quick: an eighth of "
            "the width on drawn shapes of 32 pixels. paper: CIFAR-10."
        ),
        base={
            "model.name": "vgg13_cifar",
            "model.width": 8,
            "data.name": "shapes",
            "data.num_classes": 6,
            "data.train_images": 1500,
            "data.batch_size": 50,
            "optim.lr": 0.05,
            "optim.schedule": "cosine",
            "trainer.epochs": 8,
        },
        factors={"model.convolutions": ["single", "stacked"]},
        baseline=SINGLE,
        seeds=8,
        presets={
            "paper": {
                "model.width": 64,
                "data.name": "cifar10",
                "data.batch_size": 128,
                "data.augment": "cifar",
                "optim.weight_decay": 5e-4,
                "trainer.epochs": 150,
            }
        },
        limits={
            "quick": "Eight epochs compare how fast the two learn; the paper's 7 % is of networks trained to their end."
        },
        claims=(
            Claim(
                "The stack is more accurate.",
                PAPER,
                more("test_top1", STACKED, SINGLE),
                paper="a net of pairs of 3×3: 7 % lower top-1 error than one of single 5×5",
            ),
            Claim(
                "The stack fits the training set better, having twice the non-linearities.",
                PAPER,
                more("train_top1", STACKED, SINGLE),
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
