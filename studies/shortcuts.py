"""Which shortcut, in which order, started how? (A / B / C / none, pre-activation, zero-γ)"""

from typing import Any

from studies.design.study import Study, register
from studies.evidence.claim_tests import alike, more
from studies.evidence.claims import Claim

HE2015 = "He et al. 2015, Deep Residual Learning (arXiv 1512.03385), section 4.1 and table 3"
HE2016 = "He et al. 2016, Identity Mappings (arXiv 1603.05027), table 2"
GOYAL = "Goyal et al. 2017, Accurate, Large Minibatch SGD (arXiv 1706.02677), section 5.1"


def arm(
    shortcut: str = "A", residual: bool = True, pre_activation: bool = False, zero_gamma: bool = False
) -> dict[str, Any]:
    """Return the levels of an arm."""
    return {
        "model.shortcut": shortcut,
        "model.residual": residual,
        "model.pre_activation": pre_activation,
        "model.zero_gamma": zero_gamma,
    }


study = register(
    Study(
        name="shortcuts",
        question="Which form of shortcut is best, and how much of its effect is the shortcut itself?",
        protocol=(
            "CIFAR residual networks; A pads with zeros, B projects where the shape changes, C projects everywhere. "
            "quick: 20 layers of half the width on scikit-learn's digits. paper: 56 layers on CIFAR-10 as He et al. "
            "2015."
        ),
        base={
            "model.name": "resnet_cifar",
            "model.depth": 20,
            "model.width": 8,
            "data.name": "digits",
            "data.batch_size": 64,
            "optim.lr": 0.1,
            "optim.schedule": "cosine",
            "trainer.epochs": 10,
        },
        factors=("model.shortcut", "model.residual", "model.pre_activation", "model.zero_gamma"),
        arms={
            "none": arm(residual=False),
            "A": arm("A"),
            "B": arm("B"),
            "C": arm("C"),
            "A, pre-activation": arm("A", pre_activation=True),
            "A, zero γ": arm("A", zero_gamma=True),
        },
        baseline="A",
        seeds=6,
        presets={
            "paper": {
                "model.depth": 56,
                "model.width": 16,
                "data.name": "cifar10",
                "data.batch_size": 128,
                "data.augment": "cifar",
                "data.centring": "pixel",
                "optim.schedule": "multistep",
                "optim.weight_decay": 1e-4,
                "trainer.epochs": 182,
            }
        },
        limits={
            "quick": "The papers' differences between forms are tenths of a point; six small seeds show whole ones."
        },
        claims=(
            *(
                Claim(f"Shortcut {form} is better than none.", HE2015, more("test_top1", form, "none"))
                for form in "ABC"
            ),
            Claim(
                "B is slightly better than A.",
                HE2015,
                more("test_top1", "B", "A"),
                paper="ResNet-34: 25.03 % (A) and 24.52 % (B) top-1 error",
            ),
            Claim(
                "Projections are not essential: C is within a point of B.",
                HE2015,
                alike("test_top1", "C", "B"),
                threshold=0.01,
                paper="24.52 % (B) and 24.19 % (C)",
            ),
            Claim(
                "Pre-activation is better.",
                HE2016,
                more("test_top1", "A, pre-activation", "A"),
                paper="ResNet-110: 6.61 % to 6.37 % error",
            ),
            Claim("Starting the last γ of each branch at zero is better.", GOYAL, more("test_top1", "A, zero γ", "A")),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
