"""`litmus profile` shows an architecture layer by layer and its cost."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch

from litmus.cli.command import JSON_HELP, Parser, aligned, print_json, width
from litmus.cli.options import SOURCE, all_config_keys, import_named_source
from litmus.core.config_keys import Key
from litmus.core.errors import UserError, require_positive
from litmus.core.formatting import count
from litmus.lit_archs.building.registry import ARCHITECTURES, build, construct
from litmus.lit_archs.cost.profile import LayerProfile, profile_of, throughput, total
from litmus.training.config import resolve

HEADINGS = ("layer", "kind", "output", "params", "FLOPs", "MiB", "field")


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(
        "profile",
        "Show an architecture layer by layer: shapes, parameters, FLOPs, memory. "
        "Its config keys are options: --model.norm group.",
    )
    parser.add_argument("architecture", help="a name of litmus list archs, or FILE.py:CLASS")
    keys = all_config_keys()
    parser.add_config_keys({name: key for name, key in keys.items() if name.startswith(("model.", "norm."))})
    parser.add_key(Key("image_size", int, None, "pixels (default: the architecture's native size)"))
    parser.add_key(Key("in_channels", int, None, "channels of the image (default: native)"))
    parser.add_key(Key("num_classes", int, None, "classes (default: native)"))
    parser.add_key(Key("throughput", int, None, "also time batches of this size on this machine"))
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_key(SOURCE)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    import_named_source(arguments)
    options = parser().read(arguments)
    entry = ARCHITECTURES[options.architecture]
    name = entry.name
    config = resolve({"model.name": name, **options.settings})
    if entry.input_shape is None and not (options.in_channels and options.image_size):
        raise UserError(f"{name} has no native size; give it --in-channels and --image-size")
    native = entry.input_shape or (0, 0, 0)
    channels, size = options.in_channels or native[0], options.image_size or native[1]
    require_positive(in_channels=channels, image_size=size)
    shape = (channels, size, size)
    network_options: dict[str, Any] = {
        "num_classes": options.num_classes or entry.num_classes,
        "in_channels": channels,
        "image_size": size,
        "norm_config": config.norm,
        **config.model_options,
    }
    layers = profile_of(lambda: construct(name, **network_options), shape)
    measured = None
    if options.throughput:
        require_positive(throughput=options.throughput)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        speed = throughput(build(name, **network_options).to(device), shape, options.throughput)
        measured = {"device": device, "batch": options.throughput, "images_per_second": speed}
    if options.json:
        print_json(
            {
                "architecture": name,
                "image": shape,
                "layers": [dataclasses.asdict(layer) for layer in layers],
                "total": totals(layers),
                "throughput": measured,
            }
        )
        return 0
    print(f"{name} at {'×'.join(map(str, shape))}\n")
    print("\n".join(layer_lines(layers, width())))
    print(f"activations (outputs of convolutions and linear layers): {totals(layers)['activations']:,}")
    if missed := total(layers).uncounted:
        print(f"not among the FLOPs, for want of a formula: {', '.join(missed)}")
    if measured is not None:
        print(f"throughput: {speed:,.0f} images/s on {device}, batch {options.throughput}, inference")
    return 0


def totals(layers: Sequence[LayerProfile]) -> dict[str, int]:
    """Return the sums over all layers."""
    summed = ("parameters", "flops", "activations", "memory")
    return {key: sum(getattr(layer, key) for layer in layers) for key in summed}


def layer_lines(layers: Sequence[LayerProfile], columns: int) -> list[str]:
    """Return a line for each layer under the name of the module that contains it, and the totals, in `columns`."""
    total = totals(layers)
    parts = [layer.name.rpartition(".")[0] for layer in layers]
    rows = [_cells(layer, "  " if part else "") for layer, part in zip(layers, parts, strict=True)]
    sums = (count(total["parameters"]), count(total["flops"]), f"{total['memory'] / 2**20:.2f}")
    head, *blocks, last = aligned(HEADINGS, [*rows, ("total", "", "", *sums, "")], columns)
    lines, above = head, ""
    for part, block in zip(parts, blocks, strict=True):
        if part and part != above:
            lines.append(part)
        above = part
        lines += block
    return lines + last


def _cells(layer: LayerProfile, indent: str) -> tuple[str, ...]:
    return (
        indent + layer.name.rpartition(".")[2],
        layer.kind,
        "×".join(map(str, layer.output_shape)),
        count(layer.parameters),
        count(layer.flops),
        f"{layer.memory / 2**20:.2f}",
        str(layer.receptive_field),
    )
