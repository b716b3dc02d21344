"""Is it better to step after each image, after a mini-batch, or after the whole training set?

The same number of epochs with one image a step, with mini-batches of 30 and with the gradient of the whole training
set, without momentum, each with a tuned learning rate. quick: a network of two convolutions on 900 drawn shapes. paper:
the same question on 9,000 images of 32 pixels, 30 epochs.
"""

from dataclasses import replace

from litmus import Claim, Levels, Study, logarithm, more

LECUN = "LeCun et al. 1998, Efficient BackProp"


def arms(images: int) -> dict[str, Levels]:
    """Return the arms for a training set of so many images."""
    return {
        label: {"data.batch_size": size}
        for label, size in (("one image", 1), ("mini-batches", 30), ("whole set", images))
    }


quick = Study(
    source="the CS231n notes, Optimization 1",
    base={
        "model.name": "convnet", "model.blocks": 2, "model.convolutions": 1, "model.width": 8, "model.dense_units": 32,
        "data.name": "shapes", "data.image_size": 12, "data.num_classes": 4,
        "data.train_images": 1000, "data.test_images": 3000,
        "optim.momentum": 0.0, "optim.lr": 0.03, "trainer.epochs": 10,
    },
    factors=["data.batch_size"],
    arms=arms(900),
    baseline="mini-batches",
    seeds=5,
    tune={"optim.lr": [0.001, 0.01, 0.1, 1.0]},
    limits={"quick": "Ten epochs are ten steps of the gradient of the whole set."},
    claims=[
        Claim("After as many epochs mini-batches are more accurate than the gradient of the whole set.",
              more("test_top1", "mini-batches", than="whole set"), "Stochastic gradient descent", primary=True,
              answers="yes", paper="a full pass for one update is wasteful"),
        Claim("Mini-batches take less than half the time of single images.",
              more(logarithm("seconds"), "one image", than="mini-batches"), "Stochastic gradient descent",
              threshold=0.301, primary=True, answers="yes",
              paper="vectorised code evaluates 100 gradients faster than one, a hundred times"),
        Claim("After as many epochs single images, too, are more accurate than the gradient of the whole set.",
              more("test_top1", "one image", than="whole set"), "section 4.1", source=LECUN,
              paper="stochastic learning is usually much faster than batch learning"),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": replace(
            quick,
            base={**quick.base, "data.image_size": 32, "data.train_images": 10000, "trainer.epochs": 30},
            arms=arms(9000),
            limits={},
        )
    },
)

if __name__ == "__main__":
    study.main()
