"""What does an inception block cost and give, next to a naive one and single large convolutions?

A stem and three blocks of equal output channels: inception with 1×1 reductions, naive inception, one 3×3 or one 5×5
convolution. Each tunes its learning rate; a naive block, whose pooled maps have no norm, needs a lower one. quick: a
quarter of GoogLeNet's channels on drawn shapes of 32 pixels. paper: CIFAR-10, all channels.
"""

from litmus import Claim, Scatter, Study, logarithm, more

LECTURE = "a lecture's figures for 256 output channels: 128, 346 and 963 MFLOPs"
REDUCED, NAIVE, SINGLE3, SINGLE5 = ({"model.block": block} for block in ("reduced", "naive", "single3", "single5"))
FLOPS = logarithm("flops", decimals=2)

study = Study(
    source="Szegedy et al. 2014, Going Deeper with Convolutions (arXiv 1409.4842)",
    base={
        "model.name": "inception_stack", "model.width": 0.25,
        "data.name": "shapes", "data.num_classes": 6, "data.train_images": 1000, "data.batch_size": 50,
        "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 6,
    },
    factors={"model.block": ["single3", "single5", "naive", "reduced"]},
    baseline=SINGLE3,
    seeds=5,
    tune={"optim.lr": [0.01, 0.05, 0.25]},
    presets={
        "paper": {
            "tune": {"optim.lr": [0.01, 0.05, 0.25]},
            "model.width": 1.0, "data.name": "cifar10", "data.batch_size": 128, "data.augment": "cifar",
            "optim.weight_decay": 1e-4, "trainer.epochs": 100,
        }
    },
    plots=[Scatter("flops", "Test accuracy against FLOPs of an image")],
    limits={
        "quick": "Five seeds and 500 test images leave about four points open: that reductions cost less than two is "
        "shown only where the reduced block is the better one."
    },
    claims=[
        Claim("The reduced block costs half the FLOPs of a single 3×3 or less.",
              more(FLOPS, SINGLE3, than=REDUCED), source=LECTURE, threshold=0.301,
              paper="128 against 346 MFLOPs: 0.43 decades", check=True),
        Claim("The reduced block costs a fifth of a single 5×5 or less.",
              more(FLOPS, SINGLE5, than=REDUCED), source=LECTURE, threshold=0.699,
              paper="128 against 963 MFLOPs: 0.88 decades", check=True),
        Claim("Reductions cost no accuracy: the reduced block is as accurate as the naive one, to two points.",
              more("test_top1", REDUCED, than=NAIVE), "section 4", threshold=-0.02, primary=True),
        Claim("The reduced block is at least as accurate as a single 3×3, to two points.",
              more("test_top1", REDUCED, than=SINGLE3), "section 4", threshold=-0.02, primary=True),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
