"""The first step's loss of every variant, before and after it: none is another network under an old revision.

`first_losses.json` holds them by the network's name and options. Where one changes on purpose, its family gets a new
`Revision` (`lit_archs/building/revision.py`) for the options that are concerned, and `python
tests/lit_archs/test_first_losses.py` writes the table anew; the difference in the file shows what else changed.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from reduced_networks import CLASSES, loss_of, size_of, small_options, smallest_of_each_family, variants

from litmus import lit_archs
from litmus.lit_archs.building.norm_config import NormConfig
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.lit_archs.layers.pooling import Pooling

TABLE = Path(__file__).with_name("first_losses.json")
PRECISION = 2e-3
"""Relative. Draws in single precision may differ in their last digit from one kind of CPU to another, which networks
that normalise maps of a few pixels enlarge: a change of 1e-7 in all weights moves the worst of them by as much."""

Options = dict[str, Any]
FAMILIES = smallest_of_each_family()
OPTIONS: dict[str, list[Options]] = {
    "alexnet_cifar": [{"local_response_norm": True}, {"overlapping_pooling": False}],
    "vgg11_cifar": [{"convolutions": "single"}, {"head": "dense"}],
    "convnet": [
        *({"pooling": kind} for kind in get_args(Pooling) if kind != "max"),
        {"kernel_size": 5, "zero_padding": 1, "stride": 2, "blocks": 1}, {"hidden": 0},
    ],
    "lenet5": [
        {"pooling": "average"}, {"pooling": "trainable"}, {"output": "rbf_map", "width": 1.0},
        {"first_kernel": 7}, {"first_stride": 2},
    ],
    "googlenet_cifar": [{"large_kernel": 3}, {"reductions": False}, {"squeeze_excite": True}],
    "inception_stack": [{"block": "naive"}, {"block": "single5"}],
    "densenet_cifar": [{"dense": False}, {"bottleneck": True}, {"norm": "none", "bottleneck": True}],
    "resnet18": [{"stem": "cifar"}],
    "resnet20": [
        *({"shortcut": shortcut, "norm": norm} for shortcut in "BC" for norm in ("none", "batch")),
        *({"pre_activation": True, "norm": norm} for norm in ("none", "batch")),
        *({"squeeze_excite": True, "squeeze": squeeze} for squeeze in ("average", "max")),
        {"norm": "none", "fixup": True}, {"zero_gamma": True}, {"residual": False}, {"activation": "tanh"},
    ],
    "unet": [{"skips": "add"}, {"skips": "none"}],
}  # fmt: skip
"""Options beside each norm; of one network of a family."""

LARGE = {"googlenet", "resnext29_8x64d"}
"""Families that are large even in their smallest network: their norms are shown by a network that is built alike."""
WITH_NORMS = (FAMILIES - LARGE) | {"googlenet_cifar", "resnext11_2x4d"}


def cases() -> list[tuple[str, str]]:
    """Return every variant as it is; of a family's smallest, every norm, norms without scale and shift, and options."""
    found: list[tuple[str, Options]] = [(name, {}) for name in variants()]
    for name in sorted(WITH_NORMS):
        # Noise is drawn from the global generator, whose values are PyTorch's.
        for norm in ("none", "batch", "ghost_batch", "group", "layer", "instance"):
            if (name, norm) != ("mlp", "instance"):
                found.append((name, {"norm": norm}))
        found.append((name, {"norm": "batch", "norm.affine": False}))
    found += [(name, options) for name, each in OPTIONS.items() for options in each]
    return [(name, json.dumps(options, sort_keys=True)) for name, options in found]


def losses(name: str, options: Options) -> list[float]:
    """Return the number of parameters, and the loss of eight images before and after a step of gradient descent."""
    norms = NormConfig(**{key.removeprefix("norm."): options[key] for key in options if key.startswith("norm.")})
    own = {key: value for key, value in options.items() if not key.startswith("norm.")}
    settings = {**small_options(name), **own}
    # A map of one pixel has no statistics of its own.
    size = 65 if options.get("norm") == "instance" else size_of(name)
    for option in ("dropout", "stochastic_depth"):
        if ARCHITECTURES[name].keys().get(option):
            settings[option] = 0.0
    network = lit_archs.build(
        name, num_classes=CLASSES, in_channels=3, image_size=size, norm_config=norms, **settings
    ).double()
    images = torch.randn(8, 3, size, size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    optimiser = torch.optim.SGD(network.parameters(), lr=0.001)
    found: list[float] = [sum(parameter.numel() for parameter in network.parameters())]
    for _ in range(2):
        optimiser.zero_grad()
        loss = loss_of(network, images)
        loss.backward()
        optimiser.step()
        found.append(loss.item())
    return found


def table() -> dict[str, list[float]]:
    return json.loads(TABLE.read_text())  # type: ignore[no-any-return]


def parameters(given: Iterable[tuple[str, str]]) -> list[Any]:
    return [
        pytest.param(name, options, marks=[] if name in WITH_NORMS | OPTIONS.keys() else [pytest.mark.slow])
        for name, options in given
    ]


@pytest.mark.parametrize(("name", "options"), parameters(cases()))
def test_the_first_step_is_what_it_was(name: str, options: str) -> None:
    expected = table()[f"{name} {options}"]
    assert losses(name, json.loads(options)) == pytest.approx(expected, rel=PRECISION), (
        "the network is another one: it needs a new revision, see the top of this file"
    )


def test_the_table_is_of_these_variants() -> None:
    assert list(table()) == [f"{name} {options}" for name, options in cases()]


if __name__ == "__main__":
    rows = {}
    for name, options in cases():
        rows[f"{name} {options}"] = losses(name, json.loads(options))
        print(name, options, rows[f"{name} {options}"], file=sys.stderr)
    lines = ",\n".join(f"  {json.dumps(case)}: {json.dumps(values)}" for case, values in rows.items())
    TABLE.write_text(f"{{\n{lines}\n}}\n")
