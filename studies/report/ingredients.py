"""What each ingredient contributes, as a table of the report and as lines of a terminal."""

import textwrap

from studies.evidence.ingredients import contributions, ingredients
from studies.evidence.results import Analysis
from studies.evidence.units import POINTS
from studies.records.study_record import StudyRecord
from studies.report.tables import Table, p_text

WIDTH = 79

NOTES = {
    "one_at_a_time": "Each is added to the baseline by itself, so that interactions are not measured.",
    "leave_one_out": "The full recipe less the recipe without it: what it adds where all the others are there.",
    "ladder": "Each arm less the one before it; in another order an ingredient may add something else.",
    "fractional": "The mean of the arms that have it less that of the arms that have not. It includes the interactions "
    "that it is aliased with, which these arms cannot tell from it.",
}
NOTES["fractional_4"] = (
    "The mean of the arms that have it less that of the arms that have not. No interaction of two factors is aliased "
    "with it; some of these are aliased with one another."
)


def ingredients_table(analysis: Analysis) -> Table | None:
    """Return the table of effects on the test metric, None where the study's design has none."""
    found = contributions(analysis, analysis.test_metric)
    if not found:
        return None
    aliased = any(each.ingredient.aliases for each in found)
    rows = [
        [
            each.ingredient.name,
            analysis.unit.signed(each.effect),
            p_text(each.effect.p_value),
            p_text(each.p_holm),
            *([", ".join(each.ingredient.aliases)] if aliased else []),
        ]
        for each in found
    ]
    scale = "percentage points of " if analysis.unit is POINTS else ""
    note = (
        f"{NOTES[analysis.study.design]} In {scale}test {analysis.metric_name}, paired by seed; Holm's "
        "correction is over these effects."
    )
    headings = ["ingredient", "effect [95 %]", "p", "p, Holm", *(["aliased with"] if aliased else [])]
    return Table("What each ingredient contributes", note, headings, rows)


def effect_lines(analysis: Analysis) -> list[str]:
    """Return the effects for a terminal of 80 columns, an ingredient a line; none where the design has none."""
    found = contributions(analysis, analysis.test_metric)
    if not found:
        return []
    width = min(44, max(len(each.ingredient.name) for each in found))
    scale = "points of " if analysis.unit is POINTS else ""
    lines = [f"What each ingredient contributes, {scale}test {analysis.metric_name} [95 %]:"]
    for each in found:
        name = textwrap.shorten(each.ingredient.name, width, placeholder="…")
        lines.append(f"  {name:<{width}}  {analysis.unit.signed(each.effect)}")
    return lines


def design_lines(study: StudyRecord) -> list[str]:
    """Return what a fractional design cannot tell apart, for a terminal of 80 columns; none for another design."""
    found = ingredients(study)
    if not study.design.startswith("fractional"):
        return []
    lines = [f"design {study.design}: {len(study.arms)} of {2 ** len(study.factors)} combinations"]
    aliased = [each for each in found if each.aliases]
    if not aliased:
        return [f"{lines[0]}; main effects are aliased with no interaction of two"]
    lines[0] += "; each effect includes its aliases:"
    for each in aliased:
        text = f"  {each.name} = {' = '.join(each.aliases)}"
        lines += textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="      ")
    return lines
