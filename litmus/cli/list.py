"""`litmus list`: studies, architectures, datasets, probes and the runs of a study, a line each."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from litmus.cli.command import JSON_HELP, OUT, Parser, print_json
from litmus.cli.status import status_of, studies_in
from litmus.core.config_keys import Key
from litmus.core.errors import UserError
from litmus.core.formatting import count
from litmus.core.registry import declared
from litmus.design.study_files import STUDIES
from litmus.lit_archs.cost.table import read_table
from litmus.records.study_record import short_name

QUICK_TIMES = Path(__file__).with_name("quick_times.json")
"""Seconds of each study's quick preset on two idle CPU cores, as `docs/results.py` measures them."""

HEADINGS = {
    "studies": ("question", "runs", "time"),
    "archs": ("parameters", "FLOPs", "image", "what"),
    "data": ("what",),
    "probes": ("measures", "cost of a measurement"),
    "runs": ("arm", "seed", "state"),
}
FIGURES = ("runs", "time", "parameters", "FLOPs", "image", "seed")
"""Columns of numbers, which are not wrapped."""

Row = dict[str, Any]
"""A study, an architecture, a dataset, a probe or a run: what `--json` prints, as docs/json.md describes it."""


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("list", "List studies, architectures, datasets and probes, or the runs of a study.")
    kinds = Literal["all", "studies", "archs", "data", "probes", "runs"]
    parser.add_key(
        Key("kind", kinds, "all", "studies, archs, data, probes, runs, or all of them but runs"), positional=True
    )
    parser.add_argument(
        "study", nargs="?", default=None, help="after `runs`: name of an experiment, see `litmus status`"
    )
    parser.add_key(OUT)
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    rows: dict[str, Callable[[], list[Row]]] = {
        "studies": studies, "archs": architectures, "data": datasets, "probes": probes
    }  # fmt: skip
    found = {kind: rows[kind]() for kind in rows if options.kind in ("all", kind)}
    if options.kind == "runs":
        if options.study is None:
            names = ", ".join(path.name for path in studies_in(Path(options.out)))
            raise UserError(f"litmus list runs needs a study: {names}")
        found = {"runs": runs(options.study, options.out)}
    elif options.study is not None:
        raise UserError(f"unexpected argument {options.study!r}: litmus list runs {options.study} lists a study's runs")
    if options.json:
        print_json(found)
        return 0
    console = Console(highlight=False)
    for kind in found:
        console.print(_table(kind, found[kind]))
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
    """Return the architectures, with their cost for images of the size that the literature quotes it for."""
    return [asdict(row) | {"image": [int(side) for side in row.image.split("×")]} for row in read_table()]


def datasets() -> list[Row]:
    """Return the datasets."""
    return [{"name": name, "summary": texts["summary"]} for name, texts in declared("litmus.datamodules").items()]


def probes() -> list[Row]:
    """Return the probes, with what each measures and what a measurement costs."""
    found = declared("litmus.probes")
    return [{"name": name, "measures": texts["summary"], "cost": texts["cost"]} for name, texts in found.items()]


def runs(study: str, out: str) -> list[Row]:
    """Return the runs of a study, arm by arm, with their identity, seed and state."""
    arms = status_of(study, out)["arms"]
    return [
        {"run": run["run"], "arm": arm["arm"], "seed": run["seed"], "state": run["state"]}
        for arm in arms
        for run in arm["runs"]
    ]


def _table(kind: str, rows: Sequence[Row]) -> Table:
    table = Table(title=kind, title_justify="left", box=None, padding=(0, 2, 0, 0), show_header=kind != "data")
    # In a narrow terminal the texts are wrapped, and names and numbers are not.
    names = [row["run" if kind == "runs" else "name"] for row in rows]
    table.add_column("run" if kind == "runs" else "name", no_wrap=True, min_width=max(map(len, names)))
    for heading in HEADINGS[kind]:
        if heading in FIGURES:
            table.add_column(heading, justify="right", no_wrap=True)
        else:
            table.add_column(heading, ratio=2 if heading == "measures" else 1)
    for name, row in zip(names, rows, strict=True):
        table.add_row(name, *_cells(kind, row))
    return table


def _cells(kind: str, row: Row) -> list[str]:
    if kind == "studies":
        factors = " × ".join(map(short_name, row["factors"]))
        seconds = f"{row['seconds']:.0f} s" if row["seconds"] is not None else "–"
        return [f"{row['question']} ({factors})", str(row["runs"]), seconds]
    if kind == "runs":
        return [row["arm"], str(row["seed"]), row["state"].replace("_", " ")]
    if kind == "archs":
        image = "×".join(map(str, row["image"]))
        return [count(row["parameters"]), count(row["flops"]), image, row["summary"]]
    return [row["measures"], row["cost"]] if kind == "probes" else [row["summary"]]
