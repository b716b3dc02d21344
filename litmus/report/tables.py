"""The report's tables of numbers, as rows of text."""

import contextlib
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from litmus.core.formatting import count, several
from litmus.evidence.arm_table import ArmStatistics
from litmus.evidence.claims import Claim
from litmus.evidence.differences import Pairing, difference, holm
from litmus.evidence.estimate import Effect, Estimate, estimate
from litmus.evidence.factorial import Factorial, contributions, ingredients
from litmus.evidence.progress_tests import APPROACH, area_under_curve, arrivals, median_arrival, race
from litmus.evidence.registration import Registration
from litmus.evidence.results import Analysis, ArmResult
from litmus.evidence.summary import StudySummary
from litmus.evidence.units import NUMBER, POINTS, Unit, unit_of
from litmus.records.run_record import RunRecord, rerun_command
from litmus.records.storage import CorruptRecord
from litmus.records.study_record import StudyRecord, arm_label
from litmus.report.answer import seeds_with_result, shown_best, undecided_claims

LOG_LINES = 14
MOST_FAILURES = 30
"""Failed runs whose log is shown; all are in the table of runs."""
SLURM_HINT = "The `srun` command is available on your system"
"""What Lightning warns of wherever Slurm is installed: it explains no failure."""
FAILED = ("diverged", "crashed", "corrupt", "interrupted")


@dataclass(frozen=True)
class RunRow:
    """A run as the report shows it; `result` is its metric, or what became of it."""

    run: str
    arm: str
    seed: int
    state: str
    result: str
    seconds: str
    command: str


@dataclass(frozen=True)
class Failure:
    """A run that did not finish: why, and the end of its log."""

    row: RunRow
    reason: str
    log: str


def run_rows(analysis: Analysis) -> list[RunRow]:
    """Return a row for each run that left a record."""
    columns = {str(name) for name in analysis.records}
    wanted = [
        name
        for name in ("run", "arm", "seed", "state", "seconds", "error", "diverged_at_step", analysis.test_metric)
        if name in columns
    ]
    # A run may be of an arm that was called otherwise when it was recorded.
    labels = {run: result.label for result in analysis.arms for run in result.arm.runs.values()}
    rows = [{str(k): v for k, v in row.items()} for row in analysis.records[wanted].to_dict("records")]
    return [_row(analysis, {**row, "arm": labels.get(row["run"], row["arm"])}) for row in rows]


def failures(analysis: Analysis, rows: list[RunRow]) -> list[Failure]:
    """Return the runs that did not finish, crashed ones first, with reason and the end of the log."""
    failed = sorted((row for row in rows if row.state in FAILED), key=lambda row: row.state == "diverged")
    found = []
    for row in failed[:MOST_FAILURES]:
        record = RunRecord(analysis.directory / row.run)
        reason = {
            "diverged": f"the training loss stopped being finite: {row.result}",
            "interrupted": "the same litmus run command goes on with it",
            "corrupt": "a file of its record cannot be read",
        }.get(row.state, row.result)
        log = "\n".join(line for line in record.log_tail(LOG_LINES).splitlines() if SLURM_HINT not in line)
        found.append(Failure(row, reason, log))
    return found


def _row(analysis: Analysis, run: dict[str, Any]) -> RunRow:
    def shown(key: str, form: str = "{}") -> str:
        value = run.get(key)
        return form.format(value) if value is not None and pd.notna(value) else "–"

    reached = run.get(analysis.test_metric)
    result = analysis.unit.text(float(reached)) if reached is not None and pd.notna(reached) else "–"
    if run["state"] == "diverged":
        result = f"diverged at step {shown('diverged_at_step', '{:.0f}')}"
    if run["state"] == "crashed":
        result = shown("error")
    command = _again(analysis, run["run"])
    seconds = shown("seconds", "{:.1f}")
    return RunRow(run["run"], run["arm"], int(run["seed"]), run["state"], result, seconds, command)


def again(analysis: Analysis, run: str) -> str:
    """Return the command that repeats a run, given in the folder that holds `runs/`. Raises `CorruptRecord`.

    The page is read on other machines, where the folder's own path means nothing.
    """
    return rerun_command(RunRecord(analysis.directory / run)).replace(f"{analysis.directory}/", f"{place(analysis)}/")


def place(analysis: Analysis) -> str:
    """Return the study's folder within the one that holds it: `runs/batch_norm`."""
    directory = analysis.directory.resolve()
    return f"{directory.parent.name}/{directory.name}"


def _again(analysis: Analysis, run: str) -> str:
    try:
        return again(analysis, run)
    except CorruptRecord as error:
        return str(error)


SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Table:
    """A table under a heading; the first column is text, the others are numbers, the rows that are bold say so."""

    title: str
    note: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


def results(summary: StudySummary) -> list[dict[str, Any]]:
    """Return a row of the main table for each arm."""
    best = shown_best(summary)
    matched = _matched(summary.analysis)
    return [_result(summary.analysis, each, best, matched.get(each.arm.label)) for each in summary.judged]


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


def _result(
    analysis: Analysis, statistics: ArmStatistics, best: str | None, matched: tuple[Effect, float] | None
) -> dict[str, Any]:
    result = statistics.arm
    first = result.records.iloc[0].to_dict() if len(result.records) else {}
    seconds = result.estimate("seconds")
    compared = statistics.comparison
    seed, command = _command(analysis, result)
    return {
        "label": result.label,
        "baseline": result.arm.is_baseline,
        "best": result.label == best,
        "command": command,
        "command_seed": seed,
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
        "risk": _risk(statistics),
        "missing": result.missing,
        "trains": _trains(analysis, result),
        "cost": {key: first.get(key, "") for key in ("parameters", "flops", "activations")} | {"seconds": seconds.mean},
        "parameters": count(first["parameters"]) if pd.notna(first.get("parameters")) else "–",
        "flops": count(first["flops"]) if pd.notna(first.get("flops")) else "–",
        "activations": count(first["activations"]) if pd.notna(first.get("activations")) else "–",
        "seconds": f"{seconds.mean:.1f}" if seconds.n else "–",
    }


def _common(analysis: Analysis, result: ArmResult) -> str:
    """Return over how many seeds the arm is compared, and the means there where they are not those of the table."""
    own, baseline = result.outcomes(analysis.test_metric), analysis.baseline.outcomes(analysis.test_metric)
    seeds = own.keys() & baseline.keys()
    if not seeds or own.keys() == baseline.keys():
        return ""
    told = [
        f"{name} there {analysis.unit.text(estimate([values[seed] for seed in seeds]).mean)}"
        for name, values in (("this arm", own), ("baseline", baseline))
        if len(values) > len(seeds)
    ]
    return f"n = {several(len(seeds), 'common seed')}; {', '.join(told)}"


def _trains(analysis: Analysis, result: ArmResult) -> str:
    """Return in how many of the seeds that ended the run trains."""
    trained = analysis.trained(result)
    if not trained:
        return "–"
    return f"{sum(trained.values())} of {len(trained)}{' so far' if result.missing else ''}"


def _command(analysis: Analysis, result: ArmResult) -> tuple[int | None, str]:
    """Return the seed of the arm's first run that has left a record and what repeats it; empty where there is none."""
    for seed, run in result.arm.runs.items():
        if RunRecord(analysis.directory / run).config_file.is_file():
            with contextlib.suppress(CorruptRecord):
                return seed, again(analysis, run)
    return None, ""


def matched_level(analysis: Analysis) -> str | None:
    """Return the baseline's level of the factor whose effect is told at equal levels of the others, in words."""
    factor = analysis.matched_factor
    return arm_label({factor: analysis.study.baseline.levels[factor]}) if factor else None


def comparisons(statistics: Sequence[ArmStatistics], unit: Unit, title: str, note: str = "") -> Table | None:
    """Return the table of a metric: each arm's mean, and its paired difference to the baseline with all that it bears.

    None where no run has the metric.
    """
    if not any(each.mean.n for each in statistics):
        return None
    shared = any(each.comparison is not None and each.comparison.difference.seeds for each in statistics)
    headings = (
        "arm",
        "mean [95 %, t]",
        "sd",
        "bootstrap",
        "difference [95 %]",
        "over seeds and splits alone" if shared else "over seeds alone",
        "error by splits, seeds, images" if shared else "error by seeds, images",
        "effect size g",
        "p",
        "p, Holm",
        "P(higher)",
        "pairing",
        "detectable",
    )
    return Table(title, note, headings, [_comparison(each, unit) for each in statistics])


def _comparison(each: ArmStatistics, unit: Unit) -> list[str]:
    row = [each.arm.label, unit.interval(each.mean), unit.amount(each.mean.sd), unit.span(*each.bca)]
    if each.comparison is None:
        return [*row, "baseline", "", "", "", "", "", "", "", ""]
    compared = each.comparison
    improvement = compared.probability_of_improvement
    return [
        *row,
        unit.difference(compared.difference),
        unit.span(compared.difference.seeds_only.low, compared.difference.seeds_only.high, signed=True),
        _errors(compared.difference, unit),
        _number(compared.hedges_g_z, "{:+.2f}"),
        p_text(compared.p_value),
        p_text(compared.p_holm),
        _share(improvement),
        _pairing(compared.pairing),
        unit.amount(compared.minimum_detectable_effect),
    ]


def _errors(difference: Effect, unit: Unit) -> str:
    """Return the standard errors by source: splits where seeds share them, seeds, images where they are known."""
    images = unit.amount(difference.image_error) if difference.image_error else "–"
    if not difference.seeds:
        return f"{unit.amount(difference.seed_error)}, {images}"
    return f"{unit.amount(difference.split_error)}, {unit.amount(difference.within_error)}, {images}"


def _pairing(pairing: Pairing) -> str:
    """Return the correlation that pairs share, and how many times the seeds it is worth."""
    if math.isnan(pairing.correlation):
        return "–"
    gain = "no gain" if pairing.variance_ratio >= 1 else f"as {1 / max(pairing.variance_ratio, 1e-3):.1f} × the seeds"
    return f"r = {pairing.correlation:+.2f}: {gain}"


def _risk(statistics: ArmStatistics) -> str:
    """Return how much more often the arm's runs diverge than the baseline's, in points with the exact interval."""
    return POINTS.signed(statistics.more_diverged) if statistics.more_diverged.n and statistics.comparison else ""


def measures(summary: StudySummary) -> list[Table]:
    """Return a table for each of a study's own measures."""
    note = "Measured while the runs trained, one number a run; differences are paired by seed."
    found = [comparisons(each, NUMBER, name.capitalize(), note) for name, each in summary.measures.items()]
    return [table for table in found if table is not None]


def every_metric(statistics: Mapping[str, Sequence[ArmStatistics]]) -> list[Table]:
    """Return a table for each metric, by its name."""
    found = [comparisons(each, unit_of(name), name) for name, each in statistics.items()]
    return [table for table in found if table is not None]


def learning_speed(analysis: Analysis) -> Table | None:
    """Return the table of steps to the validation metric at which the baseline ends, and areas under the curves."""
    end = analysis.baseline.estimate(analysis.val_metric).mean
    if math.isnan(end):
        return None
    target = analysis.chance + APPROACH * (end - analysis.chance)
    baseline = arrivals(analysis.baseline, target, analysis.val_metric)
    rows = []
    for result in analysis.arms:
        arrived = arrivals(result, target, analysis.val_metric)
        median = median_arrival(list(arrived.values()))
        against = race(arrived, baseline)
        area = estimate([area for area in _areas(analysis, result) if not math.isnan(area)])
        steps = "not within the run" if math.isinf(median.steps) else _number(median.steps, "{:,.0f}")
        first = ["", ""] if result.arm.is_baseline else [_share(against.probability_first), p_text(against.p_value)]
        rows.append([result.label, steps, f"{median.reached} of {median.n}", *first, analysis.unit.interval(area)])
    note = (
        f"Steps until the validation {analysis.metric_name}, smoothed, is {analysis.unit.text(target)}, "
        f"{100 * APPROACH:g} % of the way from guessing to where the baseline ends on average: the Kaplan–Meier "
        "median, in which runs that never got there count as censored, not as fast. First: the share of seeds in which "
        "the arm gets there before the baseline, with the sign test's p. Area: the validation "
        f"{analysis.metric_name} averaged over the run. A claim about speed has a target of its own, from where its "
        "own arms end."
    )
    headings = ("arm", "median steps", "arrived", "first", "p", "area under the curve")
    return Table("Learning speed", note, headings, rows)


def _areas(analysis: Analysis, result: ArmResult) -> list[float]:
    finished = result.values(analysis.val_metric)
    return [
        area_under_curve(curve, analysis.chance, analysis.val_metric)
        for seed, curve in result.curves.items()
        if seed in finished
    ]


def main_effects(analysis: Analysis, found: Factorial) -> Table:
    """Return the table of the analysis of variance of a study that is a full product of factors."""
    rows = [
        [
            term.name,
            f"{term.df}",
            _number(term.f, "{:.2f}"),
            _number(term.sphericity, "{:.2f}"),
            p_text(term.p_value),
            "> 0.999" if term.partial_eta_squared > 0.9995 else _number(term.partial_eta_squared, "{:.3f}"),
        ]
        for term in found.terms
    ]
    lacking = "lacks a run and is" if found.dropped == 1 else "lack a run and are"
    dropped = f" {several(found.dropped, 'more seed')} {lacking} left out." if found.dropped else ""
    note = (
        f"Analysis of variance of the test {analysis.metric_name} with repeated measures over {found.seeds} seeds, "
        "each term held against its own variation from seed to seed, its degrees of freedom times ε (Greenhouse and "
        f"Geisser) for variances that differ.{dropped}"
    )
    headings = ("term", "df", "F", "ε", "p", "partial η²")
    return Table("Main effects and interactions", note, headings, rows)


def p_text(value: float) -> str:
    """Return a p-value as text."""
    if math.isnan(value):
        return "–"
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


def _share(value: Estimate) -> str:
    return "–" if not value.n else f"{value.mean:.2f} [{value.low:.2f}, {value.high:.2f}]"


def _number(value: float, form: str) -> str:
    return "–" if math.isnan(value) else form.format(value)


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


ANYTIME = "Intervals of differences hold at every number of seeds."


def plan_text(registration: Registration, claims: Sequence[Claim]) -> str:
    """Return what was planned and when, in a sentence; empty where there is nothing to say."""
    plan = registration.plan
    if plan is None:
        return "none was written before the first run, by an earlier version" if claims else ""
    if plan.results_before and not claims:
        return ""
    when = "before the first run" if not plan.results_before else f"when {plan.results_before} runs had their result"
    how = ", looking at the results after each" if plan.looked else ""
    claimed = f"{len(plan.claims)} claim{'' if len(plan.claims) == 1 else 's'}"
    planned = f"{len(plan.arms)} arms × {len(plan.seeds)} seeds{how}, {claimed}"
    return f"{planned}; written {plan.time[:16].replace('T', ' ')} UTC, {when} ({plan.hash}, in plan.jsonl)"


def plan_checked(registration: Registration) -> str:
    """Return whether the plan was written down before the first result."""
    plan = registration.plan
    if plan is None:
        return "no: an earlier version wrote none"
    if plan.results_before:
        return f"no: fixed after {several(plan.results_before, 'result')}"
    return "yes: written down before the first run"


def standing(summary: StudySummary) -> str:
    """Return how many seeds have their result now, and how many claims are undecided, as a clause."""
    undecided, claims = undecided_claims(summary)
    decided = f"{undecided} of {several(claims, 'claim')} undecided" if undecided else "all claims decided"
    begun = max((result.planned for result in summary.analysis.arms), default=0)
    missing = any(result.missing for result in summary.analysis.arms)
    now = f"now {seeds_with_result(summary.analysis)} an arm with a result{f', {begun} begun' if missing else ''}"
    return f"{now}; {decided}"


def deviations(registration: Registration, claims: Sequence[Claim] | None, seeds: int, standing: str = "") -> list[str]:
    """Return what is not as it was planned, a sentence each.

    `claims` are the study's now, None where they are not known; `seeds` is the number of seeds that stand, `standing`
    how the study stands where seeds are added until its claims are decided.
    """
    plan = registration.plan
    if plan is None:
        return []
    found = []
    if plan.results_before and plan.claims:
        found.append(f"Claims were fixed after {several(plan.results_before, 'result')}.")
    later = [claim.sentence.rstrip(".") for claim in claims or () if registration.is_exploratory(claim)]
    if later:
        found.append(f"Exploratory, not planned before the first run: {'; '.join(later)}.")
    if registration.arms_added:
        found.append(f"Arms added later: {'; '.join(registration.arms_added)}.")
    if claims is not None and (dropped := registration.dropped(claims)):
        found.append(f"Planned and no longer claimed: {'; '.join(each.rstrip('.') for each in dropped)}.")
    if plan.looked:
        found.append(
            f"Planned {several(len(plan.seeds), 'seed')}, and more until the claims are decided; {standing}. {ANYTIME}"
        )
    elif seeds > len(plan.seeds):
        found.append(f"{seeds} seeds, {len(plan.seeds)} were planned. {ANYTIME}")
    elif registration.history.looked:
        found.append(f"{len(plan.seeds)} seeds were planned, and results were looked at on the way. {ANYTIME}")
    return found
