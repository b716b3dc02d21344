"""At equal cost, are more layers in bottlenecks better than fewer in basic blocks?

CIFAR ResNets: two 3×3 convolutions a block, or 1×1, 3×3, 1×1 to four times the channels. 29 layers of bottlenecks have
the parameters (within 2 %) and FLOPs (within 8 %) of 20 layers of basic blocks. quick: half the width on
scikit-learn's digits. paper: CIFAR-10.
"""

from litmus import Claim, Study, alike, logarithm, more
from litmus.design.protocols import HE_2015_CIFAR

study = Study(
    source="He et al. 2015, Deep Residual Learning (arXiv 1512.03385)",
    base={
        "model.name": "resnet_cifar", "model.width": 8,
        "data.name": "digits", "data.batch_size": 64,
        "optim.lr": 0.1, "optim.schedule": "cosine", "trainer.epochs": 10,
    },
    factors=["model.block", "model.depth"],
    arms={
        "basic, 20 layers": {"model.block": "basic", "model.depth": 20},
        "bottleneck, 20 layers": {"model.block": "bottleneck", "model.depth": 20},
        "bottleneck, 29 layers": {"model.block": "bottleneck", "model.depth": 29},
    },
    baseline="basic, 20 layers",
    seeds=6,
    presets={"paper": {**HE_2015_CIFAR, "model.width": 16}},
    limits={"quick": "Digits leave both within a point of the ceiling; the paper argues about 50 layers and more."},
    claims=[
        Claim("At equal cost the deeper network of bottlenecks is more accurate.",
              more("test_top1", "bottleneck, 29 layers", than="basic, 20 layers"), "section 4.1, table 3",
              paper="ImageNet, ResNet-34 to ResNet-50 (3.6 to 3.8 GFLOPs): 24.19 % to 22.85 % top-1 error",
              primary=True, answers="yes"),
        Claim("The two cost the same FLOPs, to 10 %.",
              alike(logarithm("flops"), "bottleneck, 29 layers", "basic, 20 layers"), "section 4.1",
              threshold=0.0414, check=True),  # log10(1.1)
    ],
)  # fmt: skip

if __name__ == "__main__":
    study.main()
