"""The two figures of a study that W&B cannot draw from its runs: paired differences, and accuracy against cost."""

import math
from html import escape

import plotly.graph_objects as go

from studies.evidence.summary import StudySummary
from studies.tracking import names


def differences(summary: StudySummary) -> go.Figure | None:
    """Return each arm's paired difference from the baseline with its 95 % interval; None where there is none."""
    unit = summary.analysis.unit
    shown = [
        (_label(each.arm.label), each.comparison.difference)
        for each in summary.judged
        if each.comparison is not None and each.comparison.difference.n
    ]
    if not shown:
        return None
    figure = go.Figure()
    figure.add_vline(x=0, line={"width": 1})
    figure.add_scatter(
        x=[unit.factor * effect.mean for _, effect in shown],
        y=[label for label, _ in shown],
        error_x={
            "array": [_length(unit.factor * (effect.high - effect.mean)) for _, effect in shown],
            "arrayminus": [_length(unit.factor * (effect.mean - effect.low)) for _, effect in shown],
        },
        mode="markers",
    )
    metric = f"test {summary.analysis.metric_name}"
    figure.update_layout(
        title=f"Difference in {metric} to {_label(summary.analysis.baseline.label)}, paired by seed, 95 %",
        xaxis_title=unit.difference_name,
        yaxis={"type": "category", "autorange": "reversed"},
    )
    return figure


def accuracy_against_cost(summary: StudySummary) -> go.Figure | None:
    """Return each arm's mean on the test set with its 95 % interval against its FLOPs; None where no run finished."""
    unit = summary.analysis.unit
    shown = [
        (_label(each.arm.label), each.arm.estimate("flops").mean, each.mean) for each in summary.judged if each.mean.n
    ]
    shown = [each for each in shown if math.isfinite(each[1])]
    if not shown:
        return None
    figure = go.Figure()
    for label, cost, mean in shown:
        error = [_length(unit.factor * (min(mean.high, unit.highest) - mean.mean))]
        below = [_length(unit.factor * (mean.mean - max(mean.low, unit.lowest)))]
        value = [unit.factor * mean.mean]
        bars = {"array": error, "arrayminus": below}
        figure.add_scatter(x=[cost], y=value, error_y=bars, mode="markers", name=label)
    title = f"Test {summary.analysis.metric_name}, mean and 95 % over seeds"
    figure.update_layout(title=title, xaxis={"type": "log", "title": "FLOPs of an image"}, yaxis_title=unit.name)
    return figure


def _label(text: str) -> str:
    # Plotly reads some HTML in labels.
    return escape(names.shortened(text, 60), quote=False)


def _length(value: float) -> float:
    return value if math.isfinite(value) else 0.0
