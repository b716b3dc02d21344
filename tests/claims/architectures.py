"""What the claims of `architectures` say, and the worlds where they are right and wrong."""

from claims.base.says import about, better
from claims.base.world import costs, inverse, ranked, worlds

VGG = "VGG-11, batch norm"

CLAIMS = {
    "AlexNet is more accurate than LeNet-5.": better("AlexNet", "LeNet-5"),
    "VGG is more accurate than AlexNet, both without norm.": better("VGG-11", "AlexNet"),
    "ResNet is more accurate than VGG, both with batch norm.": better("ResNet-20", VGG),
    "ResNet has fewer parameters than VGG.": about("ResNet-20", VGG, of=("parameters",)),
    "Fully connected layers hold most parameters: AlexNet has ten times those of ResNet-20.": about(
        "AlexNet", "ResNet-20", of=("parameters",)
    ),
}

SIZES = {"LeNet-5": 62e3, "AlexNet": 715e3, VGG: 146e3, "ResNet-20": 68e3}
OTHER_SIZES = {"LeNet-5": 62e3, "AlexNet": 500e3, VGG: 146e3, "ResNet-20": 200e3}

RIGHT, WRONG = worlds(
    ranked("LeNet-5", "AlexNet", "VGG-11", VGG, "ResNet-20"),
    cost=(costs(parameters=SIZES, flops=inverse(SIZES)), costs(parameters=OTHER_SIZES, flops=inverse(OTHER_SIZES))),
)
