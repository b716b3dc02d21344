"""What the claims of `resnet_to_convnext` say, and the worlds where they are right and wrong."""

from claims.base.says import alike, better
from claims.base.world import worlds

START, STEM, DEPTHWISE, WIDER, INVERTED, KERNEL, GELU, FEWER, LAYER, LAST = (
    "baseline",
    *(
        f"+ {step}"
        for step in (
            "patchify", "depthwise", "wider", "inverted bottleneck", "7×7", "GELU", "fewer norms and activations",
            "layer norm", "separate downsampling",
        )
    ),
)  # fmt: skip

CLAIMS = {
    "ConvNeXt is more accurate than the ResNet that it comes from.": better(LAST, START),
    "A patchify stem is no less accurate, to three points.": better(STEM, START),
    "Depthwise convolutions cost accuracy at equal width.": better(STEM, DEPTHWISE),
    "A width of half as much again brings more back.": better(WIDER, DEPTHWISE),
    "Inverted bottlenecks with the depthwise convolution first cost accuracy.": better(WIDER, INVERTED),
    "Kernels of 7×7 are more accurate than those of 3×3.": better(KERNEL, INVERTED),
    "GELU is as accurate as ReLU, to three points.": alike(GELU, KERNEL),
    "Fewer norms and activations are more accurate.": better(FEWER, GELU),
    "Layer norm in place of batch norm is more accurate.": better(LAYER, FEWER),
    "Separate layers for downsampling are more accurate.": better(LAST, LAYER),
}

RIGHT, WRONG = worlds(
    {
        START: (0.60, 0.90),
        STEM: (0.61, 0.80),
        DEPTHWISE: (0.55, 0.85),
        WIDER: (0.70, 0.75),
        INVERTED: (0.65, 0.80),
        KERNEL: (0.75, 0.70),
        GELU: (0.75, 0.80),
        FEWER: (0.80, 0.70),
        LAYER: (0.85, 0.60),
        LAST: (0.90, 0.50),
    }
)
