"""The rows of the report's tables as text: claims, arms, metrics, ingredients, tuning, runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from litmus.core.formatting import count, several
from litmus.evidence.claims import ArmTest, Claim, Finding, Verdict, after_holm, primary_claims
from litmus.evidence.differences import contributions, difference, holm
from litmus.evidence.estimate import ALPHA, Effect, estimate
from litmus.evidence.results import Analysis, ArmResult, Metric, how_failed
from litmus.evidence.summary import ArmStatistics, StudySummary
from litmus.evidence.units import NUMBER, POINTS, Unit, unit_of
from litmus.records.run_record import FAILURES, RunRecord
from litmus.records.storage import CorruptRecord
from litmus.records.user_code import rerun_command

COSTS = ("parameters", "flops", "activations")
WIDTH = 79
"""Columns of a line for a terminal."""
DESIGN_NOTES = {
    "one_at_a_time": "The baseline with the ingredient minus the baseline; interactions are not measured.",
    "leave_one_out": "The full recipe minus the recipe without the ingredient: what it adds to all the others.",
    "ladder": "Each arm minus the arm before it; in another order an ingredient may have another effect.",
}
SHARE = Unit("%", "points", factor=100.0, decimals=0, lowest=0.0, highest=1.0)
"""A fraction of few seeds, in percent."""
LOG_LINES = 14
MOST_FAILURES = 30
"""Failed runs whose log is shown; all are in the table of runs."""
REASONS = {
    "crashed": "{result}",
    "corrupt": "a file of its record cannot be read",
    "interrupted": "the same litmus run command continues it",
    "diverged": "the training loss stopped being finite: {result}",
    "not_finite": "the training loss stayed finite, and that of the last validation or of the test did not",
}
"""Why a run failed, by its state."""


@dataclass(frozen=True)
class Table:
    """A table of texts under a title, with a note; the first column names the rows."""

    title: str
    note: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class ClaimRow:
    """A claim with what the records say of it.

    Args:
        claim: the claim.
        finding: what the records say of the claim by itself.
        verdict: its verdict in the headline, after Holm's correction over the primary claims.
        p_holm: the p-value of that verdict.
        primary: whether the headline rests on the claim.
        exploratory: whether the claim was stated after the plan.
    """

    claim: Claim
    finding: Finding
    verdict: Verdict
    p_holm: float
    primary: bool
    exploratory: bool

    @property
    def is_level(self) -> bool:
        """Whether the effect is a level and not a difference, so that zero means nothing."""
        return isinstance(self.claim.test, ArmTest) and self.claim.test.level

    @property
    def role(self) -> str:
        """What the claim counts for: `primary`, `secondary`, or `check`, which is computed and not measured."""
        return "check" if self.claim.check else "primary" if self.primary else "secondary"

    @property
    def word(self) -> str:
        """The verdict; that a check is right is no support for anything: it holds."""
        holds = {"supported": "holds", "opposite": "does not hold", "smaller": "does not hold"}
        return holds.get(self.verdict, self.verdict) if self.claim.check else self.verdict

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What the claim's test compares; empty where it does not say."""
        return self.claim.test.metrics if isinstance(self.claim.test, ArmTest) else ()

    @property
    def effect(self) -> str:
        """The effect with its interval and unit; empty where there is none."""
        if not self.finding.effect.n:
            return ""
        write = self.claim.unit.interval if self.is_level else self.claim.unit.difference
        return write(self.finding.effect)


def claim_rows(summary: StudySummary) -> list[ClaimRow]:
    """Return a row for each claim, in their order."""
    primary = primary_claims([claim for claim, _ in summary.findings])
    exploratory = summary.registration.is_exploratory
    return [
        ClaimRow(claim, finding, held.verdict, held.p_value, claim in primary, exploratory(claim.key))
        for (claim, finding), held in zip(summary.findings, after_holm(summary.findings), strict=True)
    ]


@dataclass(frozen=True)
class ArmRow:
    """An arm in the main table and in the table of costs, as text.

    Args:
        label: the arm's label.
        baseline: whether it is the baseline.
        test: the mean of the test metric with its interval.
        difference: the paired difference to the baseline with its interval; `baseline` for the baseline itself.
        p: the p-value of the difference after Holm's correction; empty for the baseline.
        differs: whether that is below 0.05.
        common: over which seeds the difference is, and the means there, where the two arms lack different seeds.
        matched: the difference to the arm with the baseline's level of the first factor, all else equal.
        p_matched: its p-value after Holm's correction over these differences.
        differs_matched: whether that is below 0.05.
        seeds: how many seeds finished and failed.
        risk: how much more often its runs diverge than the baseline's, with its interval; empty if none did.
        validation: the mean of the validation metric.
        training: the mean of the metric on training images.
        trains: how many of the runs that ended train.
        costs: parameters, FLOPs, activations and seconds, each as the number and its text.
    """

    label: str
    baseline: bool
    test: str
    difference: str
    p: str
    differs: bool
    common: str
    matched: str
    p_matched: str
    differs_matched: bool
    seeds: str
    risk: str
    validation: str
    training: str
    trains: str
    costs: dict[str, tuple[float, str]]


def arm_rows(summary: StudySummary) -> list[ArmRow]:
    """Return a row for each arm, in their order."""
    analysis, unit = summary.analysis, summary.analysis.unit
    matched = _matched(analysis)
    rows = []
    for statistics in summary.judged:
        result, compared = statistics.arm, statistics.comparison
        to_matched, p_matched = matched.get(result.label, (None, math.nan))
        rows.append(
            ArmRow(
                label=result.label,
                baseline=result.arm.is_baseline,
                test=unit.interval(statistics.mean),
                difference="baseline" if compared is None else unit.signed(compared.difference),
                p="" if compared is None else p_text(compared.p_holm),
                differs=compared is not None and compared.p_holm < ALPHA,
                common="" if compared is None else _common(analysis, result, compared.difference),
                matched="" if to_matched is None else unit.signed(to_matched),
                p_matched="" if to_matched is None else p_text(p_matched),
                differs_matched=p_matched < ALPHA,
                seeds=f"{result.count('finished')} of {result.planned}"
                + f", {how_failed([result])}" * bool(result.failed),
                risk=POINTS.signed(statistics.more_diverged) if compared and statistics.more_diverged.n else "",
                validation=unit.text(result.estimate(analysis.val_metric).mean),
                training=unit_of(analysis.fit_metric).text(result.estimate(analysis.fit_metric).mean),
                trains=_trains(analysis, result),
                costs=_costs(result),
            )
        )
    return rows


def _matched(analysis: Analysis) -> dict[str, tuple[Effect, float]]:
    """Return each arm's difference to the arm with the baseline's level of the first factor, all else equal.

    With its p-value, which Holm's method corrects over these differences.
    """
    factor = analysis.matched_factor
    others = {result.label: analysis.matched(result, factor) for result in analysis.arms} if factor else {}
    effects = {
        result.label: difference(analysis, result, analysis.test_metric, to=other)
        for result in analysis.arms
        if (other := others.get(result.label)) is not None
    }
    p_values = holm([effect.p_value for effect in effects.values()])
    return {label: (effect, p) for (label, effect), p in zip(effects.items(), p_values, strict=True)}


def _common(analysis: Analysis, result: ArmResult, difference: Effect) -> str:
    """Return over how many seeds the arm is compared, and the means over those where they differ from the table's."""
    if not difference.paired:
        return difference.count
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
    """Return how many of the runs that ended train."""
    trained = analysis.trained(result)
    if not trained:
        return "–"
    return f"{sum(trained.values())} of {len(trained)}{' so far' if result.missing else ''}"


def _costs(result: ArmResult) -> dict[str, tuple[float, str]]:
    recorded = result.records.iloc[0].to_dict() if len(result.records) else {}
    seconds = result.estimate("seconds")
    costs = {name: (recorded[name], count(recorded[name])) for name in COSTS if pd.notna(recorded.get(name))}
    missing = dict.fromkeys(COSTS, (math.nan, "–"))
    return {**missing, **costs, "seconds": (seconds.mean, f"{seconds.mean:.1f}" if seconds.n else "–")}


def comparisons(statistics: Sequence[ArmStatistics], unit: Unit, title: str, note: str = "") -> Table | None:
    """Return the table of a metric: each arm's mean, and its paired difference to the baseline with interval and tests.

    None where no run has the metric.
    """
    if not any(each.mean.n for each in statistics):
        return None
    splits = any(each.comparison is not None and each.comparison.difference.seeds for each in statistics)
    headings = [
        "arm",
        "mean [95 %, t]",
        "sd",
        "difference [95 %]",
        "over seeds and splits alone" if splits else "over seeds alone",
        "effect size g",
        "p",
        "p, Holm",
        "improvement",
        "detectable",
    ]
    rows = [_comparison(each, unit) for each in statistics]
    if not splits and not over_images(statistics):
        for cells in (headings, *rows):
            del cells[4]  # it would repeat the one before
    return Table(title, note, headings, rows)


def over_images(statistics: Sequence[ArmStatistics]) -> bool:
    """Whether an interval of a difference covers other test images."""
    return any(each.comparison is not None and each.comparison.difference.image_error > 0 for each in statistics)


def _comparison(each: ArmStatistics, unit: Unit) -> list[str]:
    row = [each.arm.label, unit.interval(each.mean), unit.amount(each.mean.sd)]
    if each.comparison is None:
        return [*row, "baseline", "", "", "", "", "", ""]
    compared = each.comparison
    return [
        *row,
        unit.difference(compared.difference),
        unit.span(compared.difference.seeds_only.low, compared.difference.seeds_only.high, signed=True),
        "–" if math.isnan(compared.difference.hedges_g_z) else f"{compared.difference.hedges_g_z:+.2f}",
        p_text(compared.difference.p_value),
        p_text(compared.p_holm),
        SHARE.interval(compared.improvement),
        unit.amount(compared.minimum_detectable_effect),
    ]


def metric_tables(summary: StudySummary) -> dict[str, list[Table]]:
    """Return the tables of the test metric, of the study's own measures and of all other metrics, by those names."""
    note = "Measured while the runs trained, one number a run; differences are paired by seed."
    metric = summary.analysis.test_metric
    found = {
        "primary": [comparisons(summary.judged, unit_of(metric), metric)],
        "measures": [comparisons(each, NUMBER, name.capitalize(), note) for name, each in summary.measures.items()],
        "others": [comparisons(each, unit_of(name), name) for name, each in summary.others.items()],
    }
    return {name: [table for table in tables if table is not None] for name, tables in found.items()}


def p_text(value: float) -> str:
    """Return a p-value as text."""
    if math.isnan(value):
        return "–"
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


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
        f"{DESIGN_NOTES[analysis.study.design]} In {scale}{analysis.test_name}, paired by seed; Holm's "
        "correction is over these effects."
    )
    return Table("What each ingredient contributes", note, ("ingredient", "effect [95 %]", "p", "p, Holm"), rows)


@dataclass(frozen=True)
class RunRow:
    """A run as the report shows it; `result` is its metric, or why that is missing."""

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
    rows = []
    for recorded in analysis.records.to_dict("records"):
        run = {
            str(key): value for key, value in recorded.items() if not pd.api.types.is_scalar(value) or pd.notna(value)
        }
        result = analysis.unit.text(float(run[analysis.test_metric])) if analysis.test_metric in run else "–"
        if run["state"] == "diverged":
            result = f"diverged at step {run['diverged_at_step']:.0f}" if "diverged_at_step" in run else "diverged"
        if run["state"] == "not_finite":
            result = "no finite evaluation"
        if run["state"] == "crashed":
            result = str(run.get("error", "–"))
        seconds = f"{run['seconds']:.1f}" if "seconds" in run else "–"
        command = _repeat_command(analysis, run["run"])
        rows.append(RunRow(run["run"], run["arm"], int(run["seed"]), run["state"], result, seconds, command))
    return rows


def _repeat_command(analysis: Analysis, run: str) -> str:
    """Return the command that repeats a run, given in the folder that holds `runs/`.

    The page is read on other machines, where the folder's absolute path means nothing.
    """
    if analysis.elsewhere is not None:
        return ""
    try:
        command = rerun_command(RunRecord(analysis.directory / run))
    except CorruptRecord as error:
        return str(error)
    return command.replace(f"{analysis.directory}/", f"{study_folder(analysis)}/")


def study_folder(analysis: Analysis) -> str:
    """Return the study's folder within the one that holds it: `runs/batch_norm`."""
    directory = analysis.directory.resolve()
    return f"{directory.parent.name}/{directory.name}"


def failures(analysis: Analysis, rows: Sequence[RunRow]) -> list[Failure]:
    """Return the runs that did not finish, diverged ones last, with the reason and the end of the log."""
    if analysis.elsewhere is not None:
        return []  # their logs are elsewhere too
    failed = sorted((row for row in rows if row.state in REASONS), key=lambda row: row.state in FAILURES)
    found = []
    for row in failed[:MOST_FAILURES]:
        log = RunRecord(analysis.directory / row.run).log_tail(LOG_LINES)
        found.append(Failure(row, REASONS[row.state].format(result=row.result), log))
    return found
