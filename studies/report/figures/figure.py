"""A figure of the report, and the table that stands behind it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from studies.report.figures.thin import thinned

MOST_ROWS = 400
"""Rows that the table behind a figure has at most; the statistics and the exports have all."""


@dataclass(frozen=True)
class Figure:
    """A figure: its title, what stands under it, and the plot; `curves` are the data of curves that can be switched."""

    title: str
    caption: str
    plot: go.Figure
    curves: Mapping[str, Any] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The title as the name of a file: lower-case letters, digits and hyphens."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")[:60] or "figure"


@dataclass(frozen=True)
class DataTable:
    """What a plot shows, as rows: of each line or set of points its name, then its places."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


def data_table(plot: go.Figure) -> DataTable:
    """Return the table behind a plot; long lines thinned, their lowest and highest points kept."""
    x_title, y_title = _title(plot.layout.xaxis, "x"), _title(plot.layout.yaxis, "y")
    if any(trace.type == "heatmap" for trace in plot.data):
        trace = next(trace for trace in plot.data if trace.type == "heatmap")
        columns = [str(each) for each in trace.x]
        texts = trace.text if trace.text is not None else trace.z
        rows = [
            [str(name), *(_text(cell).replace("<br>", ", ") for cell in row)]
            for name, row in zip(trace.y, texts, strict=True)
        ]
        return DataTable([f"{y_title} \\ {x_title}", *columns], rows)
    shown = [trace for trace in plot.data if trace.hoverinfo != "skip" and trace.x is not None]
    rows = []
    for trace in shown:
        ends = _errors(trace)
        texts = trace.text if isinstance(trace.text, Sequence) and not isinstance(trace.text, str) else None
        places = list(range(len(trace.x)))
        if trace.type == "scatter" and "lines" in (trace.mode or ""):
            places = thinned([_number(value) for value in trace.y], max(4, MOST_ROWS // len(shown)))
        for index in places:
            name = trace.name or ""
            if texts is not None and trace.mode and "markers" in trace.mode and texts[index] not in (name, ""):
                name = f"{name} {texts[index]}".strip()
            rows.append([name, _text(trace.x[index]), _text(trace.y[index]), *(end[index] for end in ends)])
    widest = max((len(row) for row in rows), default=3)
    rows = [[*row, *[""] * (widest - len(row))] for row in rows]
    return DataTable(["line", x_title, y_title, "from", "to"][:widest], rows)


def _errors(trace: Any) -> list[list[str]]:
    error = trace.error_y
    if error is None or error.array is None:
        return []
    minus = error.arrayminus if error.arrayminus is not None else error.array
    low = [_text(float(y) - float(e)) if e else "–" for y, e in zip(trace.y, minus, strict=True)]
    high = [_text(float(y) + float(e)) if e else "–" for y, e in zip(trace.y, error.array, strict=True)]
    return [low, high]


def _title(axis: Any, otherwise: str) -> str:
    return str(axis.title.text or otherwise)


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _text(value: Any) -> str:
    if isinstance(value, float) or hasattr(value, "dtype"):
        return f"{float(value):.5g}" if _is_number(value) else str(value)
    return str(value)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def slugs(figures: Iterable[Figure]) -> list[str]:
    """Return a name for each figure that no other has."""
    found: list[str] = []
    for figure in figures:
        taken = sum(name == figure.slug or name.startswith(f"{figure.slug}-") for name in found)
        found.append(f"{figure.slug}-{taken + 1}" if taken else figure.slug)
    return found
