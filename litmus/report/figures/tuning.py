"""Figures of tuning: what the trials of each arm reached over the values of each tuned key."""

from typing import Any

import plotly.graph_objects as go

from litmus.evidence.results import Analysis
from litmus.evidence.tuning import ArmTuning
from litmus.evidence.units import level
from litmus.report.figures.figure import LAYOUT, Figure, escaped, styles
from litmus.report.hyperparameters import in_words
from litmus.report.tables import with_unit

CAPTION = (
    "Each point is a trial of an arm, the mean over its tuning seeds; a ring marks the one that the arm chose, a cross "
    "a trial with a run that diverged, which counts as guessing."
)
LISTED = 5
"""Values up to which each has its tick."""
LOGARITHMIC_FROM = 8
"""The ratio of the highest to the lowest value from which the axis is logarithmic."""


def tuning_figures(analysis: Analysis) -> list[Figure]:
    """Return a figure for each tuned key; none where nothing was tuned, or no trial has its result."""
    tuning = analysis.study.tuning
    if tuning is None or not any(score == score for each in analysis.tunings for score in each.scores):
        return []
    others = " The other tuned keys differ between the points." if len(tuning.keys) > 1 else ""
    title = f"Tuning: validation {analysis.metric_name} by"
    return [Figure(f"{title} {in_words(key)}", CAPTION + others, _over(analysis, key)) for key in tuning.keys]


def _over(analysis: Analysis, key: str) -> go.Figure:
    plot = go.Figure()
    tried = list(dict.fromkeys(point[key] for each in analysis.tunings for point in each.points))
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in tried)
    for each, (colour, _) in zip(analysis.tunings, styles(analysis), strict=True):
        _add_trials(plot, analysis, each, key, colour, numeric)
    plot.update_layout(
        **LAYOUT,
        xaxis_title=in_words(key),
        yaxis_title=with_unit(f"validation {analysis.metric_name}", analysis.unit.name),
    )
    if not numeric:
        plot.update_xaxes(type="category", categoryorder="array", categoryarray=[level(value) for value in tried])
    elif min(tried) > 0 and max(tried) / min(tried) >= LOGARITHMIC_FROM:
        plot.update_xaxes(type="log", dtick="D2")
    if numeric and len(tried) <= LISTED:
        plot.update_xaxes(tickmode="array", tickvals=sorted(tried), ticktext=[level(value) for value in sorted(tried)])
    return plot


def _add_trials(plot: go.Figure, analysis: Analysis, each: ArmTuning, key: str, colour: str, numeric: bool) -> None:
    """Add an arm's trials, in the order of the key's values, and the one that it chose."""
    label, unit = escaped(each.label), analysis.unit
    known = [index for index, score in enumerate(each.scores) if score == score]
    if numeric:
        known.sort(key=lambda index: each.points[index][key])

    def add(indices: list[int], **style: Any) -> None:
        if indices:
            values = [each.points[index][key] for index in indices]
            plot.add_scatter(
                x=values if numeric else [level(value) for value in values],
                y=[unit.factor * each.scores[index] for index in indices],
                text=[_setting(each.points[index]) for index in indices],
                legendgroup=label,
                hovertemplate=f"{label}<br>%{{text}}: %{{y:.4g}}<extra></extra>",
                **style,
            )

    # Between trials that differ in another key too, a line would mean nothing.
    mode = "lines+markers" if numeric and len(each.points[0]) == 1 else "markers"
    line = {"color": colour, "width": 1.2, "dash": "dot"}
    add(known, mode=mode, name=label, marker={"color": colour, "size": 8}, line=line)
    diverged = [index for index in known if each.diverged[index]]
    add(diverged, mode="markers", showlegend=False, marker={"color": colour, "size": 13, "symbol": "x"})
    chosen = [] if each.chosen is None else [each.chosen]
    ring = {"color": colour, "size": 17, "symbol": "circle-open", "line": {"width": 2.5}}
    add(chosen, mode="markers", showlegend=False, marker=ring)


def _setting(point: dict[str, Any]) -> str:
    return escaped(", ".join(f"{key} {level(value)}" for key, value in point.items()))
