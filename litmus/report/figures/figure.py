"""A figure of the report, and the style that all have: colours, dashes, layout, error bars, bands."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from litmus.evidence.estimate import Estimate
from litmus.evidence.results import Analysis
from litmus.evidence.units import Unit

PALETTE = (
    "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
    "#9702F7", "#F91356", "#8F77F6", "#5E5C22", "#B4019A", "#C6A9A3",
)  # fmt: skip
"""Six of Okabe & Ito 2008 and six more, far from all others in normal vision and in the three common forms of colour
blindness; each can be seen on paper and on a dark screen."""

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")

LAYOUT: dict[str, object] = {
    "template": "none",
    "margin": {"l": 60, "r": 12, "t": 34, "b": 48},  # the mode bar is above the plot, the legend below it
    "height": 440,
    "hovermode": "closest",
    "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
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


def free_factors(analysis: Analysis, keep: str = "") -> list[str]:
    """Return the factors without those that follow from the others, as a rate does that is set for each batch size.

    Of two that follow from one another an `optim` key is left out, else the later one; never `keep`.
    """
    kept = declared = list(analysis.study.factors)
    for factor in sorted(declared, key=lambda each: (not each.startswith("optim."), -declared.index(each))):
        others = [each for each in kept if each != factor]
        levels: dict[str, set[str]] = {}
        for result in analysis.arms:
            at = str([result.arm.levels.get(each) for each in others])
            levels.setdefault(at, set()).add(str(result.arm.levels.get(factor)))
        if others and factor != keep and all(len(each) == 1 for each in levels.values()):
            kept = others
    return kept


def numeric_factor(analysis: Analysis) -> str | None:
    """Return the factor with the most levels that are all numbers; None where no factor has at least three."""
    levels = {
        factor: {result.arm.levels[factor] for result in analysis.arms if factor in result.arm.levels}
        for factor in free_factors(analysis)
    }
    numeric = {
        factor: len(values)
        for factor, values in levels.items()
        if len(values) >= 3 and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    }
    return max(numeric, key=lambda factor: numeric[factor]) if numeric else None


def styles(analysis: Analysis) -> list[tuple[str, str]]:
    """Return each arm's colour and dash, which no two have in common up to 60 arms.

    Up to twelve arms have a colour of their own, and the dash of their level of the first factor; of more, each dozen
    has a dash.
    """
    count, colours = len(analysis.arms), len(PALETTE)
    factors = [factor for factor in analysis.study.baseline.levels if factor != numeric_factor(analysis)]
    groups = [index // colours for index in range(count)]
    if count <= colours and factors and len(analysis.study.factors) > 1:
        levels = [str(result.arm.levels.get(factors[0])) for result in analysis.arms]
        order = list(dict.fromkeys(levels))
        groups = [order.index(level) for level in levels]
    return [(PALETTE[index % colours], DASHES[group % len(DASHES)]) for index, group in enumerate(groups)]


def short_number(value: float) -> str:
    """Return a tick of a logarithmic axis in few characters: `0.02`, `500`, `20k`, `3M`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if unit == 'k' else size):g}{unit}"
    return f"{value:g}"


def error_bars(values: Sequence[Estimate], unit: Unit) -> dict[str, object]:
    """Return plotly's error bars of means, in the reader's unit, within what the unit allows."""
    return {
        "type": "data",
        "array": [unit.factor * _finite(min(value.high, unit.highest) - value.mean) for value in values],
        "arrayminus": [unit.factor * _finite(value.mean - max(value.low, unit.lowest)) for value in values],
        "thickness": 1.2,
        "width": 3,
    }


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
