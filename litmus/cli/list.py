"""`litmus list`: studies, architectures, datasets and probes, a line each."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from litmus.cli.options import Parser
from litmus.cli.terminal import JSON_HELP, print_json
from litmus.core.errors import require_choice
from litmus.core.formatting import count
from litmus.core.registry import declared
from litmus.design.study_files import STUDIES
from litmus.lit_archs.cost.table import read_table
from litmus.records.study_record import short_name

QUICK_TIMES = Path(__file__).with_name("quick_times.json")
"""Seconds that each study's quick preset took on two CPU cores, as `benchmarks/quick_studies.py` measured them."""


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = Parser("list", "Studies, architectures, datasets and probes, a line each.")
    parser.add_argument("what", nargs="?", default="all", help="studies, archs, data or probes (default: all)")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    options = parser.read(arguments)
    require_choice("list", options.what, ("all", *_LISTS))
    if options.json:
        print_json({title: rows() for title, rows in _ROWS.items() if options.what in ("all", title)})
        return 0
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


def _study_rows() -> list[dict[str, Any]]:
    """Return the studies with the runs of their quick preset and how long it took on two CPU cores."""
    seconds = json.loads(QUICK_TIMES.read_text()) if QUICK_TIMES.exists() else {}
    rows = []
    for name in STUDIES:
        study, arms = STUDIES[name], len(STUDIES[name].arm_levels())
        about = {"name": name, "question": study.question, "source": study.source, "factors": list(study.factors)}
        presets = ["quick", *study.presets]
        counts = {"arms": arms, "seeds": study.seeds, "runs": arms * study.seeds}
        rows.append({**about, "presets": presets, **counts, "seconds": seconds.get(name)})
    return rows


def _studies() -> Table:
    rows = _study_rows()
    table = _table("studies", [row["name"] for row in rows])
    table.show_header = True
    table.add_column("question")
    for heading in ("runs", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        factors = " × ".join(map(short_name, row["factors"]))
        taken = f"{row['seconds']:.0f} s" if row["seconds"] is not None else "–"
        table.add_row(row["name"], f"{row['question']} ({factors})", str(row["runs"]), taken)
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


def _dataset_rows() -> list[dict[str, Any]]:
    return [{"name": name, "summary": texts["summary"]} for name, texts in declared("litmus.datamodules").items()]


def _datasets() -> Table:
    rows = _dataset_rows()
    table = _table("data", [row["name"] for row in rows])
    table.add_column("what")
    for row in rows:
        table.add_row(row["name"], row["summary"])
    return table


def _probe_rows() -> list[dict[str, Any]]:
    """Return the probes with what each measures and what a measurement costs."""
    found = declared("litmus.probes")
    return [{"name": name, "measures": texts["summary"], "cost": texts["cost"]} for name, texts in found.items()]


def _probes() -> Table:
    rows = _probe_rows()
    table = _table("probes", [row["name"] for row in rows])
    table.show_header = True
    table.add_column("measures", ratio=2)
    table.add_column("cost of a measurement", ratio=1)
    for row in rows:
        table.add_row(row["name"], row["measures"], row["cost"])
    return table


_LISTS: dict[str, Callable[[], Table]] = {
    "studies": _studies, "archs": _architectures, "data": _datasets, "probes": _probes
}  # fmt: skip

_ROWS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "studies": _study_rows,
    "archs": lambda: [asdict(row) | {"image": [int(side) for side in row.image.split("×")]} for row in read_table()],
    "data": _dataset_rows,
    "probes": _probe_rows,
}
"""The same for machines, as docs/json.md describes it."""
