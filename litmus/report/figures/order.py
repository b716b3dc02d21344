"""Every figure of a report, in the order in which it shows them."""

from collections.abc import Sequence

from litmus.design.plots import StudyPlot
from litmus.evidence.results import Analysis
from litmus.report.figures.cost import cost_figures
from litmus.report.figures.factors import heat_map, interaction, response
from litmus.report.figures.figure import Figure, axis_title, numeric_factor
from litmus.report.figures.learning_curves import learning_curves
from litmus.report.figures.probe_figures import usual_plots
from litmus.report.figures.study_plots import caption, draw
from litmus.report.images import confusion_figures
from litmus.report.tuning import CAPTION, tuning_figure


def figures_of(analysis: Analysis, plots: Sequence[StudyPlot] = ()) -> list[Figure]:
    """Return the figures: over the factors, of the study's own, learning curves, of probes, cost, confusion."""
    found = [*_over_factors(analysis), *_asked(analysis, plots)]
    tuned = tuning_figure(analysis)
    if tuned is not None:
        title = f"Expected validation {analysis.metric_name} over the trials of tuning"
        found.append(Figure(title, CAPTION.format(metric=analysis.metric_name), tuned))
    validation = f"validation {analysis.metric_name}"
    share = axis_title(validation, analysis.unit) if analysis.unit.factor == 1 else f"{validation}, share"
    curves = (
        learning_curves(analysis, analysis.val_metric, f"Validation {analysis.metric_name} while training", share),
        learning_curves(analysis, "train_loss", "Training loss", "training loss", logarithmic=True),
    )
    found += [each for each in curves if each is not None]
    found += _asked(analysis, usual_plots(analysis, plots))
    return [*found, *cost_figures(analysis), *confusion_figures(analysis)]


def _over_factors(analysis: Analysis) -> list[Figure]:
    found = []
    factor = numeric_factor(analysis)
    title = f"test {analysis.metric_name}"
    if factor is not None:
        text = "Mean over the seeds, 95 % intervals; a cross marks how many of them diverged and count as guessing."
        plot = response(analysis, factor, analysis.test_metric, title)
        if plot is not None:
            found.append(Figure(f"Test {analysis.metric_name} over {factor}", text, plot))
    elif analysis.matched_factor is not None:
        text = "Mean over the seeds, 95 % intervals. Lines that are not parallel are an interaction."
        found.append(Figure("Interaction", text, interaction(analysis)))
    cells = heat_map(analysis)
    return [*found, cells] if cells is not None else found


def _asked(analysis: Analysis, plots: Sequence[StudyPlot]) -> list[Figure]:
    drawn = [(plot.title, caption(plot), draw(plot, analysis)) for plot in plots]
    return [Figure(title, text, plot) for title, text, plot in drawn if plot is not None]
