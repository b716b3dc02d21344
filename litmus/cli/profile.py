"""`litmus profile` shows an architecture layer by layer and its cost; `litmus images` a dataset's images."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from litmus.cli.options import SOURCE, all_config_keys, import_named_source
from litmus.cli.parser import Parser
from litmus.cli.terminal import JSON_HELP, print_json, width
from litmus.core.config_keys import Key
from litmus.core.errors import UserError, require_positive
from litmus.core.formatting import count
from litmus.datamodules.augmentation.recipes import RECIPES
from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.batches.picture import picture, write_picture
from litmus.datamodules.loading.registry import DATASETS
from litmus.lit_archs.building.registry import ARCHITECTURES, build, construct
from litmus.lit_archs.cost.lecture_figures import Figure, lecture_figures
from litmus.lit_archs.cost.profile import LayerProfile, profile, throughput
from litmus.training.config import resolve

HEADINGS = ("layer", "kind", "output", "params", "FLOPs", "MiB", "field")


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(
        "profile",
        "An architecture layer by layer: shapes, parameters, FLOPs, memory. "
        "Its options are those of litmus train: --model.norm group.",
    )
    parser.add_argument("architecture", help="a name of litmus list archs")
    parser.add_config_keys(
        {name: key for name, key in all_config_keys().items() if name.startswith(("model.", "norm."))}
    )
    parser.add_key(Key("image_size", int, None, "pixels (default: the architecture's native size)"))
    parser.add_key(Key("in_channels", int, None, "channels of the image (default: native)"))
    parser.add_key(Key("num_classes", int, None, "classes (default: native)"))
    parser.add_key(Key("throughput", int, None, "also time batches of that size on this machine"))
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_key(SOURCE)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    import_named_source(arguments)
    options = parser().read(arguments)
    entry = ARCHITECTURES[options.architecture]
    config = resolve({"model.name": options.architecture, **options.settings})
    if entry.input_shape is None and not (options.in_channels and options.image_size):
        raise UserError(f"{options.architecture} has no native size; give it --in-channels and --image-size")
    native = entry.input_shape or (0, 0, 0)
    channels, size = options.in_channels or native[0], options.image_size or native[1]
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
    layers, figures = profile(network, (channels, size, size)), lecture_figures(options.architecture)
    measured = None
    if options.throughput:
        require_positive(throughput=options.throughput)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        real = build(options.architecture, **network_options).to(device)
        speed = throughput(real, (channels, size, size), options.throughput)
        measured = {"device": device, "batch": options.throughput, "images_per_second": speed}
    if options.json:
        print_json(
            {
                "architecture": options.architecture,
                "image": [channels, size, size],
                "layers": [asdict(layer) for layer in layers],
                "total": totals(layers),
                "throughput": measured,
                "quoted": [asdict(figure) | {"right": figure.right} for figure in figures],
            }
        )
        return 0
    print(f"{options.architecture} at {channels}×{size}×{size}\n")
    print("\n".join(layer_lines(layers, width())))
    print(f"activations (outputs of convolutions and linear layers): {totals(layers)['activations']:,}")
    if measured is not None:
        print(f"throughput: {speed:,.0f} images/s on {device}, batch {options.throughput}, inference")
    if figures:
        Console(highlight=False).print(_figure_table(figures))
    return 0


def totals(layers: Sequence[LayerProfile]) -> dict[str, int]:
    """Return the sums over all layers."""
    summed = ("parameters", "flops", "activations", "memory")
    return {key: sum(getattr(layer, key) for layer in layers) for key in summed}


def layer_lines(layers: Sequence[LayerProfile], columns: int) -> list[str]:
    """Return a line for each layer under the name of the module that contains it, and the totals, in so many columns.

    Where a layer's name leaves no room for the numbers, they go on the next line.
    """
    total = totals(layers)
    rows = [HEADINGS, *map(_cells, layers)]
    rows.append(("total", "", "", *map(count, (total["parameters"], total["flops"])), _mebibytes(total["memory"]), ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    gap = "  " if sum(widths) + 2 * (len(widths) - 1) <= columns else " "
    two_lines = sum(widths) + len(widths) - 1 > columns
    lines, above = [], ""
    for row, part in zip(rows, ("", *(layer.name.rpartition(".")[0] for layer in layers), ""), strict=True):
        if part and part != above:
            lines.append(part)
        above = part
        numbers = gap.join(cell.rjust(size) for cell, size in zip(row[2:], widths[2:], strict=True))
        cells = f"{row[1]:{widths[1]}}{gap}{numbers}"
        lines += [row[0], cells] if two_lines else [f"{row[0]:{widths[0]}}{gap}{cells}"]
    return [line.rstrip() for line in lines]


def _cells(layer: LayerProfile) -> tuple[str, ...]:
    part, _, name = layer.name.rpartition(".")
    return (
        f"  {name}" if part else name,
        layer.kind,
        "×".join(map(str, layer.output_shape)),
        count(layer.parameters),
        count(layer.flops),
        _mebibytes(layer.memory),
        str(layer.receptive_field),
    )


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:.2f}"


def _figure_table(figures: Sequence[Figure]) -> Table:
    """Return the costs of the network that lectures quote, with those that were measured."""
    table = Table(title="Quoted in lectures:", title_justify="left", title_style="", box=None, padding=(0, 2, 0, 0))
    table.add_column("figure")
    for heading in ("quoted", "measured"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for figure in figures:
        verdict = "right" if figure.right else "wrong"
        table.add_row(figure.statement, f"{figure.quoted:,.0f}", f"{figure.measured:,.0f}", verdict)
    return table


def images_parser() -> Parser:
    """Return the parser of `litmus images`."""
    parser = Parser(
        "images",
        "A dataset's images before and after augmentation, as a picture. Every key --data.KEY is an option too.",
    )
    parser.add_argument("dataset", help="a name of litmus list data")
    parser.add_key(Key("augment", str, DataConfig.augment, f"augmentation recipe: {', '.join(RECIPES)}"))
    parser.add_key(Key("images", int, 8, "images, a row each"))
    parser.add_key(Key("epochs", int, 8, "epochs, a column each"))
    parser.add_key(Key("output", Path | None, None, "the picture (default: DATASET-RECIPE.png)"))
    keys = {name: key for name, key in all_config_keys().items() if name.startswith("data.") or name == "seed"}
    parser.add_config_keys(keys)
    return parser


def images(arguments: Sequence[str]) -> int:
    """Run `litmus images` and return its exit status."""
    options = images_parser().read(arguments)
    DATASETS[options.dataset]  # an unknown name is an error before anything else
    config = resolve({"data.augment": options.augment, **options.settings, "data.name": options.dataset})
    path = options.output or Path(f"{options.dataset}-{config.data.augment}.png")
    write_picture(path, picture(ImageDataModule(config.data, config.seed), options.images, options.epochs))
    print(f"{path}: {config.data.as_dict()['transforms']}")
    return 0
