"""Which of the changes that Ioffe & Szegedy made along with batch norm gives the gain?

An AlexNet for small images starts with everything that batch norm is said to make unnecessary: dropout, LRN, strong L2,
slow decay, heavy distortion, one order for all epochs. It is compared with batch norm alone, with all changes, and with
all but one of them. quick: drawn shapes. paper: CIFAR-10, with each change left out in turn; the source trained an
Inception on ImageNet.
"""

from dataclasses import replace

from litmus import Claim, Levels, Study, more

CHANGES: dict[str, Levels] = {
    "batch norm": {"model.norm": "batch"},
    "five times the rate": {"optim.lr": 0.05},
    "no dropout": {"model.dropout": 0.0},
    "less distortion": {"data.augment": "cifar"},
    "a fifth of the L2 penalty": {"optim.weight_decay": 1e-4},
    "six times the decay": {"optim.decay_factor": 0.5**6},
    "no LRN": {"model.local_response_norm": False},
    "reshuffling": {"data.reshuffle": True},
}
LARGE = tuple(CHANGES)[:4]


def all_but(left_out: str | None = None) -> Levels:
    """Return the levels of all changes but one, which stays as it is in the base."""
    return {key: level for name, change in CHANGES.items() if name != left_out for key, level in change.items()}


def arms(*left_out: str) -> dict[str, Levels]:
    """Return the arms without a change, with batch norm alone, with all changes, and with all but one of these."""
    alone = {"without": {}, "batch norm alone": CHANGES["batch norm"], "all": all_but()}
    return {**alone, **{f"all but {name}": all_but(name) for name in left_out}}


def claims(*left_out: str) -> list[Claim]:
    return [
        Claim("Batch norm alone helps.",
              more("test_top1", "batch norm alone", than="without"), "section 4.2.2, figure 3",
              paper="72.2 % to 72.7 %, in 13.3 M steps instead of 31.0 M"),
        Claim("Batch norm and all seven other changes together help.",
              more("test_top1", "all", than="without"), "section 4.2.2, figure 3",
              paper="72.2 % (Inception) to 73.0 % (BN-x5)", primary=True),
        Claim("Of all together, batch norm is what cannot be left out.",
              more("test_top1", "all", than="all but batch norm"), "section 4.2.1", primary=True),
        *(Claim(f"Of all together, {name} helps.", more("test_top1", "all", than=f"all but {name}"), "section 4.2.1",
                paper="about 1 % of validation accuracy" if name == "reshuffling" else "")
          for name in left_out if name != "batch norm"),
    ]  # fmt: skip


BEFORE: Levels = {
    "model.name": "alexnet_cifar", "model.local_response_norm": True,
    "data.augment": "cifar_heavy", "data.reshuffle": False,
    "optim.lr": 0.01, "optim.weight_decay": 5e-4, "optim.schedule": "exponential", "optim.decay_factor": 0.5,
}  # fmt: skip

quick = Study(
    source="Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)",
    base={
        **BEFORE, "model.width": 0.125, "model.dense_units": 64,
        "data.name": "shapes", "data.train_images": 1200, "data.test_images": 2000,
        "data.batch_size": 50, "trainer.epochs": 8,
    },
    factors=[key for change in CHANGES.values() for key in change],
    arms=arms(*LARGE),
    baseline="without",
    seeds=5,
    limits={
        "quick": "Of the changes other than batch norm three are left out in turn; the others, of which the source "
        "gives a point or nothing, are part of all arms with changes. Arms with heavy distortion are still improving "
        "when they end."
    },
    claims=claims(*LARGE),
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": replace(
            quick,
            base={
                **BEFORE, "model.width": 1.0, "model.dense_units": 1024,
                "data.name": "cifar10", "data.batch_size": 128, "trainer.epochs": 100,
            },
            arms=arms(*CHANGES),
            limits={},
            claims=claims(*CHANGES),
        )
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
