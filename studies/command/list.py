"""`litmus list`: studies, architectures, datasets and probes, a line each."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lit_archs.cost.table import read_table
from litmus.declared import declared
from litmus.errors import require_choice
from litmus.wording import count
from studies.command.base.options import Parser
from studies.design.study_files import STUDIES
from studies.records.arm_label import short_name

QUICK_TIMES = Path(__file__).with_name("quick_times.json")
"""Seconds that each study's quick preset took on two CPU cores, as `benchmarks/quick_studies.py` measured them."""


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = Parser("list", "Studies, architectures, datasets and probes, a line each.")
    parser.add_argument("what", nargs="?", default="all", help="studies, archs, data or probes (default: all)")
    options = parser.read(arguments)
    require_choice("list", options.what, ("all", *_LISTS))
    console = Console(highlight=False)
    for title, table in _LISTS.items():
        if options.what in ("all", title):
            console.print(table())
            console.print()
    return 0


def _table(title: str, names: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, show_header=False, padding=(0, 2, 0, 0))
    # A narrow terminal wraps the description between words, never a name or a figure.
    table.add_column("name", no_wrap=True, min_width=max(map(len, names)))
    return table


def _studies() -> Table:
    """Return the studies with the runs of their quick preset and how long it took on two CPU cores."""
    table = _table("studies", STUDIES)
    table.show_header = True
    table.add_column("question")
    for heading in ("runs", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    seconds = json.loads(QUICK_TIMES.read_text()) if QUICK_TIMES.exists() else {}
    for name in STUDIES:
        study = STUDIES[name]
        factors = " × ".join(map(short_name, study.factors))
        taken = f"{seconds[name]:.0f} s" if name in seconds else "–"
        table.add_row(name, f"{study.question} ({factors})", f"{len(study.arm_levels()) * study.seeds}", taken)
    return table


def _architectures() -> Table:
    """Return the architectures with parameters and FLOPs at the size that the literature quotes them at."""
    rows = read_table()
    table = _table("archs", [row.name for row in rows])
    table.show_header = True
    for heading in ("parameters", "FLOPs", "image"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("what")
    for row in rows:
        table.add_row(row.name, count(row.parameters), count(row.flops), row.image, row.summary)
    return table


def _datasets() -> Table:
    found = declared("datamodules")
    table = _table("data", found)
    table.add_column("what")
    for name, texts in found.items():
        table.add_row(name, texts["summary"])
    return table


def _probes() -> Table:
    """Return the probes with what each measures and what a measurement costs."""
    found = declared("studies.probes")
    table = _table("probes", found)
    table.show_header = True
    table.add_column("measures", ratio=2)
    table.add_column("cost of a measurement", ratio=1)
    for name, texts in found.items():
        table.add_row(name, texts["summary"], texts["cost"])
    return table


_LISTS: dict[str, Callable[[], Table]] = {
    "studies": _studies, "archs": _architectures, "data": _datasets, "probes": _probes
}  # fmt: skip
