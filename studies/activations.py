"""Which activation learns fastest, when do ReLUs die, and what do sigmoids do to gradients?

A network of three convolutions and a hidden dense layer with each activation at three learning rates. Every activation
has the initialisation that was derived for it: He et al.'s for ReLUs, Glorot & Bengio's for tanh and sigmoids. Where a
claim names no rate, the best one on the validation split represents the activation. A ReLU is dead if no training image
makes it positive; a leaky one is counted in the same way, though its gradient is not zero. Batch norm with saturating
activations is the question of `saturating_activations`. quick: 8, 16 and 32 filters on drawn shapes. paper: 32, 64 and
128 filters and no hidden layer on CIFAR-10 without augmentation, as many layers as in Krizhevsky et al.'s figure 1.
"""

from dataclasses import replace

from litmus import POINTS, Against, Claim, Levels, OverTraining, Study, Unit, alike, more, probed, sooner

DEAD = probed("dead_units", at="last", unit=POINTS)
FACTOR = probed("decay_factor", at="first", unit=Unit("a layer", "a layer"))
KRIZHEVSKY = "Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks"
COMMON = "Commonly used activation functions"
INITIALISATION = {
    "sigmoid": "xavier_normal", "tanh": "xavier_normal", "relu": "kaiming_normal", "leaky_relu": "kaiming_normal",
}  # fmt: skip
RATES = LOW, SAME, HIGH = 0.01, 0.03, 0.1


def each(activation: str) -> Levels:
    """Return the arms of an activation; the best of them represents it."""
    return {"model.activation": activation}


def at(rate: float, activation: str) -> Levels:
    return {"model.activation": activation, "init.scheme": INITIALISATION[activation], "optim.lr": rate}


def claims(accuracy: float) -> list[Claim]:
    """Return the claims, those of speed about the steps to an accuracy on the validation split."""
    return [
        Claim("Each at its fastest rate, ReLU learns faster than tanh.",
              sooner(each("relu"), than=each("tanh"), to=accuracy, choose="speed"),
              "section 3.1, figure 1", source=KRIZHEVSKY, primary=True,
              paper="six times as fast to 25 % training error on CIFAR-10, a network of four layers"),
        Claim("Too high a rate kills ReLUs: at 0.1 over 20 points more are dead than at 0.01.",
              more(DEAD, at(HIGH, "relu"), than=at(LOW, "relu")), COMMON, threshold=0.2,
              paper="as much as 40 % of a network", primary=True),
        Claim("Sigmoids make the gradient vanish: before training its factor from a layer to the one before is lower "
              "than with ReLUs, by more than 0.2.",
              more(FACTOR, at(SAME, "relu"), than=at(SAME, "sigmoid")), COMMON, threshold=0.2,
              paper="a saturated sigmoid has a gradient of almost zero", primary=True),
        Claim("Tanh is more accurate than sigmoid.", more("test_top1", each("tanh"), than=each("sigmoid")), COMMON,
              paper="tanh is always preferred"),
        Claim("ReLU is more accurate than sigmoid.", more("test_top1", each("relu"), than=each("sigmoid")), COMMON,
              paper="use ReLU, never use sigmoid"),
        Claim("At 0.03 fewer leaky ReLUs are negative for every image.",
              more(DEAD, at(SAME, "relu"), than=at(SAME, "leaky_relu")), COMMON,
              paper="one attempt to fix the dying ReLU problem"),
        Claim("Each at its best rate, leaky ReLU and ReLU are equally accurate, to three points.",
              alike("test_top1", each("leaky_relu"), each("relu")), COMMON, threshold=0.03,
              paper="results are not always consistent"),
    ]  # fmt: skip


quick = Study(
    source="the CS231n notes, Neural networks 1",
    base={
        "model.name": "convnet", "model.blocks": 3, "model.convolutions": 1, "model.width": 8, "model.dense_units": 32,
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6,
        "data.train_images": 2400, "data.test_images": 3000, "data.validation": 0.25, "data.batch_size": 32,
        "trainer.epochs": 9, "trainer.validations_per_epoch": 2,
    },
    factors=["model.activation", "init.scheme", "optim.lr"],
    arms={f"{activation}, {rate}": at(rate, activation) for activation in INITIALISATION for rate in RATES},
    baseline=f"relu, {SAME}",
    seeds=8,
    limits={
        "quick": "Krizhevsky et al. follow training to 25 % error on natural images, and their layers are four to ten "
        "times as wide. Nine epochs at a constant rate: no net has learnt the shapes to the end."
    },
    probes=["dead_units", "gradient_norms"],
    measures={"units that no image makes positive": DEAD, "initial factor of the gradient from layer to layer": FACTOR},
    plots=[
        Against("fit_top1", "optim.lr", "Training accuracy over the learning rate"),
        OverTraining("dead_units", "Units that no training image makes positive"),
    ],
    claims=claims(0.45),
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": replace(
            quick,
            base={
                "model.name": "convnet", "model.blocks": 3, "model.convolutions": 1, "model.width": 32,
                "model.hidden": 0,
                "data.name": "cifar10", "data.batch_size": 128,
                "trainer.epochs": 40, "trainer.validations_per_epoch": 2,
            },
            limits={},
            claims=claims(0.65),
        )
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
