"""Is ConvNeXt more accurate than the ResNet that it comes from, and which steps between them help?

From a ResNet of bottlenecks to ConvNeXt in nine steps, each on top of those before. Liu et al. change the number of
blocks in a stage before the first step, which all networks here have, and move the depthwise convolution to the front
of the block in a step of its own, which is here part of the inverted bottleneck. AdamW, one learning rate, a warm-up
and a cosine to zero. quick: six blocks on drawn shapes of 16 pixels, patches of 2. paper: 18 blocks, as ConvNeXt-T, on
CIFAR-10, patches of 2.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from litmus import Claim, Study, alike, more


def steps(narrow: int, wide: int) -> dict[str, Mapping[str, Any]]:
    """Return the factors in the order of the steps, each with the ResNet's level and ConvNeXt's, by name."""
    return {
        "model.stem": {"convolution stem": "convolution", "patchify": "patchify"},
        "model.depthwise": {"dense": False, "depthwise": True},
        "model.width": {"narrow": narrow, "wider": wide},
        "model.inverted": {"bottleneck": False, "inverted bottleneck": True},
        "model.kernel_size": {"3×3": 3, "7×7": 7},
        "model.activation": {"ReLU": "relu", "GELU": "gelu"},
        "model.sparse": {"all norms and activations": False, "fewer norms and activations": True},
        "model.norm": {"batch norm": "batch", "layer norm": "layer_2d"},
        "model.downsampling": {"strided blocks": "block", "separate downsampling": "separate"},
    }


def resnet(narrow: int) -> dict[str, Any]:
    """Return the level of each factor before the first step."""
    return {key: next(iter(levels.values())) for key, levels in steps(narrow, 0).items()}


def step(sentence: str, before: str, after: str, where: str, paper: str) -> Claim:
    return Claim(sentence, more("test_top1", f"+ {after}", than=f"+ {before}"), where, paper=paper)


ADAMW = {
    "model.name": "convnext", "model.patch": 2, "optim.name": "adamw", "optim.weight_decay": 0.05,
    "optim.schedule": "cosine", "optim.warmup": 0.07,
}  # fmt: skip

quick = Study(
    source="Liu et al. 2022, A ConvNet for the 2020s (arXiv 2201.03545)",
    base={
        **ADAMW, "model.stage_blocks": 1, "optim.lr": 0.006, "trainer.epochs": 3,
        "data.name": "shapes", "data.image_size": 16, "data.num_classes": 6,
        "data.train_images": 3600, "data.test_images": 3000, "data.batch_size": 50,
    },
    factors=steps(8, 12),
    design="ladder",
    baseline=resnet(8),
    seeds=5,
    limits={
        "quick": "The source trains for 300 epochs of ImageNet; 195 steps at one learning rate show which network "
        "learns fast. The first network takes 0.66 MFLOPs, the last one 0.62, and those between 0.39 and 0.85; the "
        "source's take 4.5 GFLOPs, 4.5, and 2.4 to 5.3. Maps are of 8×8 pixels and smaller, of which a kernel of 7×7 "
        "sees nearly all."
    },
    claims=[
        Claim("ConvNeXt is more accurate than the ResNet that it comes from.",
              more("test_top1", "+ separate downsampling", than="baseline"), "section 2.6, figure 2",
              paper="79.4 % to 82.0 %", primary=True, answers="yes"),
        Claim("A patchify stem is no less accurate, to three points.",
              more("test_top1", "+ patchify", than="baseline"), "section 2.2", threshold=-0.03,
              paper="79.4 % to 79.5 %"),
        Claim("Depthwise convolutions cost accuracy at equal width.",
              more("test_top1", "+ patchify", than="+ depthwise"), "section 2.3", paper="79.5 % to 78.3 %"),
        step("A width of half as much again brings more back.", "depthwise", "wider", "section 2.3",
             "78.3 % to 80.5 %"),
        Claim("Inverted bottlenecks with the depthwise convolution first cost accuracy.",
              more("test_top1", "+ wider", than="+ inverted bottleneck"), "sections 2.4 and 2.5",
              paper="80.5 % to 79.9 %, with less work"),
        step("Kernels of 7×7 are more accurate than those of 3×3.", "inverted bottleneck", "7×7", "section 2.5",
             "79.9 % to 80.6 %"),
        Claim("GELU is as accurate as ReLU, to three points.",
              alike("test_top1", "+ GELU", "+ 7×7"), "section 2.6", threshold=0.03, paper="80.6 % both"),
        step("Fewer norms and activations are more accurate.", "GELU", "fewer norms and activations", "section 2.6",
             "80.6 % to 81.4 %"),
        step("Layer norm in place of batch norm is more accurate.", "fewer norms and activations", "layer norm",
             "section 2.6", "81.4 % to 81.5 %"),
        step("Separate layers for downsampling are more accurate.", "layer norm", "separate downsampling",
             "section 2.6", "81.5 % to 82.0 %"),
    ],
)  # fmt: skip

study = replace(
    quick,
    presets={
        "paper": replace(
            quick,
            base={
                **ADAMW, "model.stage_blocks": 3, "optim.lr": 0.001, "trainer.epochs": 100,
                "data.name": "cifar10", "data.augment": "cifar", "data.mix": "cutmix", "data.batch_size": 128,
                "optim.label_smoothing": 0.1,
            },
            factors=steps(32, 48),
            baseline=resnet(32),
            limits={
                "paper": "The nearest that one GPU trains: CIFAR-10 for ImageNet, 100 epochs for 300, CutMix, crops, "
                "flips and smoothed labels for all of the source's augmentation, and no stochastic depth. The first "
                "network takes 92 MFLOPs, the last one 94."
            },
        )
    },
)  # fmt: skip

if __name__ == "__main__":
    study.main()
