"""Which form of shortcut is best, and how much of its effect is the shortcut itself?

CIFAR residual networks; A pads with zeros, B projects where the shape changes, C projects everywhere. Of the network
with A and of its plain twin two more things are measured: how large the answers of the convolutions are, and how
steadily the gradient changes along its direction. quick: 20 layers of half the width on drawn shapes of 12 pixels.
paper: 56 layers on CIFAR-10 as He et al. 2015.
"""

from litmus import Claim, Levels, Study, alike, logarithm, more, probed
from litmus.design.protocols import HE_2015_CIFAR


def network(shortcut: str = "A", *, residual: bool = True) -> Levels:
    return {"model.shortcut": shortcut, "model.residual": residual}


FORMS_COMPARED = "section 4.1 and table 3"
ANSWER = probed("sd", layer=lambda name: ".branch." in name, at="last")
"""The standard deviation of the normalised answers of each block's first convolution, at the last step measured."""

study = Study(
    source="He et al. 2015, Deep Residual Learning (arXiv 1512.03385)",
    base={
        "model.name": "resnet_cifar", "model.depth": 20, "model.width": 8,
        "data.name": "shapes", "data.image_size": 12, "data.num_classes": 6,
        "data.train_images": 2000, "data.test_images": 5000, "data.batch_size": 64,
        "optim.lr": 0.1, "optim.schedule": "cosine", "trainer.epochs": 8, "trainer.probe_every_n_steps": 24,
    },
    factors=["model.shortcut", "model.residual"],
    arms={"none": network(residual=False), "A": network("A"), "B": network("B"), "C": network("C")},
    baseline="A",
    seeds=8,
    probes=["activations", "gradient_predictiveness"],
    measures={"spread of the convolutions' answers": ANSWER},
    presets={"paper": {**HE_2015_CIFAR, "model.depth": 56, "model.width": 16, "trainer.probe_every_n_steps": 1000}},
    limits={"quick": "The paper's differences between A, B and C are tenths of a point; this run sees whole ones."},
    claims=[
        *(Claim(f"Shortcut {form} is better than none.", more("test_top1", form, than="none"), FORMS_COMPARED,
                primary=form == "A")
          for form in "ABC"),
        Claim("B is slightly better than A.", more("test_top1", "B", than="A"), FORMS_COMPARED,
              paper="ResNet-34: 25.03 % (A) and 24.52 % (B) top-1 error"),
        Claim("Projections are not essential: C is within two points of B.", alike("test_top1", "C", "B"),
              FORMS_COMPARED, threshold=0.02, paper="24.52 % (B) and 24.19 % (C)", primary=True),
        Claim("With shortcuts the layers' answers are smaller than without.",
              more(ANSWER, "none", than="A"), "figure 7"),
        Claim("Shortcuts smooth the loss: its gradient changes less along its own direction.",
              more(logarithm(probed("smoothness", at="median")), "none", than="A"), "figures 1 and 5",
              source="Li et al. 2018, Visualizing the Loss Landscape of Neural Nets (arXiv 1712.09913)"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
