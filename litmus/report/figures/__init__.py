"""The figures of a report, drawn with Plotly for the page and with Matplotlib for SVG and PNG files."""

from collections.abc import Sequence

from litmus.core.formatting import capital
from litmus.design.plots import StudyPlot
from litmus.evidence.results import Analysis
from litmus.report.figures.arms import cost_figures, factor_figure, runs_figure
from litmus.report.figures.curves import learning_curves
from litmus.report.figures.figure import Figure
from litmus.report.figures.probes import figures_asked, usual_plots
from litmus.report.figures.tuning import tuning_figures
from litmus.report.tables import with_unit


def figures_of(analysis: Analysis, plots: Sequence[StudyPlot] = ()) -> list[Figure]:
    """Return all figures of a report in its order; `plots` are those that the study asks for in its file."""
    unit = analysis.unit.name
    validation, test = f"validation {analysis.metric_name}", analysis.test_name
    found = [
        factor_figure(analysis),
        *figures_asked(analysis, plots),
        learning_curves(
            analysis, analysis.val_metric, f"{capital(validation)} while training", with_unit(validation, unit)
        ),
        # Of runs trained elsewhere; those of Litmus read the test set once.
        learning_curves(analysis, analysis.test_metric, f"{capital(test)} while training", with_unit(test, unit)),
        None if any(result.curves for result in analysis.arms) else runs_figure(analysis),
        learning_curves(analysis, "train_loss", "Training loss", "training loss", logarithmic=True),
        *figures_asked(analysis, usual_plots(analysis, plots)),
        *tuning_figures(analysis),
        *cost_figures(analysis),
    ]
    return [each for each in found if each is not None]
