"""`litmus profile`: an architecture layer by layer, its totals, and what lectures say of such costs."""

from collections.abc import Sequence
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from lit_archs.building.registry import ARCHITECTURES, build, construct
from lit_archs.cost.lecture_figures import lecture_figures
from lit_archs.cost.profile import LayerProfile, profile, throughput
from litmus.errors import UserError, require_positive
from studies.command.options import command_parser
from studies.training.config import resolve


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = command_parser("profile", "An architecture layer by layer: shapes, parameters, FLOPs, memory.")
    parser.add_argument("architecture", help="a name of litmus list archs")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="an option, e.g. norm=group")
    parser.add_argument("--image-size", type=int, help="pixels (default: the architecture's native size)")
    parser.add_argument("--in-channels", type=int, help="channels of the image (default: native)")
    parser.add_argument("--num-classes", type=int, help="classes (default: native)")
    parser.add_argument(
        "--throughput", type=int, metavar="BATCH", help="also time batches of that size on this machine"
    )
    options = parser.parse_args(list(arguments))
    entry = ARCHITECTURES[options.architecture]
    config = resolve({"model.name": options.architecture, **parse_settings(options.set)})
    channels = options.in_channels or entry.input_shape[0]
    size = options.image_size or entry.input_shape[1]
    require_positive(in_channels=channels, image_size=size)
    network_options: dict[str, Any] = {
        "num_classes": options.num_classes or entry.num_classes,
        "in_channels": channels,
        "image_size": size,
        "norm_config": config.norm,
        **config.model_options,
    }
    with torch.device("meta"):
        network = construct(options.architecture, **network_options)
    layers = profile(network, (channels, size, size))
    # Names and shapes are cut nowhere: a table wider than the terminal wraps, one in a file does not.
    console = Console(highlight=False)
    console.print(_table(f"{options.architecture} at {channels}×{size}×{size}", layers))
    if options.throughput:
        require_positive(throughput=options.throughput)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        real = build(options.architecture, **network_options).to(device)
        speed = throughput(real, (channels, size, size), options.throughput)
        console.print(f"throughput: {speed:,.0f} images/s on {device}, batch {options.throughput}, inference")
    console.print(_figures())
    return 0


def parse_settings(texts: Sequence[str]) -> dict[str, str]:
    """Return config keys by name of `KEY=VALUE` texts; a key without a section is the model's."""
    settings = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key or not value:
            raise UserError(f"--set {text!r}: expected KEY=VALUE, e.g. norm=group")
        settings[key if "." in key else f"model.{key}"] = value
    return settings


def _table(title: str, layers: list[LayerProfile]) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), show_footer=True)
    totals = [sum(getattr(layer, key) for layer in layers) for key in ("parameters", "flops", "activations", "memory")]
    parameters, flops, activations, memory = totals
    table.add_column("layer", footer="total", overflow="fold")
    table.add_column("kind", overflow="fold")
    for heading, footer in (
        ("output", ""),
        ("parameters", f"{parameters:,}"),
        ("FLOPs", f"{flops:,}"),
        ("activations", f"{activations:,}"),
        ("memory", _bytes(memory)),
        ("receptive field", ""),
    ):
        table.add_column(heading, footer=footer, justify="right", overflow="fold")
    for layer in layers:
        table.add_row(
            layer.name,
            layer.kind,
            "×".join(map(str, layer.output_shape)),
            f"{layer.parameters:,}",
            f"{layer.flops:,}",
            f"{layer.activations:,}",
            _bytes(layer.memory),
            str(layer.receptive_field),
        )
    return table


def _figures() -> Table:
    title = "Figures that lectures quote, measured (FLOPs: one multiply-add is one)"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("figure", overflow="fold")
    for heading in ("quoted", "measured"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for figure in lecture_figures():
        verdict = "right" if figure.right else "wrong"
        table.add_row(figure.statement, f"{figure.quoted:,.0f}", f"{figure.measured:,.0f}", verdict)
    return table


def _bytes(count: int) -> str:
    return f"{count / 2**20:.2f} MiB"
