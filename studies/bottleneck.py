"""At equal cost, is a deeper network of bottlenecks better than one of basic blocks? (block × depth)"""

from typing import Any

from studies.design.study import Study, register
from studies.evidence.claim_tests import alike, more
from studies.evidence.claims import Claim
from studies.evidence.measures import logarithm
from studies.evidence.units import Unit

PAPER = "He et al. 2015, Deep Residual Learning (arXiv 1512.03385), section 4.1"
DECADES = Unit("decades", "decades", decimals=3)

ARMS: dict[str, dict[str, Any]] = {
    "basic, 20 layers": {"model.block": "basic", "model.depth": 20},
    "bottleneck, 20 layers": {"model.block": "bottleneck", "model.depth": 20},
    "bottleneck, 29 layers": {"model.block": "bottleneck", "model.depth": 29},
}

study = register(
    Study(
        name="bottleneck",
        question="At equal cost, are more layers in bottlenecks better than fewer in basic blocks?",
        protocol=(
            "CIFAR ResNets: two 3×3 convolutions a block, or 1×1, 3×3, 1×1 to four times the channels. 29 layers of "
            "bottlenecks have the parameters (within 2 %) and FLOPs (within 8 %) of 20 layers of basic blocks. quick: "
            "half the width on scikit-learn's digits. paper: CIFAR-10."
        ),
        base={
            "model.name": "resnet_cifar",
            "model.width": 8,
            "data.name": "digits",
            "data.batch_size": 64,
            "optim.lr": 0.1,
            "optim.schedule": "cosine",
            "trainer.epochs": 10,
        },
        factors=("model.block", "model.depth"),
        arms=ARMS,
        baseline="basic, 20 layers",
        seeds=6,
        presets={
            "paper": {
                "model.width": 16,
                "data.name": "cifar10",
                "data.batch_size": 128,
                "data.augment": "cifar",
                "data.centring": "pixel",
                "optim.weight_decay": 1e-4,
                "optim.schedule": "multistep",
                "trainer.epochs": 182,
            }
        },
        limits={"quick": "Digits leave both within a point of the ceiling; the paper argues about 50 layers and more."},
        claims=(
            Claim(
                "At equal cost the deeper network of bottlenecks is more accurate.",
                PAPER,
                more("test_top1", "bottleneck, 29 layers", "basic, 20 layers"),
                paper="ImageNet, ResNet-34 to ResNet-50 (3.6 to 3.8 GFLOPs): 24.19 % to 22.85 % top-1 error",
            ),
            Claim(
                "The two cost the same FLOPs, to 10 %.",
                PAPER,
                alike(logarithm("flops"), "bottleneck, 29 layers", "basic, 20 layers", DECADES),
                threshold=0.0414,
            ),
        ),
    )
)

if __name__ == "__main__":
    from studies.command.main import run_script

    run_script(study)
