"""Which norm makes a residual network accurate at a batch of usual size, and can it do without?

Batch, group, layer and instance norm, no norm, and no norm with Fixup's initialisation, biases and scales. Batch norm
also has an ε of 0.001, the default of Keras, in place of PyTorch's 0.00001. Each arm tunes its learning rate. quick:
ResNet-8 of width 8 on drawn shapes, batches of 64. cifar16: ResNet-20 on CIFAR-10 at 16 pixels, six epochs at one rate.
paper: ResNet-20 on CIFAR-10; Wu & He's table is of ResNet-50 on ImageNet, 32 images a GPU.
"""

from dataclasses import replace

from litmus import Claim, Study, alike, more
from litmus.design.protocols import CIFAR_16_PIXELS, CIFAR_STEPWISE

ZHANG = "Zhang et al. 2019, Fixup Initialization (arXiv 1901.09321)"

quick = Study(
    source="Wu & He 2018, Group Normalization (arXiv 1803.08494)",
    base={
        "model.name": "resnet_cifar", "model.depth": 8, "model.width": 8,
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6,
        "data.train_images": 3000, "data.test_images": 5000, "data.batch_size": 64,
        "optim.lr": 0.05, "optim.schedule": "cosine", "trainer.epochs": 6,
    },
    factors=["model.norm", "model.fixup", "norm.eps"],
    arms={
        **{f"{norm} norm": {"model.norm": norm} for norm in ("batch", "group", "layer", "instance")},
        "batch norm, ε of 0.001": {"model.norm": "batch", "norm.eps": 0.001},
        "no norm": {"model.norm": "none"},
        "Fixup": {"model.norm": "none", "model.fixup": True},
    },
    baseline="batch norm",
    seeds=5,
    tune={"optim.lr": [0.05, 0.2]},
    presets={
        "paper": {
            **CIFAR_STEPWISE, "model.depth": 20, "model.width": 16,
            "tune": {"optim.lr": [0.03, 0.1, 0.3]},
        }
    },
    limits={"quick": "Six epochs: no net has learnt the shapes to the end, and how fast it learns counts."},
    claims=[
        Claim("Batch norm is more accurate than group norm.",
              more("test_top1", "batch norm", than="group norm"), "table 1", primary=True,
              paper="23.6 % and 24.1 % error"),
        Claim("Group norm is more accurate than instance norm.",
              more("test_top1", "group norm", than="instance norm"), "table 1", primary=True,
              paper="24.1 % and 28.4 % error"),
        Claim("Group norm is more accurate than layer norm.",
              more("test_top1", "group norm", than="layer norm"), "table 1", paper="24.1 % and 25.3 % error"),
        Claim("Batch norm is more accurate than none.",
              more("test_top1", "batch norm", than="no norm"), "section 1", primary=True),
        Claim("With Fixup a net without norm is more accurate than without.",
              more("test_top1", "Fixup", than="no norm"), source=ZHANG),
        Claim("With Fixup it is as accurate as with batch norm, to two points.",
              alike("test_top1", "Fixup", "batch norm"), source=ZHANG, threshold=0.02),
        Claim("The ε of batch norm does not matter: a hundred times as large moves the accuracy by less than a point.",
              alike("test_top1", "batch norm, ε of 0.001", "batch norm"), threshold=0.01,
              source="lectures: ε only keeps the division from failing"),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        **quick.presets,
        "cifar16": replace(
            quick,
            base={
                "model.name": "resnet_cifar", "model.depth": 20, "model.width": 16,
                **CIFAR_16_PIXELS, "optim.lr": 0.03, "optim.schedule": "cosine", "trainer.epochs": 6,
            },
            seeds=3,
            tune={},
            limits={"cifar16": "Six epochs at one rate, 0.03, as the source gives all norms one; the source trains for "
                    "100. In pilots at a tenth of the data batch norm did as well at 0.1, group norm and Fixup worse; "
                    "without norm or Fixup the network hardly learnt at any rate from 0.0003 to 0.1."},
        ),
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
