"""A figure of the report, and the table that stands behind it."""

import colorsys
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go

from litmus.evidence.estimate import Estimate
from litmus.evidence.results import Analysis
from litmus.evidence.units import Unit

PALETTE = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
"""Okabe & Ito 2008, distinguishable with every common form of colour blindness; grey for their black, so that each can
be seen on paper and on a dark screen."""

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")

LAYOUT: dict[str, object] = {
    "template": "none",
    "margin": {"l": 60, "r": 12, "t": 16, "b": 48},
    "height": 420,
    "hovermode": "closest",
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    "font": {"family": "system-ui, sans-serif", "size": 13},
}


def add_band(
    figure: go.Figure,
    label: str,
    points: Sequence[tuple[float, Estimate]],
    colour: str,
    dash: str,
    unit: str = "",
) -> None:
    """Add a line through the means of `points` with the band of their intervals; nothing where there is no point."""
    if not points:
        return
    x = [place for place, _ in points]
    low = [value.mean if math.isnan(value.low) else value.low for _, value in points]
    high = [value.mean if math.isnan(value.high) else value.high for _, value in points]
    figure.add_scatter(
        x=x + x[::-1],
        y=high + low[::-1],
        mode="lines",  # of few points plotly would draw each as a dot too
        fill="toself",
        fillcolor=transparent(colour, 0.14),
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        legendgroup=label,
        name=f"{label}, 95 % interval",
    )
    figure.add_scatter(
        x=x,
        y=[value.mean for _, value in points],
        mode="lines",
        name=escaped(label),
        legendgroup=label,
        line={"color": colour, "width": 2, "dash": dash},
        customdata=[value.n for _, value in points],
        hovertemplate=f"{escaped(label)}<br>{unit} %{{x}}: %{{y:.4g}}<br>%{{customdata}} seeds<extra></extra>",
    )


def escaped(text: str) -> str:
    """Return a text that plotly shows as it is: it takes some HTML, `$...$` and `%{...}` for markup."""
    for mark, harmless in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("$", "&#36;"), ("%{", "%\u200b{")):
        text = text.replace(mark, harmless)
    return text


def numeric_factor(analysis: Analysis) -> str | None:
    """Return the factor with the most levels that are all numbers; None where no factor has at least three."""
    levels = {factor: {result.arm.levels.get(factor) for result in analysis.arms} for factor in analysis.study.factors}
    numeric = {
        factor: len(values)
        for factor, values in levels.items()
        if len(values) >= 3 and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    }
    return max(numeric, key=lambda factor: numeric[factor]) if numeric else None


def styles(analysis: Analysis) -> list[tuple[str, str]]:
    """Return each arm's colour and dash: one of both for a level of the first factor, shades for the others."""
    factors = [factor for factor in analysis.study.baseline.levels if factor != numeric_factor(analysis)]
    if not factors or len(analysis.study.factors) < 2:
        count = len(analysis.arms)
        return [(PALETTE[i % len(PALETTE)], DASHES[i // len(PALETTE) % len(DASHES)]) for i in range(count)]
    levels = [str(result.arm.levels.get(factors[0])) for result in analysis.arms]
    order = list(dict.fromkeys(levels))
    found = []
    for index, name in enumerate(levels):
        place = order.index(name)
        colour = _shade(PALETTE[place % len(PALETTE)], levels[:index].count(name), levels.count(name))
        found.append((colour, DASHES[place % len(DASHES)]))
    return found


def axis_title(quantity: str, unit: Unit) -> str:
    """Return what an axis is called, with the unit where it has one."""
    return f"{quantity}, {unit.name}" if unit.name else quantity


def error_bars(values: Sequence[Estimate], unit: Unit) -> dict[str, object]:
    """Return plotly's error bars of means, in the reader's unit, within what the unit allows."""
    return {
        "type": "data",
        "array": [unit.factor * _finite(min(value.high, unit.highest) - value.mean) for value in values],
        "arrayminus": [unit.factor * _finite(value.mean - max(value.low, unit.lowest)) for value in values],
        "thickness": 1.2,
        "width": 3,
    }


def with_data(figure: go.Figure) -> go.Figure | None:
    """Return the figure, None where it shows nothing."""
    return figure if figure.data else None


def transparent(colour: str, alpha: float) -> str:
    """Return a colour `#rrggbb` that lets through what lies beneath."""
    red, green, blue = _channels(colour)
    return f"rgba({red},{green},{blue},{alpha})"


def _shade(colour: str, index: int, count: int) -> str:
    red, green, blue = _channels(colour)
    hue, lightness, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
    lightness = float(np.interp(index, [0, max(1, count - 1)], [0.72, 0.3])) if count > 1 else lightness
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, lightness, saturation))


def _channels(colour: str) -> Sequence[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def thinned(values: Sequence[float], most: int) -> list[int]:
    """Return which points of a curve stay, at most `most` of them and the two ends, in their order.

    The curve is cut into pieces of equal length, of each of which the lowest and the highest point stay: what it
    reached, however briefly, is still there. Points that are not finite have no say in which are the extremes, and the
    first of each piece of them stays, so that a gap remains one.
    """
    count = len(values)
    if count <= max(most, 3):
        return list(range(count))
    numbers = np.asarray(values, dtype=float)
    kept = {0, count - 1}
    pieces = max(1, (most - 2) // 2)
    for piece in np.array_split(np.arange(count), pieces):
        finite = piece[np.isfinite(numbers[piece])]
        if len(finite):
            kept |= {int(finite[numbers[finite].argmin()]), int(finite[numbers[finite].argmax()])}
        elif len(piece):
            kept.add(int(piece[0]))
    return sorted(kept)


def rounded(values: Sequence[float]) -> list[float | None]:
    """Return numbers with five digits, which is more than a screen can show; None for one that is not finite."""
    return [float(f"{value:.5g}") if math.isfinite(value) else None for value in values]


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
