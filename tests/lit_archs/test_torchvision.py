"""Of every kind of block of torchvision's networks one: its weights copied across, the same logits and gradients."""

import re

import pytest
import torch
import torchvision
from torch import Tensor, nn

from litmus.lit_archs.building.registry import construct
from litmus.lit_archs.learning.loss import AuxiliaryOutputs

CLASSES = 10
HIDDEN = 64

Rules = dict[str, str] | tuple[tuple[str, str], ...]
"""Our layer by torchvision's: name by name, or by regular expressions."""


def vgg_names(depth: int, norm: bool) -> dict[str, str]:
    """Return our name by torchvision's: its layers are numbered through all stages."""
    stages = {11: (1, 1, 2, 2, 2), 19: (2, 2, 4, 4, 4)}[depth]
    names, position = {}, 0
    for stage, count in enumerate(stages, start=1):
        for index in range(1, count + 1):
            names[f"features.{position}"] = f"stage{stage}.conv{index}"
            if norm:
                names[f"features.{position + 1}"] = f"stage{stage}.norm{index}.norm"
            position += 3 if norm else 2
        position += 1
    return names | {"classifier.0": "fc1", "classifier.3": "fc2", "classifier.6": "classifier"}


ALEXNET = {
    **{f"features.{position}": f"conv{index}" for index, position in enumerate((0, 3, 6, 8, 10), start=1)},
    "classifier.1": "fc1",
    "classifier.4": "fc2",
    "classifier.6": "classifier",
}

RESNET = (
    (r"^conv1$", "conv"),
    (r"^bn1$", "norm.norm"),
    (r"^layer(\d)\.(\d+)\.conv(\d)$", r"stage\1.\2.branch.conv\3"),
    (r"^layer(\d)\.(\d+)\.downsample\.0$", r"stage\1.\2.shortcut.conv"),
    (r"^layer(\d)\.(\d+)\.downsample\.1$", r"stage\1.\2.shortcut.norm"),
    (r"^fc$", "classifier"),
)
BASIC_NORMS = (
    (r"^layer(\d)\.(\d+)\.bn1$", r"stage\1.\2.branch.norm1.norm"),
    (r"^layer(\d)\.(\d+)\.bn2$", r"stage\1.\2.branch.norm_last"),
)
BOTTLENECK_NORMS = (
    (r"^layer(\d)\.(\d+)\.bn([12])$", r"stage\1.\2.branch.norm\3.norm"),
    (r"^layer(\d)\.(\d+)\.bn3$", r"stage\1.\2.branch.norm_last"),
)

DENSENET = (
    (r"^features\.conv0$", "conv"),
    (r"^features\.norm0$", "norm.norm"),
    (r"^features\.norm5$", "final_norm.norm"),
    (r"^features\.transition(\d)\.norm$", r"transition\1.norm.norm"),
    (r"^features\.transition(\d)\.conv$", r"transition\1.conv"),
    (r"^features\.denseblock(\d)\.denselayer(\d+)\.norm1$", r"block\1.layers.\2.bottleneck_norm.norm"),
    (r"^features\.denseblock(\d)\.denselayer(\d+)\.conv1$", r"block\1.layers.\2.bottleneck"),
    (r"^features\.denseblock(\d)\.denselayer(\d+)\.norm2$", r"block\1.layers.\2.norm.norm"),
    (r"^features\.denseblock(\d)\.denselayer(\d+)\.conv2$", r"block\1.layers.\2.conv"),
    (r"^classifier$", "classifier"),
)

_PATHS = {
    "branch1": "one",
    "branch2.0": "three.reduce",
    "branch2.1": "three.main",
    "branch3.0": "five.reduce",
    "branch3.1": "five.main",
    "branch4.1": "pool.project",
}
GOOGLENET = (
    *((rf"^conv{n}\.conv$", f"stem.conv{n}.conv") for n in (1, 2, 3)),
    *((rf"^conv{n}\.bn$", f"stem.conv{n}.norm.norm") for n in (1, 2, 3)),
    *(
        (rf"^inception(\w\w)\.{re.escape(theirs)}\.{kind}$", rf"inceptions.\1.paths.{ours}.{name}")
        for theirs, ours in _PATHS.items()
        for kind, name in (("conv", "conv"), ("bn", "norm.norm"))
    ),
    *(
        entry
        for number, name in ((1, "4a"), (2, "4d"))
        for entry in (
            (rf"^aux{number}\.conv\.conv$", f"auxiliary.{name}.conv.conv"),
            (rf"^aux{number}\.conv\.bn$", f"auxiliary.{name}.conv.norm.norm"),
            (rf"^aux{number}\.fc1$", f"auxiliary.{name}.fc1"),
            (rf"^aux{number}\.fc2$", f"auxiliary.{name}.classifier"),
        )
    ),
    (r"^fc$", "classifier"),
)


def our_name(theirs: str, rules: Rules) -> str:
    """Return our layer's name; every layer of torchvision's must have one."""
    if isinstance(rules, dict):
        return rules[theirs]
    for pattern, replacement in rules:
        if re.match(pattern, theirs):
            name = re.sub(pattern, replacement, theirs)
            # torchvision numbers the layers of a dense block from 1.
            return re.sub(r"(layers\.)(\d+)", lambda match: f"{match[1]}{int(match[2]) - 1}", name)
    raise KeyError(theirs)


def copied(reference: nn.Module, name: str, rules: Rules, size: int, **options: object) -> nn.Module:
    """Return our network with every parameter and buffer of `reference`, none left over on either side."""
    state = {}
    for key, value in reference.state_dict().items():
        layer, _, kind = key.rpartition(".")
        state[f"{our_name(layer, rules)}.{kind}"] = value.clone()
    with torch.device("meta"):
        network = construct(name, num_classes=CLASSES, in_channels=3, image_size=size, **options)
    network.load_state_dict(state, strict=True, assign=True)
    return network.requires_grad_()


def randomise(network: nn.Module, seed: int) -> None:
    """Draw every parameter and statistic, norms included, so that no layer is the identity by default."""
    keyed = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if not tensor.is_floating_point():
                continue
            fan_in = tensor[0].numel() if tensor.dim() > 1 else 1
            noise = torch.empty(tensor.shape).uniform_(-1.0, 1.0, generator=keyed)
            if tensor.dim() > 1:
                tensor.copy_(noise * (6.0 / fan_in) ** 0.5)
            elif name.endswith(("weight", "running_var")):
                tensor.copy_(1.0 + 0.2 * noise)
            else:
                tensor.copy_(0.1 * noise)


def score(outputs: object) -> tuple[Tensor, Tensor]:
    """Return the logits, and a scalar over all outputs, auxiliary ones included."""
    if isinstance(outputs, Tensor):
        heads = [outputs]
    elif isinstance(outputs, AuxiliaryOutputs):
        heads = [outputs.logits, *outputs.auxiliary]
    else:
        heads = [outputs.logits, outputs.aux_logits1, outputs.aux_logits2]  # type: ignore[attr-defined]
    return torch.stack(heads), sum((head.logsumexp(1).sum() for head in heads), torch.zeros(()))


CASES: dict[str, tuple[Rules, int, dict[str, object]]] = {
    "alexnet": (ALEXNET, 63, {}),
    "vgg19": (vgg_names(19, norm=False), 32, {}),
    "vgg11_bn": (vgg_names(11, norm=True), 32, {}),
    "googlenet": (GOOGLENET, 48, {"auxiliary": True}),
    "resnet18": ((*RESNET, *BASIC_NORMS), 48, {}),
    **{name: ((*RESNET, *BOTTLENECK_NORMS), 48, {}) for name in ("resnet50", "resnext50_32x4d", "wide_resnet50_2")},
    "densenet121": (DENSENET, 64, {}),
}
DEFAULT = {"alexnet", "vgg11_bn", "googlenet", "resnet18", "resnet50"}
"""The others, deeper or wider, are slow."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in DEFAULT else [pytest.mark.slow]) for n in CASES])
def test_same_logits_and_gradients_as_torchvision(name: str) -> None:
    rules, size, options = CASES[name]
    with torch.device("meta"):
        extra = {"aux_logits": True, "init_weights": False} if name == "googlenet" else {}
        reference = torchvision.models.get_model(name, weights=None, num_classes=CLASSES, **extra)
    if isinstance(getattr(reference, "classifier", None), nn.Sequential):
        # The two hidden layers of 4096 units hold nearly all the parameters and nothing that 64 would not show.
        first, second, last = (index for index, layer in enumerate(reference.classifier) if hasattr(layer, "weight"))
        reference.classifier[first] = nn.Linear(reference.classifier[first].in_features, HIDDEN)
        reference.classifier[second] = nn.Linear(HIDDEN, HIDDEN)
        reference.classifier[last] = nn.Linear(HIDDEN, CLASSES)
        options = {"dense_units": HIDDEN}
    reference = reference.to_empty(device="cpu")
    randomise(reference, seed=0)
    network = copied(reference, name, rules, size, **options)
    # Batch norm over 1×1 maps of a few images turns rounding into whole digits: double precision compares the maths.
    reference, network = reference.double(), network.double()
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(images), reference.eval()(images), rtol=1e-5, atol=1e-5)
    outcomes = {}
    for which, module in (("theirs", reference), ("ours", network)):
        torch.manual_seed(2)  # The same dropout masks.
        logits, total = score(module.train()(images))
        total.backward()
        outcomes[which] = logits
    torch.testing.assert_close(outcomes["ours"], outcomes["theirs"], rtol=1e-5, atol=1e-5)
    ours = dict(network.named_parameters())
    for key, parameter in reference.named_parameters():
        layer, _, kind = key.rpartition(".")
        gradient = ours[f"{our_name(layer, rules)}.{kind}"].grad
        assert gradient is not None
        assert parameter.grad is not None
        scale = parameter.grad.abs().max().clamp(min=1.0)
        torch.testing.assert_close(gradient / scale, parameter.grad / scale, rtol=1e-5, atol=1e-5)
