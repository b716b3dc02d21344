"""The two tables that hold every network to what it is: what it costs, and the loss of its first training step.

    python tests/network_tables.py [NAME ...]

measures all networks, or those that are named, and writes both: `lit_archs/cost/costs.csv` and
`tests/lit_archs/first_losses.json`. Run it after adding a network or after changing one on purpose; the difference of
the files shows what else has changed.
"""

import csv
import json
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args

import torch
from reduced_networks import (
    CLASSES,
    LARGE,
    loss_of,
    norms_of,
    size_of,
    small_options,
    smallest_of_each_family,
    variants,
)

from litmus import lit_archs
from litmus.lit_archs.building.norm_config import NormConfig
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.lit_archs.cost import table
from litmus.lit_archs.layers.pooling import Pooling

COMMAND = "`python tests/network_tables.py NAME` writes the network's costs and first losses"
FIRST_LOSSES = Path(__file__).parent / "lit_archs" / "first_losses.json"

Options = dict[str, Any]
OPTIONS: dict[str, list[Options]] = {
    "alexnet_cifar": [{"local_response_norm": True}, {"overlapping_pooling": False}],
    "vgg11_cifar": [{"convolutions": "single"}, {"head": "dense"}],
    "convnet": [
        *({"pooling": kind} for kind in get_args(Pooling) if kind != "max"),
        {"kernel_size": 5, "zero_padding": 1, "stride": 2, "blocks": 1}, {"hidden": 0}, {"activation": "identity"},
    ],
    "lenet5": [{"pooling": "trainable"}, {"output": "rbf_map", "width": 1.0}, {"first_kernel": 7}],
    "googlenet_cifar": [{"large_kernel": 3}, {"reductions": False}, {"squeeze_excite": True}],
    "convnext": [
        {"norm": "batch", "activation": "relu", "stem": "convolution", "depthwise": False, "inverted": False,
         "kernel_size": 3, "sparse": False, "downsampling": "block"},
    ],
    "inception_stack": [{"block": block} for block in ("naive", "unreduced", "no_pool", "single5")],
    "densenet40_k12": [{"dense": False}],
    "resnet18": [{"stem": "cifar"}],
    "resnet20": [
        *({"norm": norm} for norm in ("ghost_batch", "group", "layer", "instance")),
        *({"shortcut": shortcut, "norm": norm} for shortcut in "BC" for norm in ("none", "batch")),
        *({"pre_activation": True, "norm": norm} for norm in ("none", "batch")),
        *({"squeeze_excite": True, "squeeze": squeeze} for squeeze in ("average", "max")),
        {"norm": "none", "fixup": True}, {"zero_gamma": True}, {"residual": False}, {"activation": "tanh"},
    ],
    "unet": [{"skips": "add"}, {"skips": "none"}],
}  # fmt: skip
"""Options that compute something else; of one network of a family."""


def options_of(name: str) -> list[Options]:
    """Return the options whose first losses the table holds: of most families' smallest network some more."""
    found: list[Options] = [{}]
    if name in smallest_of_each_family() and name not in LARGE and norms_of(name):
        found += [{"norm": "none"}, {"norm": "batch"}, {"norm": "batch", "norm.affine": False}]
    return found + OPTIONS.get(name, [])


def first_losses(name: str, options: Options) -> list[float]:
    """Return the number of parameters, and the loss of eight images before and after a step of gradient descent."""
    norms = NormConfig(**{key.removeprefix("norm."): options[key] for key in options if key.startswith("norm.")})
    chosen = {key: value for key, value in options.items() if not key.startswith("norm.")}
    settings = {**small_options(name), **chosen}
    # Instance norm has no statistics of a map of one pixel.
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


def read_first_losses() -> dict[str, dict[str, list[float]]]:
    """Return `first_losses` by the network's name and its options as JSON."""
    return json.loads(FIRST_LOSSES.read_text())  # type: ignore[no-any-return]


def write(chosen: list[str]) -> None:
    """Measure the networks of these names, or all, and write both tables."""
    known = {} if not chosen else {row.name: row for row in table.read_table()}
    losses = {} if not chosen else read_first_losses()
    for name in chosen or variants():
        known[name] = table.measure(name)
        losses[name] = {json.dumps(options): first_losses(name, options) for options in options_of(name)}
        print(name, losses[name])
    with table.FILE.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(table.Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(known[name]) for name in variants() if name in known)
    lines = [f"  {json.dumps(name)}: {json.dumps(losses[name])}" for name in variants() if name in losses]
    FIRST_LOSSES.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    write(sys.argv[1:])
