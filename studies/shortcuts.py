"""Which form of shortcut is best, and how much of its effect is the shortcut itself?

CIFAR residual networks; A pads with zeros, B projects where the shape changes, C projects everywhere. quick: 20 layers
of half the width on scikit-learn's digits. paper: 56 layers on CIFAR-10 as He et al. 2015.
"""

from litmus import Claim, Levels, Study, alike, more
from litmus.design.protocols import HE_2015_CIFAR


def network(
    shortcut: str = "A", *, residual: bool = True, pre_activation: bool = False, zero_gamma: bool = False
) -> Levels:
    return {
        "model.shortcut": shortcut, "model.residual": residual,
        "model.pre_activation": pre_activation, "model.zero_gamma": zero_gamma,
    }  # fmt: skip


FORMS_COMPARED = "section 4.1 and table 3"

study = Study(
    source="He et al. 2015, Deep Residual Learning (arXiv 1512.03385)",
    base={
        "model.name": "resnet_cifar", "model.depth": 20, "model.width": 8,
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.1, "optim.schedule": "cosine", "trainer.epochs": 10,
    },
    factors=["model.shortcut", "model.residual", "model.pre_activation", "model.zero_gamma"],
    arms={
        "none": network(residual=False),
        "A": network("A"),
        "B": network("B"),
        "C": network("C"),
        "A, pre-activation": network("A", pre_activation=True),
        "A, zero γ": network("A", zero_gamma=True),
    },
    baseline="A",
    seeds=6,
    presets={"paper": {**HE_2015_CIFAR, "model.depth": 56, "model.width": 16}},
    limits={"quick": "The papers' differences between forms are tenths of a point; six small seeds show whole ones."},
    claims=[
        *(Claim(f"Shortcut {form} is better than none.", more("test_top1", form, than="none"), FORMS_COMPARED,
                primary=form == "A")
          for form in "ABC"),
        Claim("B is slightly better than A.", more("test_top1", "B", than="A"), FORMS_COMPARED,
              paper="ResNet-34: 25.03 % (A) and 24.52 % (B) top-1 error", primary=True),
        Claim("Projections are not essential: C is within a point of B.", alike("test_top1", "C", "B"), FORMS_COMPARED,
              threshold=0.01, paper="24.52 % (B) and 24.19 % (C)", primary=True),
        Claim("Pre-activation is better.", more("test_top1", "A, pre-activation", than="A"), "table 2",
              source="He et al. 2016, Identity Mappings (arXiv 1603.05027)",
              paper="ResNet-110: 6.61 % to 6.37 % error"),
        Claim("Starting the last γ of each branch at zero is better.",
              more("test_top1", "A, zero γ", than="A"), "section 5.1",
              source="Goyal et al. 2017, Accurate, Large Minibatch SGD (arXiv 1706.02677)"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
