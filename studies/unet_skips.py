"""Do skips between a U-Net's encoder and decoder help at equal cost, and how should they be joined?

Concatenation widens the decoder's convolutions. The other two arms get wider channels in return, 11 for 10: 9 % more
parameters and 2 to 3 % fewer multiply-adds than the arm that concatenates. quick: textured shapes of 16×16 pixels,
three resolutions below the first, batch norm, AdamW. paper: four resolutions below the first, no norm, SGD with
momentum 0.99 at a constant rate and an image at a time, as in section 3 of Ronneberger et al. 2015; a sixth of its
width, and drawn shapes of 64×64 pixels in place of its 30 electron-microscopy images.
"""

from litmus import Claim, Study, more

NONE, ADD, CONCATENATE = "no skips", "added", "concatenated"

study = Study(
    source="Ronneberger, Fischer & Brox 2015, U-Net (arXiv 1505.04597)",
    base={
        "model.name": "unet", "model.depth": 3, "model.norm": "batch",
        "data.name": "shapes", "data.image_size": 16, "data.train_images": 500, "data.test_images": 1500,
        "data.validation": 0.2, "data.batch_size": 32,
        "optim.name": "adamw", "optim.lr": 0.01, "optim.schedule": "cosine",
        "trainer.epochs": 12,
    },
    factors={"model.skips": ["none", "add", "concatenate"], "model.width": [10, 11]},
    arms={
        NONE: {"model.skips": "none", "model.width": 11},
        ADD: {"model.skips": "add", "model.width": 11},
        CONCATENATE: {"model.skips": "concatenate", "model.width": 10},
    },
    baseline=NONE,
    seeds=5,
    presets={
        "paper": {
            "model.depth": 4, "model.norm": "none",
            "data.image_size": 64, "data.train_images": 1000, "data.batch_size": 1,
            "optim.name": "sgd", "optim.momentum": 0.99, "optim.lr": 0.0003, "optim.schedule": "constant",
            "trainer.epochs": 30,
        },
    },
    limits={
        "quick": "Twelve epochs of drawn shapes of 16×16 pixels: a network without skips learns slowly, so that the "
        "effect is one on learning in a short time as much as on outlines.",
        "paper": "Drawn shapes in place of cells; the paper's augmentation by elastic deformation is left out.",
    },
    claims=[
        Claim("Skips that are concatenated raise the mean IoU at equal cost.",
              more("test_iou", CONCATENATE, than=NONE), "section 2 and table 2", threshold=0.02,
              paper="no ablation: won the ISBI 2015 cell tracking challenge, 77.5 % IoU where the second had 46 %",
              primary=True, answers="yes"),
        Claim("Skips that are added raise the mean IoU at equal cost.",
              more("test_iou", ADD, than=NONE), "section 4.2", threshold=0.02,
              source="Long, Shelhamer & Darrell 2015, Fully Convolutional Networks (arXiv 1411.4038)",
              paper="59.4 % without skips, 62.7 % with two (PASCAL VOC 2011)", primary=True, answers="yes"),
        Claim("Concatenating beats adding at equal cost.",
              more("test_iou", CONCATENATE, than=ADD), "figure 1: it concatenates where Long et al. add",
              paper="chosen, not compared"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
