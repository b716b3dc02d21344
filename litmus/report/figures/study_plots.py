"""The figures that a study asks for in its file: of what probes measured, over a factor, accuracy against cost."""

import math
from functools import singledispatch

import plotly.graph_objects as go

from litmus.design.plots import Against, ByLayer, OverTraining, Percentiles, Plot, Scatter, StudyPlot
from litmus.evidence.estimate import estimate
from litmus.evidence.measures import over_steps, probed
from litmus.evidence.results import Analysis, ArmResult
from litmus.report.figures.cost import FRONT, against_cost
from litmus.report.figures.factors import response
from litmus.report.figures.figure import LAYOUT, add_band, escaped, styles, with_data

MEANS = "Mean over the finished seeds with its 95 % interval."


@singledispatch
def draw(plot: StudyPlot, analysis: Analysis) -> go.Figure | None:
    """Return the figure that `plot` asks for, None where the records have nothing to show."""
    raise TypeError(f"no drawing for {type(plot).__name__}")


def caption(plot: StudyPlot) -> str:
    """Return what stands under the figure."""
    match plot:
        case Plot():
            return plot.caption
        case Against():
            return f"{MEANS} A cross marks how many of the seeds diverged."
        case Scatter():
            return f"{MEANS} {FRONT}"
        case Percentiles():
            return "The first seed; the median is drawn solid."
    return MEANS


@draw.register
def _(plot: Plot, analysis: Analysis) -> go.Figure | None:
    figure: go.Figure | None = plot.draw(analysis)
    return figure


@draw.register
def _(plot: Against, analysis: Analysis) -> go.Figure | None:
    return response(analysis, plot.factor, plot.metric, plot.title)


@draw.register
def _(plot: Scatter, analysis: Analysis) -> go.Figure | None:
    return against_cost(analysis, plot.cost)


@draw.register
def _(plot: OverTraining, analysis: Analysis) -> go.Figure | None:
    figure = go.Figure()
    for result, (colour, dash) in zip(analysis.arms, styles(analysis), strict=True):
        curves = [over_steps(result, seed, plot.quantity, plot.layer) for seed in sorted(result.probes)]
        steps = sorted({int(step) for curve in curves for step in curve.index})
        points = [(step, estimate([float(c[step]) for c in curves if step in c.index])) for step in steps]
        add_band(figure, result.label, points, colour, dash)
    figure.update_layout(**LAYOUT, xaxis_title="training step", yaxis_title=plot.quantity.replace("_", " "))
    return with_data(figure)


@draw.register
def _(plot: ByLayer, analysis: Analysis) -> go.Figure | None:
    figure = go.Figure()
    for result, (colour, dash) in zip(analysis.arms, styles(analysis), strict=True):
        points = []
        for number, name in enumerate(layers(result, plot.quantity), start=1):
            values = [probed(plot.quantity, name, plot.at)(result, seed) for seed in sorted(result.probes)]
            points.append((number, estimate([value for value in values if math.isfinite(value)])))
        add_band(figure, result.label, [point for point in points if point[1].n], colour, dash)
    figure.update_layout(**LAYOUT, xaxis_title="layer", yaxis_title=plot.quantity.replace("_", " "))
    figure.update_yaxes(type="log", exponentformat="power")
    return with_data(figure)


@draw.register
def _(plot: Percentiles, analysis: Analysis) -> go.Figure | None:
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
    return with_data(figure)


def layers(result: ArmResult, quantity: str) -> list[str]:
    """Return the layers of which a probe measured `quantity`, in the order of the network."""
    if not result.probes:
        return []
    rows = result.probes[min(result.probes)]
    return list(dict.fromkeys(rows.loc[rows["quantity"] == quantity, "layer"]))
