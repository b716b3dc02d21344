"""Accuracy against cost, with the arms that none is better and cheaper than."""

from collections.abc import Sequence

import plotly.graph_objects as go

from litmus.core.formatting import several
from litmus.evidence.results import Analysis, Metric
from litmus.report.figures.figure import LAYOUT, Figure, axis_title, error_bars, escaped, styles, with_data

NOISY = 0.2
"""Spread of the seconds, as a share of their mean, from which on they say little of an arm."""


COSTS = {"parameters": "parameters", "flops": "FLOPs of an image", "seconds": "seconds of training"}
LABELLED = 6
"""Arms up to which each is named beside its point; of more the names would lie over one another."""
FRONT = (
    "The line joins the arms that no cheaper arm matches, by their means: the Pareto front. Intervals say how sure a "
    "place on it is."
)


def cost_figures(analysis: Analysis) -> list[Figure]:
    """Return a figure for each cost in which the arms differ; none where fewer than two have a result."""
    found = []
    for cost, name in COSTS.items():
        values = {result.label: result.estimate(cost) for result in analysis.arms}
        spent = [value.mean for value in values.values() if value.n]
        # Seconds never agree, and a norm's few parameters are no cost to choose by.
        apart = len(spent) > 1 and max(spent) > (1.2 if cost == "seconds" else 1.05) * min(spent)
        plot = against_cost(analysis, cost) if apart else None
        if plot is not None:
            noise = noisy_time(analysis) if cost == "seconds" else ""
            caption = f"Mean over the seeds with its 95 % interval. {FRONT}{noise}"
            found.append(Figure(f"Test {analysis.metric_name} against {name}", caption, plot))
    return found


def against_cost(analysis: Analysis, cost: Metric) -> go.Figure | None:
    """Return each arm's metric over a cost, the Pareto front marked; None where no arm has both."""
    plot, unit = go.Figure(), analysis.unit
    shown = []
    for result, (colour, _) in zip(analysis.arms, styles(analysis), strict=True):
        spent, reached = result.estimate(cost), result.estimate(analysis.test_metric)
        if spent.n and reached.n and spent.mean > 0:
            shown.append((result, spent, reached, colour))
    front = pareto_front([(spent.mean, reached.mean) for _, spent, reached, _ in shown], analysis.higher_is_better)
    if len(front) > 1:
        plot.add_scatter(
            x=[shown[index][1].mean for index in front],
            y=[unit.factor * shown[index][2].mean for index in front],
            mode="lines",
            line={"color": "#7F7F7F", "width": 1.5, "dash": "dot", "shape": "hv"},
            name="Pareto front",
            hoverinfo="skip",
        )
    for index, (result, spent, reached, colour) in enumerate(shown):
        plot.add_scatter(
            x=[spent.mean],
            y=[unit.factor * reached.mean],
            error_y=error_bars([reached], unit),
            mode="markers+text" if len(shown) <= LABELLED else "markers",
            text=[escaped(result.label)],
            textposition="top center",
            marker={"color": colour, "size": 11, "symbol": "diamond" if index in front else "circle-open"},
            name=escaped(result.label) + (", on the front" if index in front else ""),
            showlegend=len(shown) > LABELLED,
            cliponaxis=False,
            hovertemplate=f"{escaped(result.label)}<br>%{{x:,.4g}}: %{{y:.3f}} {unit.name}<br>"
            f"{reached.n} seeds<extra></extra>",
        )
    name = COSTS.get(cost, cost) if isinstance(cost, str) else "cost"
    plot.update_layout(**LAYOUT, xaxis_title=name, yaxis_title=axis_title(f"test {analysis.metric_name}", unit))
    plot.update_xaxes(type="log", exponentformat="SI")
    return with_data(plot)


def pareto_front(points: Sequence[tuple[float, float]], higher_is_better: bool = True) -> list[int]:
    """Return which of the points (cost, value) no other is cheaper than and as good as, the cheapest first."""
    sign = 1.0 if higher_is_better else -1.0
    order = sorted(range(len(points)), key=lambda index: (points[index][0], -sign * points[index][1]))
    front: list[int] = []
    for index in order:
        if not front or sign * points[index][1] > sign * points[front[-1]][1]:
            front.append(index)
    return front


def noisy_time(analysis: Analysis) -> str:
    """Return that the seconds of training vary too much to compare arms by, as a sentence; empty where they do not."""
    spent = [result.estimate("seconds") for result in analysis.arms]
    known = [each for each in spent if each.n > 1 and each.mean > 0]
    noisy = sum(each.sd > NOISY * each.mean for each in known)
    if not noisy:
        return ""
    return (
        f" Seconds are no sure measure here: in {noisy} of {several(len(known), 'arm')} they vary from seed to seed by "
        f"more than {100 * NOISY:g} % (sd), as on a machine that did other work."
    )
