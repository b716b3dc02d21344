"""At which batch sizes does batch norm break, and do other norms hold there?

Equal epochs, with the learning rate proportional to the batch; `large_batches` asks what steps and rates do by
themselves. One device, so that the batch is the per-device batch. quick: a fully connected net on scikit-learn's
digits. In it batch norm sees one value of a unit per sample, two in a batch of two, whereas a convolution's map would
add its positions. Its group norm has groups of 16 units, because groups of two units would leave only the signs.
paper: ResNet-20 on CIFAR-10; Wu & He's table is of ResNet-50 on ImageNet, 8 GPUs. Ghost batches are of 32.
"""

from litmus import Claim, Levels, Study, alike, gap, interaction, logarithm, more, probed

MCCANDLISH = "McCandlish et al. 2018, An Empirical Model of Large-Batch Training (arXiv 1812.06162)"
SIZES = {
    "batch": (2, 8, 32, 256),
    "group": (1, 2, 8, 32, 256),
    "layer": (2, 32),
    "ghost_batch": (256,),
    "none": (2, 32),
}
"""The batches of each norm; batch norm cannot be trained on single samples of a fully connected net."""
GRADIENT = logarithm(probed("weight_gradient_norm", at="first"))


def arm(norm: str, size: int) -> Levels:
    """Return the levels of an arm: the learning rate is proportional to the batch (Goyal et al. 2017, section 2.1)."""
    return {"model.norm": norm, "data.batch_size": size, "optim.lr": 0.05 * size / 32}


study = Study(
    source="Wu & He 2018, Group Normalization (arXiv 1803.08494)",
    base={
        "model.name": "mlp", "model.depth": 2, "model.width": 64, "model.activation": "relu",
        "norm.groups": 4,
        "data.name": "digits", "trainer.epochs": 6, "trainer.probe_every_n_steps": 1_000_000,
    },
    factors=["model.norm", "data.batch_size", "optim.lr"],
    arms={f"{norm}, batch {size}": arm(norm, size) for norm, sizes in SIZES.items() for size in sizes},
    baseline="batch, batch 32",
    seeds=4,
    presets={
        "paper": {
            "model.name": "resnet_cifar", "model.depth": 20, "model.width": 16, "norm.groups": 32,
            "data.name": "cifar10", "data.augment": "cifar",
            "optim.weight_decay": 1e-4, "optim.schedule": "multistep", "optim.warmup": 0.03, "trainer.epochs": 100,
        }
    },
    limits={"quick": "Six epochs of 1,293 images are 30 steps in batches of 256: too few for its arms to end."},
    probes=["gradient_norms"],
    measures={
        "training minus test accuracy": gap("fit_top1", "test_top1"),
        "log10 of the gradient's norm before training": GRADIENT,
    },
    claims=[
        Claim("With batch norm, batches of 2 are less accurate than batches of 32, by more than a point.",
              more("test_top1", arm("batch", 32), than=arm("batch", 2)), "table 2 and figure 1", threshold=0.01,
              paper="ResNet-50, 32 and 2 images a GPU: 23.6 % and 34.7 % error"),
        Claim("In batches of 2, group norm is more accurate than batch norm, by more than a point.",
              more("test_top1", arm("group", 2), than=arm("batch", 2)), "table 2 and figure 1", threshold=0.01,
              paper="24.1 % against 34.7 % error"),
        Claim("Going from 32 to 2 costs batch norm more than group norm.",
              interaction("test_top1", of=(arm("batch", 32), arm("batch", 2)),
                          than=(arm("group", 32), arm("group", 2))), "table 2 and figure 1",
              paper="11.1 points against 0.0"),
        Claim("Group norm is as accurate in batches of 2 as in batches of 32, to two points.",
              alike("test_top1", arm("group", 2), arm("group", 32)), "table 2", threshold=0.02,
              paper="24.1 % and 24.1 % error"),
        # not checked at the source: the appendix
        Claim("The noise of a small batch makes its gradient longer: that of 2 samples against that of 256.",
              more(GRADIENT, arm("group", 2), than=arm("group", 256)), "appendix A.1", source=MCCANDLISH,
              paper="E|g|² = |G|² + tr(Σ)/B"),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
