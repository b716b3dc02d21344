"""Does the kind of pooling matter, for accuracy and for answers that stay when the image is shifted?

A convnet of two convolutions with batch norm, each followed by a pooling over 2×2 windows: maximum, mean, root of the
sum of squares (L2), a trained convolution at stride 2, every other position alone, as a convolution at stride 2
computes them, the blurred maximum at every other position, or none. The consistency of the answers is measured on the
validation images, shifted by one pixel in eight directions, scaled by 0.9 and 1.1, and rotated by ten degrees. Each
kind tunes its learning rate. quick: 8 and 16 filters on drawn shapes of 16 pixels. paper: CIFAR-10, three blocks of two
convolutions.
"""

from litmus import POINTS, Claim, Levels, Study, gap, logarithm, more, probed

LECTURE = "the CS231n notes, Convolutional networks"
SERMANET = "Sermanet et al. 2012, Convolutional Neural Networks Applied to House Numbers (arXiv 1204.3968)"
SPRINGENBERG = "Springenberg et al. 2014, Striving for Simplicity (arXiv 1412.6806)"
GOODFELLOW = "Goodfellow et al. 2016, Deep Learning"
LECUN = "LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition"
CONSISTENCY, FARTHER, SCALED, ROTATED = (
    probed(f"same_answer_{change}", unit=POINTS) for change in ("1", "2", "scaled", "rotated")
)
GAP = gap("fit_top1", "test_top1")


def pooled(kind: str) -> Levels:
    return {"model.pooling": kind}


study = Study(
    source="Zhang 2019, Making Convolutional Networks Shift-Invariant Again (arXiv 1904.11486)",
    base={
        "model.name": "convnet", "model.blocks": 2, "model.convolutions": 1, "model.width": 8, "model.dense_units": 32,
        "model.norm": "batch",
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6,
        "data.train_images": 2500, "data.test_images": 4000, "data.validation": 0.4,
        "data.batch_size": 50, "optim.schedule": "cosine", "trainer.epochs": 12,
    },
    factors={"model.pooling": ["max", "average", "l2", "convolution", "subsample", "blurred_max", "none"]},
    baseline=pooled("max"),
    seeds=6,
    tune={"optim.lr": [0.02, 0.1]},
    presets={
        "paper": {
            "tune": {"optim.lr": [0.02, 0.1]},
            "model.blocks": 3, "model.convolutions": 2, "model.width": 64, "model.dense_units": 512,
            "data.name": "cifar10", "data.validation": 0.1, "data.batch_size": 128,
            "optim.schedule": "multistep", "optim.weight_decay": 5e-4, "trainer.epochs": 100,
        }
    },
    probes=["answer_consistency"],
    measures={
        "answers kept at a shift by 1 pixel": CONSISTENCY, "by 2 pixels": FARTHER,
        "answers kept at another size": SCALED, "answers kept at a rotation": ROTATED,
        "training minus test accuracy": GAP,
    },
    limits={
        "quick": "A pixel of an image of 16 is two of CIFAR-10's, and the shapes stand anywhere: no centre is learnt."
    },
    claims=[
        Claim("Max pooling is more accurate than average pooling.",
              more("test_top1", pooled("max"), than=pooled("average")), "General pooling", source=LECTURE),
        # not checked at the source
        Claim("L2 pooling is more accurate than average pooling.",
              more("test_top1", pooled("l2"), than=pooled("average")), "section 4", source=SERMANET),
        Claim("A trained convolution at stride 2 costs no accuracy, to two points.",
              more("test_top1", pooled("convolution"), than=pooled("max")), "abstract", source=SPRINGENBERG,
              threshold=-0.02),
        Claim("Max pooling makes answers more invariant to shifts than leaving every other position out.",
              more(CONSISTENCY, pooled("max"), than=pooled("subsample")), "section 9.3", source=GOODFELLOW,
              primary=True, answers="yes"),
        Claim("So does average pooling.",
              more(CONSISTENCY, pooled("average"), than=pooled("subsample")), "section 9.3", source=GOODFELLOW),
        Claim("Max pooling makes answers more invariant to changes of size than leaving every other position out.",
              more(SCALED, pooled("max"), than=pooled("subsample")), "section II.A, scale", source=LECUN),
        Claim("And to rotations.",
              more(ROTATED, pooled("max"), than=pooled("subsample")), "section II.A, distortion", source=LECUN),
        Claim("Max pooling is not enough: blurred before positions are left out, answers are more invariant.",
              more(CONSISTENCY, pooled("blurred_max"), than=pooled("max")), "abstract", primary=True,
              answers="yes"),
        Claim("The blur costs no accuracy, to a point.",
              more("test_top1", pooled("blurred_max"), than=pooled("max")), "abstract", threshold=-0.01,
              paper="ImageNet accuracy rises"),
        Claim("Pooling controls overfitting: without it training accuracy is further above test accuracy.",
              more(GAP, pooled("none"), than=pooled("max")), "Pooling layer", source=LECTURE, primary=True),
        Claim("Pooling saves computation: without it an image costs over twice the FLOPs.",
              more(logarithm("flops", decimals=2), pooled("none"), than=pooled("max")), "Pooling layer", source=LECTURE,
              threshold=0.301, check=True),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
