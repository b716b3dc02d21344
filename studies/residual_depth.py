"""Do deeper plain networks have a higher training error, and do residual ones not?

Networks of 6n+2 layers with batch norm; shortcuts have no parameters (option A), so that a plain network and its
residual twin have the same. paper: CIFAR-10, 45,000/5,000, 64,000 steps of 128, lr 0.1 divided by ten at a half and
three quarters, weight decay 1e-4, pad-4 crops and flips, per-pixel mean; 20 to 110 layers, without the 400 steps at
0.01 that the paper gives the deepest. cifar16: the paper's networks of 20 to 44 layers on CIFAR-10 at 16 pixels, 12
epochs. quick: half the width and up to 44 layers on scikit-learn's digits. imagenet: 18 and 34 layers on ImageNet as an
image folder, as in section 3.4; `residual_imagenet --preset cifar` has these on CIFAR-10.
"""

from dataclasses import replace

from litmus import Against, Claim, Levels, Study, interaction, more, trend
from litmus.design.protocols import CIFAR_16_PIXELS, HE_2015_CIFAR, HE_2015_IMAGENET


def plain(depth: int) -> Levels:
    return {"model.residual": False, "model.depth": depth}


def residual(depth: int) -> Levels:
    return {"model.residual": True, "model.depth": depth}


def claims(deepest: int, as_well: Claim) -> list[Claim]:
    """Return the claims about networks of 20 layers up to the deepest; `as_well` says that residual ones are fitted."""
    return [
        Claim(f"A plain network of {deepest} layers has a higher training error than one of 20, by more than two "
              "points.", more("fit_error", plain(deepest), than=plain(20)), "figure 6 left", threshold=0.02,
              primary=True, answers="yes", paper="figure 6: plain-56 lies above plain-20 throughout"),
        as_well,
        Claim("So it is not overfitting: training error rises with the depth of plain networks.",
              trend("fit_error", "model.depth", {"model.residual": False}), "section 1"),
        Claim(f"At {deepest} layers the residual network has the lower training error.",
              more("fit_error", plain(deepest), than=residual(deepest)), "figure 6"),
        Claim(f"At {deepest} layers the residual network has the lower test error.",
              more("test_error", plain(deepest), than=residual(deepest)), "figure 6 and table 6",
              primary=True, paper="6.97 % error (residual, 56 layers)"),
        Claim(f"Shortcuts matter more at {deepest} layers than at 20.",
              interaction("test_error", of=(plain(deepest), residual(deepest)), than=(plain(20), residual(20))),
              "figure 6"),
    ]  # fmt: skip


def no_higher_error(deepest: int) -> Claim:
    return Claim(f"A residual network of {deepest} layers has no higher training error than one of 20, to two points.",
                 more("fit_error", residual(20), than=residual(deepest)), "figure 6 middle", threshold=-0.02,
                 primary=True, answers="yes")  # fmt: skip


def no_higher_loss(deepest: int) -> Claim:
    return Claim(f"A residual network of {deepest} layers has no higher training loss than one of 20, to 0.05.",
                 more("fit_loss", residual(20), than=residual(deepest)), "figure 6 middle", threshold=-0.05,
                 primary=True, answers="yes")  # fmt: skip


quick = Study(
    source="He et al. 2015, Deep Residual Learning (arXiv 1512.03385)",
    base={
        "model.name": "resnet_cifar", "model.width": 8,
        "data.name": "digits", "data.batch_size": 128,
        "optim.lr": 0.1, "optim.schedule": "cosine", "trainer.epochs": 20,
    },
    factors={"model.residual": {"plain": False, "residual": True}, "model.depth": [20, 32, 44]},
    baseline=plain(20),
    seeds=4,
    limits={
        "quick": "In 20 epochs plain networks of 44 layers are on their way; those of 56 have hardly started. Residual "
        "networks of all depths fit the digits, too few for more layers to pay in the test."
    },
    plots=[Against("fit_error", "model.depth", "Training error over depth")],
    claims=claims(44, no_higher_loss(44)),
)  # fmt: skip

paper = replace(
    quick,
    base={"model.name": "resnet_cifar", **HE_2015_CIFAR},
    factors={"model.residual": {"plain": False, "residual": True}, "model.depth": [20, 32, 44, 56, 110]},
    limits={},
    claims=[
        *claims(56, no_higher_loss(56)),
        Claim("A residual network of 56 layers has a lower test error than one of 20.",
              more("test_error", residual(20), than=residual(56)), "table 6",
              paper="8.75 % at 20 layers, 7.51 % at 32, 7.17 % at 44, 6.97 % at 56"),
        Claim("One of 110 layers has a lower test error than one of 56.",
              more("test_error", residual(56), than=residual(110)), "section 4.2 and table 6",
              paper="6.61 ± 0.16 % at 110 layers, 6.43 % the best of five"),
    ],
)  # fmt: skip

cifar16 = replace(
    quick,
    base={"model.name": "resnet_cifar", "model.width": 16, **CIFAR_16_PIXELS},
    seeds=3,
    limits={
        "cifar16": "Twelve epochs are a fifteenth of the source's, and images have a quarter of its pixels: deeper "
        "networks, plain or residual, may need more of both. Plain networks of 56 layers, which the source trains, "
        "hardly start in this time."
    },
    claims=claims(44, no_higher_error(44)),
)  # fmt: skip


def on_imagenet(depth: int, residual: bool) -> Levels:
    return {"model.residual": residual, "model.name": f"resnet{depth}"}


study = replace(
    quick,
    presets={
        "paper": paper,
        "cifar16": cifar16,
        "imagenet": replace(
            quick,
            base={**HE_2015_IMAGENET, "model.shortcut": "A"},
            factors=["model.residual", "model.name"],
            arms={
                f"{kind}, {depth} layers": on_imagenet(depth, kind == "residual")
                for kind in ("plain", "residual") for depth in (18, 34)
            },
            baseline="plain, 18 layers",
            limits={},
            plots=[],
            claims=[
                Claim("A plain network of 34 layers has a higher training error than one of 18.",
                      more("fit_error", "plain, 34 layers", than="plain, 18 layers"), "figure 4 left",
                      primary=True, answers="yes"),
                Claim("At 34 layers the residual network has the lower training error.",
                      more("fit_error", "plain, 34 layers", than="residual, 34 layers"), "figure 4",
                      primary=True, answers="yes"),
                Claim("Shortcuts matter more at 34 layers than at 18.",
                      interaction("fit_top1", of=("residual, 34 layers", "plain, 34 layers"),
                                  than=("residual, 18 layers", "plain, 18 layers")), "figure 4"),
                Claim("A residual network of 34 layers has a lower test error than one of 18.",
                      more("test_error", "residual, 18 layers", than="residual, 34 layers"), "table 2",
                      paper="25.03 % and 27.88 % top-1 error"),
            ],
        ),
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
