"""Which of the changes that Ioffe & Szegedy made along with batch norm gives the gain?

An AlexNet for small images with everything that batch norm is said to make unnecessary: dropout, LRN, strong L2, slow
decay, heavy distortion, one order for all epochs. Each arm with a + changes one thing on top of the arm before; each
of the others has all changes but one, batch norm among them. The paper trained an Inception on ImageNet; here paper
uses CIFAR-10 and quick drawn shapes.
"""

from typing import Any

from litmus import Claim, Levels, Study, more

STEPS: dict[str, Levels] = {
    "without": {},
    "+ batch norm": {"model.norm": "batch"},
    "+ lr x5": {"optim.lr": 0.05},
    "+ no dropout": {"model.dropout": 0.0},
    "+ L2 /5": {"optim.weight_decay": 1e-4},
    "+ decay x6": {"optim.decay_factor": 0.5**6},
    "+ no LRN": {"model.local_response_norm": False},
    "+ reshuffling": {"data.reshuffle": True},
    "+ less distortion": {"data.augment": "cifar"},
}
"""What each arm changes on top of the one before it, in the paper's order."""


def cumulative() -> dict[str, Levels]:
    """Return the arms: each has its change and all those before it."""
    levels: dict[str, Any] = {}
    return {label: dict(levels := {**levels, **change}) for label, change in STEPS.items()}


FULL = "+ less distortion"
TAKEN_BACK: dict[str, Levels] = {
    "all but batch norm": {"model.norm": "none"},
    "all but lr x5": {"optim.lr": 0.01},
    "all but no dropout": {"model.dropout": 0.5},
    "all but L2 /5": {"optim.weight_decay": 5e-4},
    "all but decay x6": {"optim.decay_factor": 0.5},
    "all but no LRN": {"model.local_response_norm": True},
    "all but reshuffling": {"data.reshuffle": False},
}
"""What each of these arms has as it was before; all but less distortion is the arm before the last."""


def leave_one_out() -> dict[str, Levels]:
    """Return the arms that have all changes but one."""
    full = cumulative()[FULL]
    return {label: {**full, **levels} for label, levels in TAKEN_BACK.items()}


study = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        "model.name": "alexnet_cifar", "model.width": 0.125, "model.dense_units": 64,
        "model.local_response_norm": True,
        "data.name": "shapes", "data.train_images": 1000, "data.batch_size": 50,
        "data.augment": "cifar_heavy", "data.reshuffle": False,
        "optim.lr": 0.01, "optim.weight_decay": 5e-4, "optim.schedule": "exponential", "optim.decay_factor": 0.5,
        "trainer.epochs": 8,
    },
    factors=[key for change in STEPS.values() for key in change],
    arms={**cumulative(), **leave_one_out()},
    baseline="without",
    seeds=3,
    presets={
        "paper": {
            "model.width": 1.0, "model.dense_units": 1024,
            "data.name": "cifar10", "data.batch_size": 128, "trainer.epochs": 100,
        }
    },
    limits={
        "quick": "Eight epochs of 900 images and three seeds: single steps of a few points do not stand out, and the "
        "arms with heavy distortion are still improving when they end."
    },
    claims=[
        Claim("Batch norm alone helps.",
              more("test_top1", "+ batch norm", than="without"), "section 4.2.2, figure 3", primary=True),
        Claim("With batch norm, five times the learning rate helps.",
              more("test_top1", "+ lr x5", than="+ batch norm"), "section 4.2.1"),
        Claim("With batch norm, leaving out dropout helps.",
              more("test_top1", "+ no dropout", than="+ lr x5"), "section 4.2.1"),
        Claim("With batch norm, a fifth of the L2 penalty helps.",
              more("test_top1", "+ L2 /5", than="+ no dropout"), "section 4.2.1"),
        Claim("With batch norm, decaying six times as fast helps.",
              more("test_top1", "+ decay x6", than="+ L2 /5"), "section 4.2.1"),
        Claim("With batch norm, leaving out LRN helps.",
              more("test_top1", "+ no LRN", than="+ decay x6"), "section 4.2.1"),
        Claim("With batch norm, shuffling anew in each epoch helps.",
              more("test_top1", "+ reshuffling", than="+ no LRN"), "section 4.2.1",
              paper="about 1 % of validation accuracy"),
        Claim("With batch norm, distorting images less helps.",
              more("test_top1", "+ less distortion", than="+ reshuffling"), "section 4.2.1"),
        Claim("Batch norm and all seven together help.",
              more("test_top1", FULL, than="without"), "section 4.2.2, figure 3",
              paper="72.2 % (Inception) to 73.0 % (BN-x5)", primary=True),
        Claim("Of all together, batch norm is what cannot be left out.",
              more("test_top1", FULL, than="all but batch norm"), "section 4.2.1", primary=True),
        *(Claim(f"Of all together, {label.removeprefix('all but ')} helps.", more("test_top1", FULL, than=label),
                "section 4.2.1")
          for label in TAKEN_BACK if label != "all but batch norm"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
