"""The figures of a report, drawn with Plotly for the page and with Matplotlib for SVG and PNG files."""

from collections.abc import Sequence

from litmus.design.plots import StudyPlot
from litmus.evidence.results import Analysis
from litmus.report.figures.arms import cost_figures, factor_figure
from litmus.report.figures.curves import learning_curves
from litmus.report.figures.figure import Figure, axis_title
from litmus.report.figures.probes import figures_asked, usual_plots


def figures_of(analysis: Analysis, plots: Sequence[StudyPlot] = ()) -> list[Figure]:
    """Return all figures of a report in its order; `plots` are those that the study asks for in its file."""
    validation = f"validation {analysis.metric_name}"
    axis = axis_title(validation, analysis.unit) if analysis.unit.factor == 1 else f"{validation}, fraction"
    found = [
        factor_figure(analysis),
        *figures_asked(analysis, plots),
        learning_curves(analysis, analysis.val_metric, f"Validation {analysis.metric_name} while training", axis),
        learning_curves(analysis, "train_loss", "Training loss", "training loss", logarithmic=True),
        *figures_asked(analysis, usual_plots(analysis, plots)),
        *cost_figures(analysis),
    ]
    return [each for each in found if each is not None]
