"""How much does it help to look at several parts of a test image?

The arms evaluate the same trained networks on the middle of each test image, on the middle and the four corners, or on
these and their mirror images; the predicted probabilities are averaged. Arms of a seed have every step of training in
common. quick: LeNet-5 with ReLU, max pooling and batch norm on drawn shapes, 32 pixels out of 40. paper: AlexNet on
ImageNet as an image folder, 224 pixels out of 256.
"""

from litmus import Claim, Levels, Study, alike, more
from litmus.design.protocols import IMAGENET_FOLDER


def crops(count: int) -> Levels:
    return {"data.test_crops": count}


study = Study(
    source="Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks",
    base={
        "model.name": "lenet5", "model.norm": "batch", "data.augment": "alexnet",
        "data.name": "shapes", "data.margin": 4, "data.train_images": 1200, "data.test_images": 5000,
        "data.batch_size": 50, "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 20,
    },
    factors={"data.test_crops": [1, 5, 10]},
    baseline=crops(1),
    seeds=8,
    presets={
        "paper": {
            **IMAGENET_FOLDER, "model.name": "alexnet", "data.batch_size": 128, "data.centring": "pixel_mean",
            "data.augment": "alexnet", "optim.lr": 0.01, "optim.weight_decay": 5e-4, "optim.schedule": "plateau",
            "trainer.epochs": 90,
        }
    },
    limits={"quick": "A corner shows shapes that reach over the edge by up to four pixels, of which many do not."},
    claims=[
        # The figure is in a footnote; not checked at the source
        Claim("Ten parts are more accurate than the middle alone.",
              more("test_top1", crops(10), than=crops(1)), "sections 4.1 and 6",
              paper="39.0 % to 37.5 % top-1 error (2010)", primary=True),
        # Implied: the paper does not take the two apart.
        Claim("Five parts, without mirror images, are more accurate than one.",
              more("test_top1", crops(5), than=crops(1)), "implied by section 4.1"),
        Claim("Mirror images add less than a point to the five parts.",
              alike("test_top1", crops(10), crops(5)), "implied by section 4.1", threshold=0.01),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
