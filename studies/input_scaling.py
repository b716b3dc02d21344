"""Does it matter how pixels are scaled before the first layer, and does batch norm make up for it?

Pixels as they are stored (0 to 255), divided by 255, with each pixel's mean subtracted and divided by 255, and
standardised (the channel's mean subtracted, divided by its standard deviation). The first and the last also have a twin
with batch norm, which follows the first convolution. Each arm tunes its learning rate over five decades, since the
scale of the inputs sets which are usable. quick: a convnet of 8 and 16 filters on scikit-learn's digits. paper:
CIFAR-10, three blocks of two convolutions.
"""

from litmus import Claim, Levels, Study, Tuning, alike, interaction, more, sooner

NOTES = "the CS231n notes, Neural networks 2"
IOFFE = "Ioffe & Szegedy 2015, Batch Normalization (arXiv 1502.03167)"


def scaled(centring: str, norm: str = "none") -> Levels:
    return {"data.centring": centring, "model.norm": norm}


RAW, UNIT, CENTRED, STANDARDISED = "none", "unit", "pixel_mean", "channel"
SCALES = {"raw": RAW, "between 0 and 1": UNIT, "centred": CENTRED, "standardised": STANDARDISED}

study = Study(
    source="LeCun et al. 1998, Efficient BackProp",
    base={
        "model.name": "convnet", "model.blocks": 2, "model.convolutions": 1, "model.width": 8, "model.dense_units": 32,
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.01, "trainer.epochs": 12,
    },
    factors=["data.centring", "model.norm"],
    arms={
        **{label: scaled(centring) for label, centring in SCALES.items()},
        **{f"{label}, batch norm": scaled(SCALES[label], "batch") for label in ("raw", "standardised")},
    },
    baseline="standardised",
    seeds=8,
    # Three, for raw pixels train at any rate in some seeds only.
    tune=Tuning({"optim.lr": [0.00001, 0.0001, 0.001, 0.01, 0.1]}, seeds=3),
    presets={
        "paper": {
            "tune": Tuning({"optim.lr": [0.00001, 0.0001, 0.001, 0.01, 0.1]}, seeds=3),
            "model.blocks": 3, "model.convolutions": 2, "model.width": 64, "model.dense_units": 512,
            "data.name": "cifar10", "data.augment": "cifar", "data.batch_size": 128,
            "optim.schedule": "multistep", "optim.weight_decay": 5e-4, "trainer.epochs": 60,
        }
    },
    limits={
        "quick": "Rates a factor of ten apart: what a finer search would gain is left out. The digits' pixels are of "
        "one channel and one scale, and 360 test images leave about three points open: that arms are alike to two is "
        "shown only where the seeds agree better than is usual."
    },
    claims=[
        Claim("Without batch norm raw pixels cost accuracy at any rate: more than five points below standardised ones.",
              more("test_top1", scaled(STANDARDISED), than=scaled(RAW)), "section 4.3", threshold=0.05, primary=True,
              answers="yes"),
        Claim("Inputs of mean zero learn faster than those between 0 and 1.",
              sooner(scaled(STANDARDISED), than=scaled(UNIT)), "section 4.3",
              paper="usually faster if the average is close to zero"),
        Claim("Once centred, images need no division by their deviation: accuracy is the same to two points.",
              alike("test_top1", scaled(CENTRED), scaled(STANDARDISED)), "Data preprocessing", source=NOTES,
              threshold=0.02, paper="not strictly necessary"),
        Claim("Batch norm behind the first layer makes up for it: it matters more to raw than to standardised inputs.",
              interaction("test_top1", of=(scaled(RAW, "batch"), scaled(RAW)),
                          than=(scaled(STANDARDISED, "batch"), scaled(STANDARDISED))),
              "section 3.3, BN(aWu) = BN(Wu)", source=IOFFE, primary=True, answers="yes"),
        Claim("With batch norm raw pixels are as accurate as standardised ones, to two points.",
              alike("test_top1", scaled(RAW, "batch"), scaled(STANDARDISED, "batch")), "section 3.3, BN(aWu) = BN(Wu)",
              source=IOFFE, threshold=0.02),
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
