"""`litmus list`: studies, architectures, datasets and probes, a line each."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from litmus.cli.parser import Parser
from litmus.cli.terminal import JSON_HELP, print_json
from litmus.core.errors import require_choice
from litmus.core.formatting import count
from litmus.core.registry import declared
from litmus.design.study_files import STUDIES
from litmus.lit_archs.cost.table import read_table
from litmus.records.study_record import short_name

QUICK_TIMES = Path(__file__).with_name("quick_times.json")
"""Seconds that each study's quick preset took on two CPU cores, as `benchmarks/quick_studies.py` measured them."""

Row = dict[str, Any]
"""A study, an architecture, a dataset or a probe: what `--json` prints, as docs/json.md describes it."""


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("list", "Studies, architectures, datasets and probes, a line each.")
    parser.add_argument("what", nargs="?", default="all", help="studies, archs, data or probes (default: all)")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    rows: dict[str, Callable[[], list[Row]]] = {
        "studies": studies, "archs": architectures, "data": datasets, "probes": probes
    }  # fmt: skip
    require_choice("list", options.what, ("all", *rows))
    found = {what: rows[what]() for what in rows if options.what in ("all", what)}
    if options.json:
        print_json(found)
        return 0
    console = Console(highlight=False)
    for what in found:
        console.print(_table(what, found[what]))
        console.print()
    return 0


def studies() -> list[Row]:
    """Return the studies, with the number of runs of their quick preset and its seconds on two CPU cores."""
    seconds, rows = json.loads(QUICK_TIMES.read_text()), []
    for name in STUDIES:
        study = STUDIES[name]
        arms = len(study.arm_levels())
        rows.append(
            {
                "name": name,
                "question": study.question,
                "source": study.source,
                "factors": list(study.factors),
                "presets": ["quick", *study.presets],
                "arms": arms,
                "seeds": study.seeds,
                "runs": arms * study.seeds,
                "seconds": seconds.get(name),
            }
        )
    return rows


def architectures() -> list[Row]:
    """Return the architectures, with their cost for the images that the literature quotes it for."""
    return [asdict(row) | {"image": [int(side) for side in row.image.split("×")]} for row in read_table()]


def datasets() -> list[Row]:
    """Return the datasets."""
    return [{"name": name, "summary": texts["summary"]} for name, texts in declared("litmus.datamodules").items()]


def probes() -> list[Row]:
    """Return the probes, with what each measures and what a measurement costs."""
    found = declared("litmus.probes")
    return [{"name": name, "measures": texts["summary"], "cost": texts["cost"]} for name, texts in found.items()]


def _table(what: str, rows: Sequence[Row]) -> Table:
    table = Table(title=what, title_justify="left", box=None, padding=(0, 2, 0, 0), show_header=what != "data")
    # In a narrow terminal the last column is wrapped, never a name or a number.
    table.add_column("name", no_wrap=True, min_width=max(len(row["name"]) for row in rows))
    if what == "studies":
        table.add_column("question")
        for heading in ("runs", "time"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in rows:
            factors = " × ".join(map(short_name, row["factors"]))
            seconds = f"{row['seconds']:.0f} s" if row["seconds"] is not None else "–"
            table.add_row(row["name"], f"{row['question']} ({factors})", str(row["runs"]), seconds)
    elif what == "archs":
        for heading in ("parameters", "FLOPs", "image"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("what")
        for row in rows:
            image = "×".join(map(str, row["image"]))
            table.add_row(row["name"], count(row["parameters"]), count(row["flops"]), image, row["summary"])
    elif what == "data":
        table.add_column("what")
        for row in rows:
            table.add_row(row["name"], row["summary"])
    else:
        table.add_column("measures", ratio=2)
        table.add_column("cost of a measurement", ratio=1)
        for row in rows:
            table.add_row(row["name"], row["measures"], row["cost"])
    return table
