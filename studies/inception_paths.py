"""What do inception's paths and reductions cost and give? (reduced / naive / single 3×3 / single 5×5)"""

from studies.design.study import Study, register
from studies.evidence.claim_tests import more
from studies.evidence.claims import Claim
from studies.evidence.measures import logarithm
from studies.evidence.units import Unit
from studies.report import plots

PAPER = "Szegedy et al. 2014, Going Deeper with Convolutions (arXiv 1409.4842), sections 2 and 4"
LECTURE = "a lecture's figures for 256 output channels: 128, 346 and 963 MFLOPs"
DECADES = Unit("decades", "decades", decimals=2)
ARMS = ("reduced", "naive", "single3", "single5")
REDUCED, NAIVE, SINGLE3, SINGLE5 = ({"model.block": block} for block in ARMS)
FLOPS = logarithm("flops")

study = register(
    Study(
        name="inception_paths",
        question="What does an inception block cost and give, next to a naive one and single large convolutions?",
        protocol=(
            "A stem and three blocks of equal output channels, each inception with 1×1 reductions, naive inception, "
            "one 3×3 or one 5×5 convolution. quick: a quarter of GoogLeNet's channels on drawn shapes of 32 pixels. "
            "paper: CIFAR-10, all channels."
        ),
        base={
            "model.name": "inception_stack",
            "model.width": 0.25,
            "data.name": "shapes",
            "data.num_classes": 6,
            "data.train_images": 1000,
            "data.batch_size": 50,
            "optim.lr": 0.05,
            "optim.schedule": "cosine",
            "trainer.epochs": 6,
        },
        factors={"model.block": ["single3", "single5", "naive", "reduced"]},
        baseline=SINGLE3,
        seeds=5,
        presets={
            "paper": {
                "model.width": 1.0,
                "data.name": "cifar10",
                "data.batch_size": 128,
                "data.augment": "cifar",
                "optim.weight_decay": 1e-4,
                "trainer.epochs": 100,
            }
        },
        plots=(plots.scatter("flops", "Test accuracy against FLOPs of an image"),),
        claims=(
            Claim(
                "The reduced block costs half the FLOPs of a single 3×3 or less.",
                LECTURE,
                more(FLOPS, SINGLE3, REDUCED, DECADES),
                threshold=0.301,
                paper="128 against 346 MFLOPs: 0.43 decades",
            ),
            Claim(
                "The reduced block costs a fifth of a single 5×5 or less.",
                LECTURE,
                more(FLOPS, SINGLE5, REDUCED, DECADES),
                threshold=0.699,
                paper="128 against 963 MFLOPs: 0.88 decades",
            ),
            Claim(
                "Reductions cost no accuracy: the reduced block is as accurate as the naive one, to two points.",
                PAPER,
                more("test_top1", REDUCED, NAIVE),
                threshold=-0.02,
            ),
            Claim(
                "The reduced block is at least as accurate as a single 3×3, to two points.",
                PAPER,
                more("test_top1", REDUCED, SINGLE3),
                threshold=-0.02,
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
