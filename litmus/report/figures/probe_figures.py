"""The figures of what probes measured that a study does not ask for itself."""

from collections.abc import Sequence

from litmus.design.plots import ByLayer, OverTraining, Percentiles, StudyPlot
from litmus.evidence.results import Analysis

LAST = -1


def usual_plots(analysis: Analysis, asked: Sequence[StudyPlot]) -> list[StudyPlot]:
    """Return the usual figures of the quantities that the runs' probes left, without those that a study asks for."""
    measured = {
        quantity
        for result in analysis.arms
        for rows in list(result.probes.values())[:1]
        for quantity in rows["quantity"].unique()
    }
    shown = {each.quantity for each in asked if isinstance(each, ByLayer | OverTraining)}
    found: list[StudyPlot] = []
    if "weight_gradient_norm" in measured - shown:
        found.append(ByLayer("weight_gradient_norm", "Gradient norm by depth, median over training", at="median"))
    if "output_gradient_rms" in measured - shown:
        found.append(ByLayer("output_gradient_rms", "Gradient at the layers' outputs by depth", at="median"))
    if {"p15", "p50", "p85"} <= measured and not any(isinstance(each, Percentiles) for each in asked):
        title = "Input of the last activation while training: 15th, 50th and 85th percentile of a unit"
        found.append(Percentiles(LAST, title))
    for quantity, title in (
        ("dead_fraction", "Dead units while training, mean over the layers"),
        ("saturated_fraction", "Saturated outputs while training, mean over the layers"),
        ("update_ratio", "Update over weight while training, mean over the layers"),
    ):
        if quantity in measured - shown:
            found.append(OverTraining(quantity, title))
    return found
