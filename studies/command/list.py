"""`litmus list`: studies, architectures and datasets, a line each."""

from collections.abc import Callable, Iterable, Sequence

from rich.console import Console
from rich.table import Table

from datamodules.registry import DATASETS
from lit_archs.profile import native_profile
from lit_archs.registry import ARCHITECTURES
from litmus.errors import require_choice
from studies.command.options import command_parser
from studies.engine.study import STUDIES, expand

Rows = Iterable[tuple[str, str]]


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = command_parser("list", "Studies, architectures and datasets, a line each.")
    parser.add_argument("what", nargs="?", default="all", help="studies, archs or data (default: all)")
    options = parser.parse_args(list(arguments))
    require_choice("list", options.what, ("all", *_LISTS))
    console = Console(highlight=False)
    for title, rows in _LISTS.items():
        if options.what in ("all", title):
            table = Table(title=title, title_justify="left", box=None, show_header=False, padding=(0, 2, 0, 0))
            table.add_column(no_wrap=True)
            table.add_column(overflow="fold")
            for row in rows():
                table.add_row(*row)
            console.print(table)
            console.print()
    return 0


def _studies() -> Rows:
    for name in STUDIES:
        study = STUDIES[name]
        factors = " × ".join(key.rpartition(".")[2] for key in study.factors)
        yield name, f"{study.question} {factors}; {len(expand(study).runs())} runs"


def _architectures() -> Rows:
    for name in ARCHITECTURES:
        layers = native_profile(name)
        parameters, flops = sum(layer.parameters for layer in layers), sum(layer.flops for layer in layers)
        shape = "×".join(map(str, ARCHITECTURES[name].input_shape))
        cost = f"{parameters / 1e6:.2f}M parameters, {flops / 1e9:.3g} GFLOPs at {shape}"
        yield name, f"{ARCHITECTURES[name].summary} {cost}"


def _datasets() -> Rows:
    for name in DATASETS:
        yield name, DATASETS[name].summary


_LISTS: dict[str, Callable[[], Rows]] = {"studies": _studies, "archs": _architectures, "data": _datasets}
