"""The report's tables of numbers, as rows of text."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from litmus.core.formatting import count, several
from litmus.evidence.differences import difference, holm
from litmus.evidence.estimate import Effect, estimate
from litmus.evidence.factorial import contributions
from litmus.evidence.results import Analysis, ArmResult
from litmus.evidence.summary import ArmStatistics, StudySummary
from litmus.evidence.tuning import arm_tunings
from litmus.evidence.units import NUMBER, POINTS, Unit, unit_of
from litmus.records.study_record import arm_label, short_name
from litmus.report.answer import SIGNIFICANCE

COSTS = ("parameters", "flops", "activations")
WIDTH = 79
"""Columns of a line for a terminal."""
DESIGN_NOTES = {
    "one_at_a_time": "Each is added to the baseline by itself, so that interactions are not measured.",
    "leave_one_out": "The full recipe less the recipe without it: what it adds where all the others are there.",
    "ladder": "Each arm less the one before it; in another order an ingredient may add something else.",
}


@dataclass(frozen=True)
class Table:
    """A table of texts under a title, with a note; the first column names the rows."""

    title: str
    note: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


def results(summary: StudySummary) -> list[dict[str, Any]]:
    """Return a row of the main table for each arm, as texts by the column's name."""
    matched = _matched(summary.analysis)
    return [_result(summary.analysis, each, matched.get(each.arm.label)) for each in summary.judged]


def _matched(analysis: Analysis) -> dict[str, tuple[Effect, float]]:
    """Return each arm's difference to the first factor's level in the baseline, all else equal, with its p.

    Holm's correction is over these differences, a family of their own.
    """
    factor = analysis.matched_factor
    others = {result.label: analysis.matched(result, factor) for result in analysis.arms} if factor else {}
    effects = {
        result.label: difference(analysis, result, analysis.test_metric, to=other)
        for result in analysis.arms
        if (other := others.get(result.label)) is not None
    }
    corrected = holm([effect.p_value for effect in effects.values()])
    return {label: (effect, p) for (label, effect), p in zip(effects.items(), corrected, strict=True)}


def _result(analysis: Analysis, statistics: ArmStatistics, matched: tuple[Effect, float] | None) -> dict[str, Any]:
    result = statistics.arm
    first = result.records.iloc[0].to_dict() if len(result.records) else {}
    seconds = result.estimate("seconds")
    compared = statistics.comparison
    return {
        "label": result.label,
        "baseline": result.arm.is_baseline,
        "test": analysis.unit.interval(statistics.mean),
        "validation": analysis.unit.text(result.estimate(analysis.val_metric).mean),
        "training": unit_of(analysis.fit_metric).text(result.estimate(analysis.fit_metric).mean),
        "difference": "baseline" if compared is None else analysis.unit.signed(compared.difference),
        "p": "" if compared is None else p_text(compared.p_holm),
        "differs": compared is not None and compared.p_holm < SIGNIFICANCE,
        "common": "" if compared is None else _common(analysis, result),
        "matched": analysis.unit.signed(matched[0]) if matched else "",
        "p_matched": p_text(matched[1]) if matched else "",
        "differs_matched": matched is not None and matched[1] < SIGNIFICANCE,
        "finished": result.count("finished"),
        "planned": result.planned,
        "diverged": result.count("diverged"),
        # How much more often the arm's runs diverge than the baseline's, with the exact interval.
        "risk": POINTS.signed(statistics.more_diverged) if statistics.more_diverged.n and compared else "",
        "missing": result.missing,
        "trains": _trains(analysis, result),
        "cost": {key: first.get(key, "") for key in COSTS} | {"seconds": seconds.mean},
        **{key: count(first[key]) if pd.notna(first.get(key)) else "–" for key in COSTS},
        "seconds": f"{seconds.mean:.1f}" if seconds.n else "–",
    }


def _common(analysis: Analysis, result: ArmResult) -> str:
    """Return over how many seeds the arm is compared, and the means there where they are not those of the table."""
    arm, baseline = result.outcomes(analysis.test_metric), analysis.baseline.outcomes(analysis.test_metric)
    seeds = arm.keys() & baseline.keys()
    if not seeds or arm.keys() == baseline.keys():
        return ""
    means = [
        f"{name} there {analysis.unit.text(estimate([values[seed] for seed in seeds]).mean)}"
        for name, values in (("this arm", arm), ("baseline", baseline))
        if len(values) > len(seeds)
    ]
    return f"n = {several(len(seeds), 'common seed')}; {', '.join(means)}"


def _trains(analysis: Analysis, result: ArmResult) -> str:
    """Return in how many of the seeds that ended the run trains."""
    trained = analysis.trained(result)
    if not trained:
        return "–"
    return f"{sum(trained.values())} of {len(trained)}{' so far' if result.missing else ''}"


def matched_level(analysis: Analysis) -> str | None:
    """Return the baseline's level of the factor whose effect is shown at equal levels of the others, in words."""
    factor = analysis.matched_factor
    return arm_label({factor: analysis.study.baseline.levels[factor]}) if factor else None


def comparisons(statistics: Sequence[ArmStatistics], unit: Unit, title: str, note: str = "") -> Table | None:
    """Return the table of a metric: each arm's mean, and its paired difference to the baseline with interval and tests.

    None where no run has the metric.
    """
    if not any(each.mean.n for each in statistics):
        return None
    splits = any(each.comparison is not None and each.comparison.difference.seeds for each in statistics)
    headings = (
        "arm",
        "mean [95 %, t]",
        "sd",
        "difference [95 %]",
        "over seeds and splits alone" if splits else "over seeds alone",
        "effect size g",
        "p",
        "p, Holm",
        "detectable",
    )
    return Table(title, note, headings, [_comparison(each, unit) for each in statistics])


def _comparison(each: ArmStatistics, unit: Unit) -> list[str]:
    row = [each.arm.label, unit.interval(each.mean), unit.amount(each.mean.sd)]
    if each.comparison is None:
        return [*row, "baseline", "", "", "", "", ""]
    compared = each.comparison
    return [
        *row,
        unit.difference(compared.difference),
        unit.span(compared.difference.seeds_only.low, compared.difference.seeds_only.high, signed=True),
        _number(compared.hedges_g_z, "{:+.2f}"),
        p_text(compared.p_value),
        p_text(compared.p_holm),
        unit.amount(compared.minimum_detectable_effect),
    ]


def measures(summary: StudySummary) -> list[Table]:
    """Return a table for each of a study's own measures."""
    note = "Measured while the runs trained, one number a run; differences are paired by seed."
    found = [comparisons(each, NUMBER, name.capitalize(), note) for name, each in summary.measures.items()]
    return [table for table in found if table is not None]


def every_metric(statistics: Mapping[str, Sequence[ArmStatistics]]) -> list[Table]:
    """Return a table for each metric, by its name."""
    found = [comparisons(each, unit_of(name), name) for name, each in statistics.items()]
    return [table for table in found if table is not None]


def p_text(value: float) -> str:
    """Return a p-value as text."""
    if math.isnan(value):
        return "–"
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


def _number(value: float, form: str) -> str:
    return "–" if math.isnan(value) else form.format(value)


def ingredients_table(analysis: Analysis) -> Table | None:
    """Return the table of effects on the test metric, None where the study's design has none."""
    found = contributions(analysis, analysis.test_metric)
    if not found:
        return None
    rows = [
        [each.ingredient.name, analysis.unit.signed(each.effect), p_text(each.effect.p_value), p_text(each.p_holm)]
        for each in found
    ]
    scale = "percentage points of " if analysis.unit is POINTS else ""
    note = (
        f"{DESIGN_NOTES[analysis.study.design]} In {scale}test {analysis.metric_name}, paired by seed; Holm's "
        "correction is over these effects."
    )
    return Table("What each ingredient contributes", note, ("ingredient", "effect [95 %]", "p", "p, Holm"), rows)


def tuning_table(analysis: Analysis) -> Table | None:
    """Return the table of what each arm chose, None where nothing was tuned."""
    tuning = analysis.study.tuning
    if tuning is None:
        return None
    ends = {(True, False): "lowest", (False, True): "highest", (True, True): "only value"}
    rows = []
    for each in arm_tunings(analysis.directory, tuning, analysis.task, [result.label for result in analysis.arms]):
        chosen, score = "nothing yet: trials are missing", "–"
        if each.chosen is not None:
            chosen, score = arm_label(each.points[each.chosen]), analysis.unit.text(each.scores[each.chosen])
        edges = ", ".join(f"{short_name(key)} {ends[at]}" for key, at in each.edges.items())
        rows.append([each.label, chosen, score, f"{len(each.points)}", f"{each.diverged}", edges])
    space = "; ".join(f"{key} from {values}" for key, values in tuning.space.items())
    note = (
        f"Before it was compared, every arm tried the same {len(tuning.trials)} settings ({space}), each with the "
        f"tuning seeds {', '.join(map(str, tuning.seeds))}, and chose the best on the validation split; a diverged run "
        "counts as guessing. The comparison is over other seeds, at the chosen values. A best value at the edge of "
        "what was tried may have a better one beyond it: tune again with values beyond it, for all arms."
    )
    headings = ("arm", "chose", f"validation {analysis.metric_name}", "trials", "diverged", "at the edge")
    return Table("Tuning", note, headings, rows)
