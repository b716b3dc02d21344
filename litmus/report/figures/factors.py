"""Figures over a study's factors: a numeric one, two crossed ones, a map of both."""

import plotly.graph_objects as go

from litmus.evidence.results import Analysis, ArmResult, Metric
from litmus.evidence.units import POINTS, level, unit_of
from litmus.records.study_record import arm_label, short_name
from litmus.report.figures.figure import DASHES, LAYOUT, PALETTE, Figure, axis_title, error_bars, escaped


def response(analysis: Analysis, factor: str, metric: Metric, title: str) -> go.Figure | None:
    """Return `metric` over the levels of a numeric `factor`, a line for each combination of the other factors.

    Levels with diverged runs carry a cross with their number, at chance where the metric is an accuracy. None where an
    arm has no level of the factor.
    """
    if any(factor not in result.arm.levels for result in analysis.arms):
        return None
    unit = unit_of(metric)
    percent, scale = unit is POINTS, unit.factor
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
            error_y=error_bars([value for _, value in shown], unit),
            mode="lines+markers",
            name=escaped(name),
            line={"color": colour, "width": 2},
            customdata=[value.n for _, value in shown],
            hovertemplate=f"{escaped(name)}, %{{x}}: %{{y:.4g}}<br>%{{customdata}} finished seeds<extra></extra>",
        )
        diverged = [
            (x, result.count("diverged"), result.planned - result.missing)
            for x, _, result in points
            if result.count("diverged")
        ]
        if diverged:
            figure.add_scatter(
                x=[x for x, _, _ in diverged],
                y=[100 * analysis.chance if percent else 0.0] * len(diverged),
                mode="markers+text",
                marker={"symbol": "x", "size": 10, "color": colour},
                text=[f"{count}/{planned}" for _, count, planned in diverged],
                textposition="top center",
                name=f"{escaped(name)}: diverged",
                hovertemplate=f"{escaped(name)}, %{{x}}: %{{text}} seeds diverged<extra></extra>",
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
            error_y=error_bars([value for _, value in shown], unit),
            mode="lines+markers",
            name=escaped(name),
            line={"color": PALETTE[index % len(PALETTE)], "dash": DASHES[index // len(PALETTE) % len(DASHES)]},
            hovertemplate=f"{escaped(name)}, %{{x}}: %{{y:.{unit.decimals}f}} {unit.name}<extra></extra>",
        )
    figure.update_layout(**LAYOUT, xaxis_title=second, yaxis_title=axis_title(f"test {analysis.metric_name}", unit))
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=order)
    return figure


def heat_map(analysis: Analysis) -> Figure | None:
    """Return the metric over the levels of two factors, each cell with its mean; None but for a product of two."""
    factors = [factor for factor, levels in analysis.study.factors.items() if len(levels) > 1]
    if len(factors) != 2 or not analysis.study.full_product:
        return None
    across, down = sorted(factors, key=lambda factor: -len(analysis.study.factors[factor]))
    columns, rows = ([level(value) for value in analysis.study.factors[factor]] for factor in (across, down))
    values: list[list[float | None]] = [[None] * len(columns) for _ in rows]
    texts = [["no result"] * len(columns) for _ in rows]
    unit = analysis.unit
    for result in analysis.arms:
        row, column = (
            rows.index(level(result.arm.levels[down])),
            columns.index(level(result.arm.levels[across])),
        )
        value, diverged = result.estimate(analysis.test_metric), result.count("diverged")
        if value.n:
            values[row][column] = unit.factor * value.mean
            texts[row][column] = unit.tick(value.mean) + (f"<br>{diverged} diverged" if diverged else "")
    if not any(value is not None for row in values for value in row):
        return None
    name = axis_title(f"test {analysis.metric_name}", unit)
    plot = go.Figure()
    plot.add_heatmap(
        z=values,
        x=[escaped(each) for each in columns],
        y=[escaped(each) for each in rows],
        text=texts,
        texttemplate="%{text}",
        colorscale="Cividis",
        reversescale=not analysis.higher_is_better,
        colorbar={"title": {"text": name, "side": "right"}},
        xgap=2,
        ygap=2,
        hovertemplate=f"{across} %{{x}}, {down} %{{y}}: %{{text}}<extra></extra>",
    )
    plot.update_layout(
        **{**LAYOUT, "height": 150 + 46 * len(rows)}, xaxis_title=escaped(across), yaxis_title=escaped(down)
    )
    plot.update_xaxes(type="category")
    plot.update_yaxes(type="category", autorange="reversed")
    both = f"{short_name(down)} × {short_name(across)}"
    caption = f"{name[0].upper()}{name[1:]}, mean over the seeds; diverged runs count as in the tables."
    return Figure(f"{both}: test {analysis.metric_name}", caption, plot)
