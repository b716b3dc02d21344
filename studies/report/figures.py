"""The report's figures, as plotly objects that can be hovered, zoomed and switched arm by arm."""

import colorsys
import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from studies.evidence.estimate import Estimate, estimate
from studies.evidence.results import Analysis, ArmResult, Metric
from studies.evidence.units import POINTS, Unit, level, unit_of
from studies.records.arm_label import arm_label

# Okabe & Ito 2008: distinguishable with every common form of colour blindness.
PALETTE = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")

LAYOUT: dict[str, object] = {
    "template": "plotly_white",
    "margin": {"l": 56, "r": 12, "t": 16, "b": 48},
    "height": 420,
    "hovermode": "closest",
    "legend": {"orientation": "h", "y": -0.22},
    "font": {"family": "system-ui, sans-serif", "size": 13},
}


def learning_curves(analysis: Analysis, column: str, title: str, logarithmic: bool = False) -> go.Figure:
    """Return `column` of the evaluations over training steps: the mean of the seeds with its 95 % interval."""
    figure = go.Figure()
    for result, (colour, dash) in zip(analysis.arms, styles(analysis), strict=True):
        curve = _mean_curve(result, column)
        add_band(figure, result.label, curve, colour, dash, "step")
    figure.update_layout(**LAYOUT, xaxis_title="training step", yaxis_title=title)
    if logarithmic:
        shown = [value for trace in figure.data for value in trace.y if value > 0]
        # A loss on its way to divergence would squeeze all others into a line.
        chance = analysis.chance if 0 < analysis.chance < 1 else 0.1
        highest = min(max(shown, default=1.0), -3 * math.log(chance))
        lowest = max(min(shown, default=0.01), highest * 1e-5)
        figure.update_yaxes(type="log", exponentformat="power", range=[math.log10(lowest), math.log10(highest)])
    return figure


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
        fill="toself",
        fillcolor=_transparent(colour, 0.14),
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        legendgroup=label,
    )
    figure.add_scatter(
        x=x,
        y=[value.mean for _, value in points],
        mode="lines",
        name=label,
        legendgroup=label,
        line={"color": colour, "width": 2, "dash": dash},
        customdata=[value.n for _, value in points],
        hovertemplate=f"{label}<br>{unit} %{{x}}: %{{y:.4g}}<br>%{{customdata}} seeds<extra></extra>",
    )


def numeric_factor(analysis: Analysis) -> str | None:
    """Return the factor with the most levels that are all numbers; None where no factor has at least three."""
    levels = {factor: {result.arm.levels.get(factor) for result in analysis.arms} for factor in analysis.study.factors}
    numeric = {
        factor: len(values)
        for factor, values in levels.items()
        if len(values) >= 3 and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    }
    return max(numeric, key=lambda factor: numeric[factor]) if numeric else None


def response(analysis: Analysis, factor: str, metric: Metric, title: str) -> go.Figure | None:
    """Return `metric` over the levels of a numeric `factor`, a line for each combination of the other factors.

    Levels with diverged runs carry a cross with their number, at chance where the metric is an accuracy. None where an
    arm has no level of the factor.
    """
    if any(factor not in result.arm.levels for result in analysis.arms):
        return None
    percent = unit_of(metric) is POINTS
    scale = 100.0 if percent else 1.0
    top = 1.0 if percent else math.inf
    lines: dict[str, list[ArmResult]] = {}
    for result in analysis.arms:
        others = {key: value for key, value in result.arm.levels.items() if key != factor}
        lines.setdefault(arm_label(others) or "all arms", []).append(result)
    figure = go.Figure()
    for colour, (name, results) in zip(PALETTE * len(lines), lines.items(), strict=False):
        results.sort(key=lambda result: result.arm.levels[factor])
        points = [(result.arm.levels[factor], result.estimate(metric), result) for result in results]
        shown = [(x, value) for x, value, _ in points if value.n]
        figure.add_scatter(
            x=[x for x, _ in shown],
            y=[scale * value.mean for _, value in shown],
            error_y={
                "array": [scale * _finite(min(value.high, top) - value.mean) for _, value in shown],
                "arrayminus": [scale * _finite(value.mean - max(value.low, 1 - top)) for _, value in shown],
                "thickness": 1.2,
                "width": 3,
            },
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 2},
            customdata=[value.n for _, value in shown],
            hovertemplate=f"{name}, %{{x}}: %{{y:.4g}}<br>%{{customdata}} finished seeds<extra></extra>",
        )
        diverged = [
            (x, result.count("diverged"), result.planned) for x, _, result in points if result.count("diverged")
        ]
        if diverged:
            figure.add_scatter(
                x=[x for x, _, _ in diverged],
                y=[100 * analysis.chance if percent else 0.0] * len(diverged),
                mode="markers+text",
                marker={"symbol": "x", "size": 10, "color": colour},
                text=[f"{count}/{planned}" for _, count, planned in diverged],
                textposition="top center",
                name=f"{name}: diverged",
                hovertemplate=f"{name}, %{{x}}: %{{text}} seeds diverged<extra></extra>",
            )
    values = [result.arm.levels[factor] for result in analysis.arms]
    figure.update_layout(**LAYOUT, xaxis_title=factor, yaxis_title=f"{title}, %" if percent else title)
    if percent:
        figure.update_yaxes(range=[-4, 104])
    if min(values) > 0 and max(values) / min(values) >= 8:
        figure.update_xaxes(type="log", tickvals=sorted(set(values)), ticktext=[level(v) for v in sorted(set(values))])
    return figure


def interaction(analysis: Analysis) -> go.Figure:
    """Return test accuracy over the levels of the second factor, a line for each level of the first and others."""
    unit = analysis.unit
    first, second, *others = analysis.study.baseline.levels
    order = list(dict.fromkeys(level(result.arm.levels[second]) for result in analysis.arms))
    lines: dict[str, list[ArmResult]] = {}
    for result in analysis.arms:
        lines.setdefault(arm_label({key: result.arm.levels[key] for key in (first, *others)}), []).append(result)
    figure = go.Figure()
    for index, (name, results) in enumerate(lines.items()):
        points = [(level(result.arm.levels[second]), result.estimate(analysis.test_metric)) for result in results]
        shown = [(x, value) for x, value in points if value.n]
        figure.add_scatter(
            x=[x for x, _ in shown],
            y=[unit.factor * value.mean for _, value in shown],
            error_y={
                "array": [unit.factor * _finite(min(value.high, unit.highest) - value.mean) for _, value in shown],
                "arrayminus": [unit.factor * _finite(value.mean - max(value.low, unit.lowest)) for _, value in shown],
                "thickness": 1.2,
                "width": 3,
            },
            mode="lines+markers",
            name=name,
            line={"color": PALETTE[index % len(PALETTE)], "dash": DASHES[index // len(PALETTE) % len(DASHES)]},
            hovertemplate=f"{name}, %{{x}}: %{{y:.{unit.decimals}f}} {unit.name}<extra></extra>",
        )
    figure.update_layout(**LAYOUT, xaxis_title=second, yaxis_title=axis_title(f"test {analysis.metric_name}", unit))
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=order)
    return figure


def axis_title(quantity: str, unit: Unit) -> str:
    """Return what an axis is called, with the unit where it has one."""
    return f"{quantity}, {unit.name}" if unit.name else quantity


def _mean_curve(result: ArmResult, column: str) -> list[tuple[float, Estimate]]:
    by_step: dict[float, list[float]] = {}
    for rows in result.curves.values():
        if column in rows:
            each = zip(rows["kind"].tolist(), rows["step"].tolist(), rows[column].tolist(), strict=True)
            for kind, step, value in each:
                if kind == "evaluation" and math.isfinite(value):
                    by_step.setdefault(step, []).append(value)
    points = []
    for step, values in sorted(by_step.items()):
        value = estimate(values)
        # An accuracy's interval cannot leave [0, 1], nor a loss's fall below zero.
        accuracy = not column.endswith("loss")
        low = max(value.low, 0.0 if accuracy else min(values) / 10)
        high = min(value.high, 1.0) if accuracy else value.high
        points.append((float(step), dataclasses.replace(value, low=low, high=high)))
    return points


def styles(analysis: Analysis) -> list[tuple[str, str]]:
    """Return each arm's colour and dash: one of both for a level of the first factor, shades for the others."""
    factors = [factor for factor in analysis.study.baseline.levels if factor != numeric_factor(analysis)]
    if not factors or len(analysis.study.factors) < 2:
        count = len(analysis.arms)
        return [(PALETTE[i % len(PALETTE)], DASHES[i // len(PALETTE) % len(DASHES)]) for i in range(count)]
    levels = [str(result.arm.levels.get(factors[0])) for result in analysis.arms]
    order = list(dict.fromkeys(levels))
    styles = []
    for index, name in enumerate(levels):
        place = order.index(name)
        colour = _shade(PALETTE[place % len(PALETTE)], levels[:index].count(name), levels.count(name))
        styles.append((colour, DASHES[place % len(DASHES)]))
    return styles


def _shade(colour: str, index: int, count: int) -> str:
    red, green, blue = _channels(colour)
    hue, lightness, saturation = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
    lightness = float(np.interp(index, [0, max(1, count - 1)], [0.78, 0.26])) if count > 1 else lightness
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, lightness, saturation))


def _transparent(colour: str, alpha: float) -> str:
    red, green, blue = _channels(colour)
    return f"rgba({red},{green},{blue},{alpha})"


def _channels(colour: str) -> Sequence[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
