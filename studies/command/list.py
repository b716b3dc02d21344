"""`litmus list`: studies, architectures, datasets and probes, a line each."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

import studies
from datamodules.loading.registry import DATASETS
from lit_archs.building.registry import ARCHITECTURES
from lit_archs.cost.profile import native_profile
from litmus.errors import require_choice
from studies.command.options import command_parser
from studies.design.study import STUDIES, expand
from studies.evidence.units import count
from studies.probes.base.probe import PROBES

QUICK_TIMES = Path(studies.__file__).with_name("quick_times.json")
"""Seconds that each study's quick preset took on two CPU cores, as `benchmarks/quick_studies.py` measured them."""


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = command_parser("list", "Studies, architectures, datasets and probes, a line each.")
    parser.add_argument("what", nargs="?", default="all", help="studies, archs, data or probes (default: all)")
    options = parser.parse_args(list(arguments))
    require_choice("list", options.what, ("all", *_LISTS))
    console = Console(highlight=False)
    for title, table in _LISTS.items():
        if options.what in ("all", title):
            console.print(table())
            console.print()
    return 0


def _table(title: str, names: Iterable[str], *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, show_header=bool(headings), padding=(0, 2, 0, 0))
    # A terminal of 80 columns cuts the description, never a name or a figure.
    table.add_column("name", no_wrap=True, min_width=max(map(len, names)))
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True, min_width=10)
    return table


def _studies() -> Table:
    """Return the studies with the runs of their quick preset and how long it took on two CPU cores."""
    table = _table("studies", STUDIES)
    table.show_header = True
    table.add_column("question", overflow="fold")
    for heading in ("runs", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    seconds = json.loads(QUICK_TIMES.read_text()) if QUICK_TIMES.exists() else {}
    for name in STUDIES:
        study = STUDIES[name]
        factors = " × ".join(key.rpartition(".")[2] for key in study.factors)
        taken = f"{seconds[name]:.0f} s" if name in seconds else "–"
        table.add_row(name, f"{study.question} ({factors})", f"{len(expand(study).runs())}", taken)
    return table


def _architectures() -> Table:
    """Return the architectures with parameters and FLOPs at the size that the literature quotes them at."""
    table = _table("archs", ARCHITECTURES, "parameters", "FLOPs", "image")
    table.expand = True
    table.add_column("what", no_wrap=True, overflow="ellipsis", ratio=1)
    for name in ARCHITECTURES:
        layers = native_profile(name)
        parameters, flops = sum(layer.parameters for layer in layers), sum(layer.flops for layer in layers)
        shape = "×".join(map(str, ARCHITECTURES[name].input_shape))
        table.add_row(name, count(parameters), count(flops), shape, ARCHITECTURES[name].summary)
    return table


def _datasets() -> Table:
    table = _table("data", DATASETS)
    table.add_column(overflow="fold")
    for name in DATASETS:
        table.add_row(name, DATASETS[name].summary)
    return table


def _probes() -> Table:
    """Return the probes with what each measures and what a measurement costs."""
    table = _table("probes", PROBES)
    table.show_header = True
    table.add_column("measures", overflow="fold", ratio=2)
    table.add_column("cost of a measurement", overflow="fold", ratio=1)
    for name in PROBES:
        table.add_row(name, PROBES[name].summary, PROBES[name].cost)
    return table


_LISTS: dict[str, Callable[[], Table]] = {
    "studies": _studies, "archs": _architectures, "data": _datasets, "probes": _probes
}  # fmt: skip
