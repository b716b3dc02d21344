"""What does an inception block cost and give, next to single convolutions, and what is each part of it for?

A stem and three blocks of equal output channels: inception with 1×1 reductions, the same without those before its 3×3
and 5×5 convolutions, the same without the pooling before the 1×1 convolution that follows it, the same with a share of
3×3 and 5×5 convolutions that rises from block to block, one 3×3 convolution, and one 1×1. (A naive block, figure 2a,
hands on all that its pooling sees: at the third block 864 channels for 256.) quick: a quarter of GoogLeNet's channels
on drawn shapes of 24 pixels, all at a rate that each of them chose in a pilot. paper: CIFAR-10, all channels; each
tunes its learning rate.
"""

from litmus import Claim, Levels, Scatter, Study, logarithm, more

LECTURE = "a lecture's figures for 256 output channels: 128 and 346 MFLOPs"
REDUCED, UNREDUCED, NO_POOL, SINGLE1, SINGLE3, RISING = (
    "reduced", "unreduced", "no pooling", "1×1", "3×3", "rising share",
)  # fmt: skip
FLOPS = logarithm("flops", decimals=2)


def block(kind: str, shares: str = "equal") -> Levels:
    return {"model.block": kind, "model.shares": shares}


study = Study(
    source="Szegedy et al. 2014, Going Deeper with Convolutions (arXiv 1409.4842)",
    base={
        "model.name": "inception_stack", "model.width": 0.25,
        "data.name": "shapes", "data.image_size": 24, "data.num_classes": 6,
        "data.train_images": 1000, "data.test_images": 5000, "data.batch_size": 50,
        "optim.lr": 0.2, "optim.schedule": "cosine", "trainer.epochs": 6,
    },
    factors=["model.block", "model.shares"],
    arms={
        SINGLE1: block("single1"), SINGLE3: block("single3"), UNREDUCED: block("unreduced"), NO_POOL: block("no_pool"),
        REDUCED: block("reduced"), RISING: block("reduced", "rising"),
    },
    baseline=SINGLE3,
    seeds=5,
    presets={
        "paper": {
            "tune": {"optim.lr": [0.01, 0.05, 0.25]},
            "model.width": 1.0, "data.name": "cifar10", "data.batch_size": 128, "data.augment": "cifar",
            "optim.weight_decay": 1e-4, "trainer.epochs": 100,
        }
    },
    plots=[Scatter("flops", "Test accuracy against FLOPs of an image")],
    limits={
        "quick": "Six epochs end while all blocks are still learning. The last block sees maps of 3×3, in which a "
        "5×5 convolution has more zeros than pixels."
    },
    claims=[
        Claim("The reduced block costs half the FLOPs of a single 3×3 or less.",
              more(FLOPS, SINGLE3, than=REDUCED), source=LECTURE, threshold=0.301,
              paper="128 against 346 MFLOPs: 0.43 decades", check=True),
        Claim("It costs half of those of the block without reductions or less.",
              more(FLOPS, UNREDUCED, than=REDUCED), "section 4, of a computational blow up", threshold=0.301,
              check=True),
        Claim("Reductions cost no accuracy: the reduced block is as accurate as the one without, to three points.",
              more("test_top1", REDUCED, than=UNREDUCED), "section 4", threshold=-0.03, primary=True),
        Claim("The reduced block is at least as accurate as a single 3×3, to three points.",
              more("test_top1", REDUCED, than=SINGLE3), "section 4", threshold=-0.03, primary=True),
        Claim("Pooling within the block raises accuracy.",
              more("test_top1", REDUCED, than=NO_POOL), "section 4, an additional beneficial effect"),
        Claim("A share of 3×3 and 5×5 convolutions that rises with depth is more accurate than an equal one.",
              more("test_top1", RISING, than=REDUCED), "section 4, of higher layers",
              paper="the ratio of 3×3 and 5×5 convolutions should increase"),
        Claim("Convolutions of 1×1 alone are less accurate, by more than five points.",
              more("test_top1", REDUCED, than=SINGLE1), "section 4, of clusters that are more spread out",
              threshold=0.05),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
