"""Figures with a point for each arm: a metric over a factor, accuracy against cost."""

from collections.abc import Sequence
from itertools import takewhile

import numpy as np
import plotly.graph_objects as go

from litmus.core.formatting import capital
from litmus.evidence.results import Analysis, ArmResult, Metric, guessed
from litmus.evidence.units import POINTS, level, unit_of
from litmus.records.study_record import LevelNames, arm_label, level_name
from litmus.report.figures.figure import (
    DASHES,
    LAYOUT,
    PALETTE,
    Figure,
    error_bars,
    escaped,
    free_factors,
    numeric_factor,
    short_number,
    styles,
)
from litmus.report.hyperparameters import in_words
from litmus.report.tables import with_unit

COSTS = {"parameters": "parameters", "flops": "FLOPs of an image"}
MOST_ARMS = 20
"""Arms up to which a figure of single runs can be read."""
FRONT = (
    "The line joins the arms whose means no cheaper arm reaches: the Pareto front. The intervals show how certain each "
    "place is."
)


def factor_figure(analysis: Analysis) -> Figure | None:
    """Return the test metric over a numeric factor, else over the second of two factors; None for other studies."""
    metric, title = analysis.test_metric, analysis.test_name
    factor = numeric_factor(analysis)
    if factor is not None:
        plot = over_factor(analysis, factor, metric, title)
        text = "Means over the seeds with 95 % intervals. A cross shows how many seeds failed; these count as guessing."
        return Figure(f"{capital(title)} by {in_words(factor)}", text, plot) if plot is not None else None
    if analysis.matched_factor is None:
        return None
    plot = over_factor(analysis, list(analysis.study.baseline.levels)[1], metric, title)
    text = "Means over the seeds with 95 % intervals. Lines that are not parallel show an interaction."
    return Figure("Interaction", text, plot) if plot is not None else None


def over_factor(analysis: Analysis, factor: str, metric: Metric, title: str) -> go.Figure | None:
    """Return `metric` over the levels of `factor`, a line for each combination of the other factors.

    Levels with failed runs carry a cross with their number, at chance where the metric is an accuracy. An arm without
    the factor is a line from its lowest to its highest level. None where no arm has it.
    """
    having = [result for result in analysis.arms if factor in result.arm.levels]
    if not having:
        return None
    unit = unit_of(metric)
    numeric = factor == numeric_factor(analysis)
    values = [result.arm.levels[factor] for result in having]
    ends = [min(values), max(values)] if numeric else [values[0], values[-1]]
    free = free_factors(analysis, keep=factor)
    names = analysis.study.level_names
    lines: dict[tuple[str, bool], list[ArmResult]] = {}
    for result in analysis.arms:
        others = {key: value for key, value in result.arm.levels.items() if key != factor and key in free}
        varied = factor in result.arm.levels
        lines.setdefault(((arm_label(others, names) or "all arms") if varied else result.label, varied), []).append(
            result
        )
    shared = [_shared_name(results, names) for results in lines.values()]
    named = all(shared) and len(set(shared)) == len(shared)
    figure = go.Figure()
    for index, ((levels_name, varied), results) in enumerate(lines.items()):
        name = shared[index] if named else levels_name
        colour, dash = PALETTE[index % len(PALETTE)], DASHES[index // len(PALETTE) % len(DASHES)]
        if not varied:
            results = results * 2
        elif numeric:
            results.sort(key=lambda result: result.arm.levels[factor])
        levels = [result.arm.levels[factor] for result in results] if varied else ends
        places = levels if numeric else [level_name(factor, value, names) or level(value) for value in levels]
        points = [(x, result.estimate(metric), result) for x, result in zip(places, results, strict=True)]
        shown = [(x, value) for x, value, _ in points if value.n]
        figure.add_scatter(
            x=[x for x, _ in shown],
            y=[unit.factor * value.mean for _, value in shown],
            error_y=error_bars([value for _, value in shown], unit),
            mode="lines+markers",
            name=escaped(name),
            line={"color": colour, "dash": dash, "width": 2},
            customdata=[value.n for _, value in shown],
            hovertemplate=f"{escaped(name)}, %{{x}}: %{{y:.4g}}<br>%{{customdata}} finished seeds<extra></extra>",
        )
        diverged = [(x, result) for x, _, result in points if result.failed]
        if diverged:
            figure.add_scatter(
                x=[x for x, _ in diverged],
                y=[unit.factor * each.failed_value(metric) if guessed(metric) else 0.0 for _, each in diverged],
                mode="markers+text",
                marker={"symbol": "x", "size": 10, "color": colour},
                text=[f"{len(each.failed)}/{each.ended}" for _, each in diverged],
                textposition="top center",
                name=f"{escaped(name)}: failed",
                hovertemplate=f"{escaped(name)}, %{{x}}: %{{text}} seeds failed<extra></extra>",
            )
    figure.update_layout(**LAYOUT, xaxis_title=in_words(factor), yaxis_title=with_unit(title, unit.name))
    if not numeric:
        order = list(dict.fromkeys(level_name(factor, value, names) or level(value) for value in values))
        figure.update_xaxes(type="category", categoryorder="array", categoryarray=order)
    elif min(values) > 0 and max(values) / min(values) >= 8:
        ticks = sorted(set(values))
        figure.update_xaxes(type="log", tickvals=ticks, ticktext=[level(value) for value in ticks])
    if numeric and unit is POINTS:
        figure.update_yaxes(range=[-4, 104])
    return figure


def _shared_name(arms: Sequence[ArmResult], names: LevelNames) -> str:
    """Return what the names that a study gives to arms have in common, `plain` of `plain, 20` and `plain, 44`.

    Empty where they have nothing in common, and for arms that are called by their levels.
    """
    if any(each.label == arm_label(each.arm.levels, names) for each in arms):
        return ""
    parts = zip(*(each.label.split(", ") for each in arms), strict=False)
    return ", ".join(each[0] for each in takewhile(lambda part: len(set(part)) == 1, parts))


def runs_figure(analysis: Analysis) -> Figure | None:
    """Return the test metric of each run, by arm; None where there are too many arms, or fewer than two have a run."""
    outcomes = {result.label: result.outcomes(analysis.test_metric) for result in analysis.arms}
    means = {result.label: mean for result in analysis.arms if (mean := result.estimate(analysis.test_metric)).n}
    if not 2 <= len(means) <= MOST_ARMS:
        return None
    plot, unit = go.Figure(), analysis.unit
    for seed in sorted({seed for by_seed in outcomes.values() for seed in by_seed}):
        labels = [label for label, by_seed in outcomes.items() if seed in by_seed]
        plot.add_scatter(
            x=list(map(escaped, labels)),
            y=[unit.factor * outcomes[label][seed] for label in labels],
            mode="lines+markers" if len(labels) > 1 else "markers",
            line={"color": "#9A9A9A", "width": 1},
            marker={"color": "#9A9A9A", "size": 6},
            showlegend=False,
            hovertemplate=f"%{{x}}, seed {seed}: %{{y:.4g}}<extra></extra>",
        )
    plot.add_scatter(
        x=list(map(escaped, means)),
        y=[unit.factor * mean.mean for mean in means.values()],
        error_y=error_bars(list(means.values()), unit),
        mode="markers",
        marker={"color": PALETTE[0], "size": 11, "symbol": "diamond"},
        showlegend=False,
        hovertemplate="%{x}: %{y:.4g}<extra></extra>",
    )
    plot.update_layout(**LAYOUT, yaxis_title=with_unit(analysis.test_name, unit.name))
    plot.update_xaxes(type="category", categoryorder="array", categoryarray=list(map(escaped, outcomes)))
    text = "A point for each run, a line for each seed; diamonds are the means with their 95 % intervals."
    return Figure(f"{capital(analysis.test_name)} of each run", text, plot)


def cost_figures(analysis: Analysis) -> list[Figure]:
    """Return a figure for each cost in which the arms differ; none where fewer than two have a result."""
    found = []
    for cost, name in COSTS.items():
        spent = [value.mean for result in analysis.arms if (value := result.estimate(cost)).n]
        # A norm's few parameters are no cost to choose by.
        differ = len(spent) > 1 and max(spent) > 1.05 * min(spent)
        plot = against_cost(analysis, cost) if differ else None
        if plot is not None:
            caption = f"Mean over the seeds with its 95 % interval. {FRONT}"
            found.append(Figure(f"{capital(analysis.test_name)} against {name}", caption, plot))
    return found


def against_cost(analysis: Analysis, cost: Metric) -> go.Figure | None:
    """Return each arm's test metric over a cost, the Pareto front marked; None where no arm has both."""
    plot, unit = go.Figure(), analysis.unit
    shown = []
    for result, (colour, _) in zip(analysis.arms, styles(analysis), strict=True):
        spent, reached = result.estimate(cost), result.estimate(analysis.test_metric)
        if spent.n and reached.n and spent.mean > 0:
            shown.append((result, spent, reached, colour))
    if not shown:
        return None
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
        label = escaped(result.label)
        plot.add_scatter(
            x=[spent.mean],
            y=[unit.factor * reached.mean],
            error_y=error_bars([reached], unit),
            mode="markers",
            marker={"color": colour, "size": 11, "symbol": "diamond" if index in front else "circle-open"},
            name=f"{label}, on the front" if index in front else label,
            hovertemplate=f"{label}<br>%{{x:,.4g}}: %{{y:.3f}} {unit.name}<br>{reached.n} seeds<extra></extra>",
        )
    name = COSTS.get(cost, cost) if isinstance(cost, str) else "cost"
    plot.update_layout(**LAYOUT, xaxis_title=name, yaxis_title=with_unit(analysis.test_name, unit.name))
    ends = [spent.mean for _, spent, _, _ in shown]
    ticks = sorted({float(f"{each:.2g}") for each in np.geomspace(min(ends), max(ends), 4)})
    plot.update_xaxes(type="log", tickvals=ticks, ticktext=list(map(short_number, ticks)))
    return plot


def pareto_front(points: Sequence[tuple[float, float]], higher_is_better: bool = True) -> list[int]:
    """Return which of the points (cost, value) no other is cheaper than and as good as, the cheapest first."""
    sign = 1.0 if higher_is_better else -1.0
    order = sorted(range(len(points)), key=lambda index: (points[index][0], -sign * points[index][1]))
    front: list[int] = []
    for index in order:
        if not front or sign * points[index][1] > sign * points[front[-1]][1]:
            front.append(index)
    return front
