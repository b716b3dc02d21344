"""What each arm chose before it was compared, as a table and a figure of the report and as lines of a terminal."""

import math

import plotly.graph_objects as go

from litmus.core.metrics import METRICS
from litmus.evidence.results import Analysis
from litmus.evidence.tuning import ArmTuning, arm_tunings, expected_performance
from litmus.evidence.units import Unit
from litmus.records.study_record import arm_label, short_name
from litmus.report.figures.figure import LAYOUT, escaped, styles
from litmus.report.tables import Table

CAPTION = (
    "The validation {metric} that the best of so many trials drawn at random can be expected to have (Dodge et al. "
    "2019, section 3.1). Where the lines cross, the better arm depends on how much is spent on tuning."
)


def tunings(analysis: Analysis) -> list[ArmTuning]:
    """Return each arm's trials; none where nothing was tuned."""
    tuning = analysis.study.tuning
    if tuning is None:
        return []
    return arm_tunings(analysis.directory, tuning, analysis.task, [result.label for result in analysis.arms])


def tuning_table(analysis: Analysis) -> Table | None:
    """Return the table of what each arm chose, None where nothing was tuned."""
    tuning, found = analysis.study.tuning, tunings(analysis)
    if tuning is None:
        return None
    rows = [
        [each.label, *_choice(each, analysis.unit), f"{len(each.points)}", f"{each.diverged}", _edges(each)]
        for each in found
    ]
    space = "; ".join(f"{key} from {values}" for key, values in tuning.space.items())
    note = (
        f"Before it was compared, every arm tried the same {len(tuning.trials)} settings ({space}), each with the "
        f"tuning seeds {', '.join(map(str, tuning.seeds))}, and chose the best on the validation split; a diverged run "
        "counts as guessing. The comparison is over other seeds, at the chosen values. A best value at the edge of "
        "what was tried may have a better one beyond it: --extend goes on there, for all arms."
    )
    headings = ("arm", "chose", f"validation {analysis.metric_name}", "trials", "diverged", "at the edge")
    return Table("Tuning", note, headings, rows)


def tuning_figure(analysis: Analysis) -> go.Figure | None:
    """Return the expected validation performance over the number of trials; None without two trials in an arm."""
    higher = METRICS[analysis.task.primary_metric].higher_is_better
    figure = go.Figure()
    for each, (colour, dash) in zip(tunings(analysis), styles(analysis), strict=False):
        if len(each.scores) < 2 or any(math.isnan(score) for score in each.scores):
            continue
        expected = expected_performance(each.scores, higher)
        figure.add_scatter(
            x=list(range(1, len(expected) + 1)),
            y=[100 * value for value in expected],
            mode="lines+markers",
            name=escaped(each.label),
            line={"color": colour, "dash": dash},
            hovertemplate=f"{escaped(each.label)}: %{{y:.2f}} % expected of %{{x}} trials<extra></extra>",
        )
    if not figure.data:
        return None
    figure.update_layout(**LAYOUT, xaxis_title="trials", yaxis_title=f"validation {analysis.metric_name}, %")
    figure.update_xaxes(dtick=max(1, len(figure.data[0].x) // 10))
    return figure


def tuning_lines(analysis: Analysis) -> list[str]:
    """Return what each arm chose, for a terminal of 80 columns; none where nothing was tuned."""
    found = tunings(analysis)
    if not found:
        return []
    width = min(36, max(len(each.label) for each in found))
    lines = [f"Tuned on the validation split, {len(found[0].points)} trials an arm, on seeds not used again:"]
    for each in found:
        chose, score = _choice(each, analysis.unit)
        edge = f"  (edge: {_edges(each)})" if each.edges else ""
        lines.append(f"  {_cut(each.label, width):<{width}}  {chose}: {score}{edge}")
    if any(each.edges for each in found):
        lines.append("  The best at an edge may have a better one beyond it: --extend 1 goes on there.")
    return lines


def tuned_text(analysis: Analysis) -> str:
    """Return what of the arms' configs was tuned, as the report says it beside the factors; empty for nothing."""
    tuning = analysis.study.tuning
    return f"; tuned for each arm, with the same budget: {', '.join(tuning.keys)}" if tuning else ""


def _choice(each: ArmTuning, unit: Unit) -> tuple[str, str]:
    if each.chosen is None:
        return "nothing yet: trials are missing", "–"
    return arm_label(each.points[each.chosen]), unit.text(each.scores[each.chosen])


def _edges(each: ArmTuning) -> str:
    words = {(True, False): "lowest", (False, True): "highest", (True, True): "only value"}
    return ", ".join(f"{short_name(key)} {words[ends]}" for key, ends in each.edges.items())


def _cut(label: str, width: int) -> str:
    return label if len(label) <= width else f"{label[: width - 1]}…"
