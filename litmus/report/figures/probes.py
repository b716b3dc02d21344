"""Figures of what probes measured, and the others that a study asks for in its file."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from litmus.design.plots import Against, ByLayer, OverTraining, Percentiles, Plot, Scatter, StudyPlot
from litmus.evidence.estimate import estimate
from litmus.evidence.measures import over_steps, probed
from litmus.evidence.results import Analysis, ArmResult
from litmus.report.figures.arms import FRONT, against_cost, over_factor
from litmus.report.figures.figure import LAYOUT, Figure, add_band, escaped, styles

MEANS = "Mean over the finished seeds with its 95 % interval."
LAST_LAYER = -1


def figures_asked(analysis: Analysis, plots: Sequence[StudyPlot]) -> list[Figure]:
    """Return the figures that `plots` ask for, without those for which the records have nothing to show."""
    found = []
    for plot in plots:
        drawn, caption = _drawn(plot, analysis)
        if drawn is not None and drawn.data:
            found.append(Figure(plot.title, caption, drawn))
    return found


def _drawn(plot: StudyPlot, analysis: Analysis) -> tuple[go.Figure | None, str]:
    """Return a plot, and its caption."""
    match plot:
        case Plot():
            return plot.draw(analysis), plot.caption
        case Against():
            drawn = over_factor(analysis, plot.factor, plot.metric, plot.title)
            return drawn, f"{MEANS} A cross marks how many of the seeds diverged."
        case Scatter():
            return against_cost(analysis, plot.cost), f"{MEANS} {FRONT}"
        case OverTraining():
            return _over_training(plot, analysis), MEANS
        case ByLayer():
            return _by_layer(plot, analysis), MEANS
        case Percentiles():
            return _percentiles(plot, analysis), "The first seed; the median is drawn solid."


def _over_training(plot: OverTraining, analysis: Analysis) -> go.Figure:
    figure = go.Figure()
    for result, (colour, dash) in zip(analysis.arms, styles(analysis), strict=True):
        curves = [over_steps(result, seed, plot.quantity, plot.layer) for seed in sorted(result.probes)]
        steps = sorted({int(step) for curve in curves for step in curve.index})
        points = [(step, estimate([float(curve[step]) for curve in curves if step in curve.index])) for step in steps]
        add_band(figure, result.label, points, colour, dash)
    figure.update_layout(**LAYOUT, xaxis_title="training step", yaxis_title=plot.quantity.replace("_", " "))
    return figure


def _by_layer(plot: ByLayer, analysis: Analysis) -> go.Figure:
    figure = go.Figure()
    for result, (colour, dash) in zip(analysis.arms, styles(analysis), strict=True):
        points = []
        for number, name in enumerate(layers(result, plot.quantity), start=1):
            values = [probed(plot.quantity, name, plot.at)(result, seed) for seed in sorted(result.probes)]
            points.append((number, estimate([value for value in values if math.isfinite(value)])))
        add_band(figure, result.label, [point for point in points if point[1].n], colour, dash)
    figure.update_layout(**LAYOUT, xaxis_title="layer", yaxis_title=plot.quantity.replace("_", " "))
    figure.update_yaxes(type="log", exponentformat="power")
    return figure


def _percentiles(plot: Percentiles, analysis: Analysis) -> go.Figure:
    figure = go.Figure()
    for result, (colour, _) in zip(analysis.arms, styles(analysis), strict=True):
        for quantity, dash in zip(plot.quantities, ("dot", "solid", "dot"), strict=True):
            curve = over_steps(result, min(result.probes), quantity, plot.layer) if result.probes else None
            if curve is not None and len(curve):
                figure.add_scatter(
                    x=curve.index.tolist(),
                    y=curve.tolist(),
                    mode="lines",
                    line={"color": colour, "dash": dash, "width": 2},
                    name=escaped(result.label),
                    legendgroup=result.label,
                    showlegend=quantity == plot.quantities[1],
                    hovertemplate=f"{escaped(result.label)}, {quantity}<br>step %{{x}}: %{{y:.3g}}<extra></extra>",
                )
    figure.update_layout(**LAYOUT, xaxis_title="training step", yaxis_title="input")
    return figure


def layers(result: ArmResult, quantity: str) -> list[str]:
    """Return the layers of which a probe measured `quantity`, in the order of the network."""
    if not result.probes:
        return []
    rows = result.probes[min(result.probes)]
    return list(dict.fromkeys(rows.loc[rows["quantity"] == quantity, "layer"]))


def usual_plots(analysis: Analysis, asked: Sequence[StudyPlot]) -> list[StudyPlot]:
    """Return the usual plots of the quantities that the runs' probes measured, without those that a study asks for."""
    measured = {
        quantity
        for result in analysis.arms
        for rows in list(result.probes.values())[:1]
        for quantity in rows["quantity"].unique()
    }
    usual: list[ByLayer | OverTraining] = [
        ByLayer("weight_gradient_norm", "Gradient norm by depth, median over training", at="median"),
        ByLayer("output_gradient_rms", "Gradient at the layers' outputs by depth", at="median"),
        OverTraining("dead_fraction", "Dead units while training, mean over the layers"),
        OverTraining("saturated_fraction", "Saturated outputs while training, mean over the layers"),
        OverTraining("update_ratio", "Update over weight while training, mean over the layers"),
    ]
    shown = {each.quantity for each in asked if isinstance(each, ByLayer | OverTraining)}
    found: list[StudyPlot] = [each for each in usual if each.quantity in measured - shown]
    if {"p15", "p50", "p85"} <= measured and not any(isinstance(each, Percentiles) for each in asked):
        title = "Input of the last activation while training: 15th, 50th and 85th percentile of a unit"
        found.append(Percentiles(LAST_LAYER, title))
    return found
