"""Learning curves: each arm's mean with its interval, single seeds, over steps, epochs or images."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from litmus.evidence.estimate import Estimate, estimate
from litmus.evidence.results import Analysis, ArmResult
from litmus.evidence.units import POINTS, unit_of
from litmus.report.figures.figure import LAYOUT, Figure, add_band, escaped, styles

MEAN_POINTS, SEED_POINTS = 60_000, 160_000
"""Points of all mean curves of a figure together, and of all single seeds: what a page can hold at 10,000 runs."""

THUMBNAIL_POINTS = 40
SVG_DASHES = {"solid": "", "dash": "5 3", "dot": "1.5 2", "dashdot": "5 2 1.5 2", "longdash": "8 3"}

CAPTION = (
    "Mean over the seeds with its 95 % interval. Point at a line to highlight it; click it to see its seeds. Long "
    "curves are thinned; their lowest and highest points are kept."
)


def learning_curves(analysis: Analysis, column: str, title: str, axis: str, logarithmic: bool = False) -> Figure | None:
    """Return the figure of `column` at the evaluations; None where no run was evaluated."""
    plot, arms, factor = go.Figure(), [], unit_of(column).factor
    seeds_in_all = max(1, sum(len(result.curves) for result in analysis.arms))
    means_at_most = max(20, MEAN_POINTS // len(analysis.arms))
    seed_at_most = max(8, SEED_POINTS // seeds_in_all)
    for result, (colour, dash) in zip(analysis.arms, styles(analysis), strict=True):
        points = mean_curve(result, column)
        if not points:
            continue
        points = [points[index] for index in thinned([value.mean for _, value in points], means_at_most)]
        points = [
            (step, dataclasses.replace(each, mean=factor * each.mean, low=factor * each.low, high=factor * each.high))
            for step, each in points
        ]
        add_band(plot, result.label, points, colour, dash)
        arms.append(
            {
                "label": escaped(result.label),
                "short": escaped(result.label if len(result.label) < 40 else f"{result.label[:38]}…"),
                "colour": colour,
                "dash": dash,
                "scale": _scales(result),
                "step": [place for place, _ in points],
                "mean": rounded([value.mean for _, value in points]),
                "low": rounded([value.mean if math.isnan(value.low) else value.low for _, value in points]),
                "high": rounded([value.mean if math.isnan(value.high) else value.high for _, value in points]),
                "n": [value.n for _, value in points],
                "seeds": _seeds(result, column, seed_at_most, factor),
            }
        )
    if not arms:
        return None
    plot.update_layout(**LAYOUT, xaxis_title="training step", yaxis_title=axis)
    ends = _logarithmic(analysis, plot) if logarithmic else None
    off = " Losses far above that of guessing are cut off; double-click to see them." if logarithmic else ""
    return Figure(title, CAPTION + off, plot, {"arms": arms, "axis": axis, "range": ends})


def thumbnail(analysis: Analysis) -> dict[str, Any] | None:
    """Return the arms' mean validation curves in a box of 100 × 40, y downwards; None where none has two points.

    Each is its label, its colour, its dashes, and its points as SVG writes them; `low` and `high` are the ends of y.
    """
    curves = [mean_curve(result, analysis.val_metric) for result in analysis.arms]
    points = [(place, value.mean) for curve in curves for place, value in curve]
    if not any(len(curve) > 1 for curve in curves):
        return None
    last, low, high = max(x for x, _ in points), min(y for _, y in points), max(y for _, y in points)
    lines = []
    for result, curve, (colour, dash) in zip(analysis.arms, curves, styles(analysis), strict=True):
        kept = thinned([value.mean for _, value in curve], THUMBNAIL_POINTS)
        places = [(100 * curve[at][0] / last, 40 * (high - curve[at][1].mean) / ((high - low) or 1.0)) for at in kept]
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        lines.append({"label": result.label, "colour": colour, "dash": SVG_DASHES[dash], "points": drawn})
    return {"lines": lines, "low": analysis.unit.tick(low), "high": analysis.unit.tick(high), "steps": f"{last:,.0f}"}


def _logarithmic(analysis: Analysis, plot: go.Figure) -> list[float]:
    shown = [value for trace in plot.data for value in trace.y if value > 0]
    # A loss on its way to divergence would squeeze all others into a line.
    chance = analysis.chances.get("balanced_accuracy") or 0.1  # a class of all
    highest = min(max(shown, default=1.0), -3 * math.log(chance))
    lowest = max(min(shown, default=0.01), highest * 1e-5)
    ends = [math.log10(lowest), math.log10(highest)]
    plot.update_yaxes(type="log", exponentformat="power", range=ends)
    return ends


def mean_curve(result: ArmResult, column: str) -> list[tuple[float, Estimate]]:
    """Return the mean of `column` over the seeds at each step at which runs were evaluated."""
    unit = unit_of(column)
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
        # No interval leaves the values that are possible; a loss's stays above zero, for its axis is logarithmic.
        low = max(value.low, unit.lowest if unit is POINTS or unit.lowest < 0 else min(values) / 10)
        high = min(value.high, unit.highest)
        points.append((float(step), dataclasses.replace(value, low=low, high=high)))
    return points


def _seeds(result: ArmResult, column: str, most: int, factor: float) -> list[dict[str, Any]]:
    """Return each seed's curve, whose values are multiplied by `factor`."""
    found = []
    for seed, rows in sorted(result.curves.items()):
        if column not in rows:
            continue
        chosen = rows.loc[rows["kind"] == "evaluation", ["step", column]].dropna()
        values = [factor * float(value) for value in chosen[column]]
        kept = thinned(values, most)
        steps = [int(step) for step in chosen["step"]]
        found.append(
            {
                "seed": seed,
                "step": [steps[index] for index in kept],
                "y": rounded([values[index] for index in kept]),
                "state": "" if seed in result.seeds("finished") else "diverged or cut off",
            }
        )
    return found


def _scales(result: ArmResult) -> dict[str, float]:
    """Return what a step is in epochs and images of this arm; each only where the records say it."""
    scales = {"step": 1.0}
    for rows in result.curves.values():
        last = rows.iloc[-1]
        if "epoch" in rows and last["step"] > 0 and math.isfinite(last["epoch"]):
            scales["epoch"] = float(last["epoch"] / last["step"])
            break
    records = result.records
    if "normalisation.global_batch" in records and records["normalisation.global_batch"].notna().any():
        scales["images"] = float(records["normalisation.global_batch"].dropna().iloc[0])
    return scales


def thinned(values: Sequence[float], most: int) -> list[int]:
    """Return which points of a curve stay, at most `most` of them and the two ends, in their order.

    The curve is cut into pieces of equal length, of each of which the lowest and the highest point stay: what it
    reached, however briefly, is still there. Points that are not finite have no say in which are the extremes, and the
    first of each piece of them stays, so that a gap remains one.
    """
    count = len(values)
    if count <= max(most, 3):
        return list(range(count))
    numbers = np.asarray(values, dtype=float)
    kept = {0, count - 1}
    pieces = max(1, (most - 2) // 2)
    for piece in np.array_split(np.arange(count), pieces):
        finite = piece[np.isfinite(numbers[piece])]
        if len(finite):
            kept |= {int(finite[numbers[finite].argmin()]), int(finite[numbers[finite].argmax()])}
        elif len(piece):
            kept.add(int(piece[0]))
    return sorted(kept)


def rounded(values: Sequence[float]) -> list[float | None]:
    """Return numbers with five digits, which is more than a screen can show; None for one that is not finite."""
    return [float(f"{value:.5g}") if math.isfinite(value) else None for value in values]
