"""Figures that a study asks for in its file: of what probes measured, over a factor, accuracy against cost."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from studies.design.study import Plot
from studies.evidence.estimate import estimate
from studies.evidence.measures import At, Layers, over_steps, probed
from studies.evidence.results import Analysis, ArmResult, Measure
from studies.report import figures

MEANS = "Mean over the finished seeds with its 95 % interval."


def against(metric: str | Measure, factor: str, title: str, percent: bool = True) -> Plot:
    """Return the plot of a metric over a numeric factor, a line for each combination of the other factors."""

    def draw(analysis: Analysis) -> go.Figure | None:
        return figures.response(analysis, factor, metric, title, percent)

    return Plot(title, f"{MEANS} A cross marks how many of the seeds diverged.", draw)


def scatter(cost: str | Measure, title: str, metric: str | None = None) -> Plot:
    """Return the plot of each arm's test accuracy over a cost (parameters, flops, seconds, activations)."""

    def draw(analysis: Analysis) -> go.Figure | None:
        figure = go.Figure()
        for result, (colour, _) in zip(analysis.arms, figures.styles(analysis), strict=True):
            spent, reached = result.estimate(cost), result.estimate(metric or analysis.test_metric)
            if spent.n and reached.n:
                half = 0.0 if math.isnan(reached.low) else reached.mean - reached.low
                figure.add_scatter(
                    x=[spent.mean],
                    y=[100 * reached.mean],
                    error_y={"array": [100 * half], "thickness": 1.2, "width": 3},
                    mode="markers+text",
                    text=[result.label],
                    textposition="top center",
                    marker={"color": colour, "size": 10},
                    name=result.label,
                    showlegend=False,
                    hovertemplate=f"{result.label}<br>%{{x:,.4g}}: %{{y:.2f}} %<br>{reached.n} seeds<extra></extra>",
                )
        if not figure.data:
            return None
        name = cost if isinstance(cost, str) else "cost"
        figure.update_layout(**figures.LAYOUT, xaxis_title=name, yaxis_title=f"test {analysis.metric_name}, %")
        figure.update_xaxes(type="log", exponentformat="SI")
        return figure

    return Plot(title, f"{MEANS} Up and to the left is better.", draw)


def over_training(quantity: str, title: str, layer: Layers = None) -> Plot:
    """Return the plot of what a probe measured over the training steps; of several layers, their mean."""

    def draw(analysis: Analysis) -> go.Figure | None:
        figure = go.Figure()
        for result, (colour, dash) in zip(analysis.arms, figures.styles(analysis), strict=True):
            curves = [over_steps(result, seed, quantity, layer) for seed in sorted(result.probes)]
            steps = sorted({int(step) for curve in curves for step in curve.index})
            points = [(step, estimate([float(c[step]) for c in curves if step in c.index])) for step in steps]
            figures.add_band(figure, result.label, points, colour, dash)
        if not figure.data:
            return None
        figure.update_layout(**figures.LAYOUT, xaxis_title="training step", yaxis_title=quantity.replace("_", " "))
        return figure

    return Plot(title, MEANS, draw)


def by_layer(quantity: str, title: str, at: At = "mean", logarithmic: bool = True) -> Plot:
    """Return the plot of what a probe measured over the layers, from the input to the output."""

    def draw(analysis: Analysis) -> go.Figure | None:
        figure = go.Figure()
        for result, (colour, dash) in zip(analysis.arms, figures.styles(analysis), strict=True):
            names = _layers(result, quantity)
            points = []
            for number, name in enumerate(names, start=1):
                values = [probed(quantity, name, at)(result, seed) for seed in sorted(result.probes)]
                points.append((number, estimate([value for value in values if math.isfinite(value)])))
            figures.add_band(figure, result.label, [point for point in points if point[1].n], colour, dash)
        if not figure.data:
            return None
        figure.update_layout(**figures.LAYOUT, xaxis_title="layer", yaxis_title=quantity.replace("_", " "))
        if logarithmic:
            figure.update_yaxes(type="log", exponentformat="power")
        return figure

    return Plot(title, MEANS, draw)


def percentiles(layer: Layers, title: str, quantities: Sequence[str] = ("p15", "p50", "p85")) -> Plot:
    """Return the plot of a low, a middle and a high percentile over the training steps, of each arm's first seed."""

    def draw(analysis: Analysis) -> go.Figure | None:
        figure = go.Figure()
        for result, (colour, _) in zip(analysis.arms, figures.styles(analysis), strict=True):
            for quantity, dash in zip(quantities, ("dot", "solid", "dot"), strict=True):
                curve = over_steps(result, min(result.probes), quantity, layer) if result.probes else None
                if curve is not None and len(curve):
                    figure.add_scatter(
                        x=curve.index.tolist(),
                        y=curve.tolist(),
                        mode="lines",
                        line={"color": colour, "dash": dash, "width": 2},
                        name=result.label,
                        legendgroup=result.label,
                        showlegend=quantity == quantities[1],
                        hovertemplate=f"{result.label}, {quantity}<br>step %{{x}}: %{{y:.3g}}<extra></extra>",
                    )
        if not figure.data:
            return None
        figure.update_layout(**figures.LAYOUT, xaxis_title="training step", yaxis_title="input")
        return figure

    return Plot(title, "The first seed; the median is drawn solid.", draw)


def _layers(result: ArmResult, quantity: str) -> list[str]:
    if not result.probes:
        return []
    rows = result.probes[min(result.probes)]
    return list(dict.fromkeys(rows.loc[rows["quantity"] == quantity, "layer"]))
