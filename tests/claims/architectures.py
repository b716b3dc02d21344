"""What the claims of `architectures` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better
from claims.base.world import costs, inverse, ranked, worlds

LENET, ALEXNET, VGG, DENSE, RESNET = (
    "LeNet-5, batch norm", "AlexNet, batch norm", "VGG-11, batch norm", "VGG-11, dense layers, batch norm", "ResNet-20"
)  # fmt: skip

CLAIMS = {
    "AlexNet is more accurate than LeNet-5, both with batch norm.": better(ALEXNET, LENET),
    "Without its hidden dense layers VGG is no less accurate, to three points.": better(VGG, DENSE),
    "VGG is more accurate than AlexNet, both with batch norm.": better(VGG, ALEXNET),
    "ResNet is more accurate than VGG, both with batch norm.": better(RESNET, VGG),
    "ResNet has fewer parameters than VGG.": about(RESNET, VGG, of=("parameters",)),
    "Fully connected layers hold most parameters: AlexNet has five times those of ResNet-20.": about(
        ALEXNET, RESNET, of=("parameters",)
    ),
}

SIZES = {LENET: 45e3, ALEXNET: 370e3, VGG: 579e3, RESNET: 68e3}
OTHER_SIZES = {LENET: 45e3, ALEXNET: 500e3, VGG: 146e3, RESNET: 200e3}
RISING = ranked(LENET, ALEXNET, VGG, RESNET)

RIGHT, WRONG = worlds(
    {**RISING, DENSE: (RISING[VGG][0] + 0.01, RISING[VGG][1] + 0.05)},
    cost=(costs(parameters=SIZES, flops=inverse(SIZES)), costs(parameters=OTHER_SIZES, flops=inverse(OTHER_SIZES))),
)
