"""A figure of the report, and the style that all have: colours, dashes, layout, error bars, bands."""

import colorsys
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

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


@dataclass(frozen=True)
class Figure:
    """A figure: its title, its caption, the plot; `curves` are the data of curves that a reader can switch."""

    title: str
    caption: str
    plot: go.Figure
    curves: Mapping[str, Any] = field(default_factory=dict)


def add_band(figure: go.Figure, label: str, points: Sequence[tuple[float, Estimate]], colour: str, dash: str) -> None:
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
        fillcolor=colour,
        opacity=0.14,
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
        hovertemplate=f"{escaped(label)}<br>%{{x}}: %{{y:.4g}}<br>%{{customdata}} seeds<extra></extra>",
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


def _shade(colour: str, index: int, count: int) -> str:
    """Return the shade number `index` of `count` shades of a colour, from light to dark."""
    red, green, blue = hex_to_rgb(colour)
    hue, lightness, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
    lightness = float(np.interp(index, [0, max(1, count - 1)], [0.72, 0.3])) if count > 1 else lightness
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, lightness, saturation))


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
