"""The tables of a report. The page, Markdown and LaTeX are written from them."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from litmus.core.formatting import capital, count, listed, several
from litmus.evidence.differences import contributions, difference, holm
from litmus.evidence.estimate import ALPHA, Effect, estimate
from litmus.evidence.results import Analysis, ArmResult, how_failed
from litmus.evidence.summary import ArmStatistics, StudySummary
from litmus.evidence.units import NUMBER, POINTS, Unit, unit_of
from litmus.records.run_record import FAILURES, RunRecord
from litmus.records.storage import CorruptRecord
from litmus.records.study_record import arm_label
from litmus.records.user_code import rerun_command

_NUMBER = re.compile(r"\[?[<+\-−]? ?[\d∞]|–?$|baseline$")
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
    "crashed": "crashed: {result}",
    "corrupt": "a file of its record cannot be read",
    "interrupted": "interrupted; the same litmus run command continues it",
    "diverged": "{result}: the training loss was not finite",
    "not_finite": "no finite evaluation: the training loss stayed finite, the last validation or test loss did not",
}
"""Why a run failed, by its state."""


class Bold(str):
    """A cell in bold."""


@dataclass(frozen=True)
class Table:
    """A table of texts: each row has its cells by their heading, the first of which names it.

    What follows a line break in a cell is a remark, which the page alone shows.
    """

    title: str
    rows: Sequence[Mapping[str, str]]
    note: str = ""

    @classmethod
    def of(cls, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> "Table":
        """Return a table of rows whose cells are in the order of the headings."""
        return cls(title, [dict(zip(headings, row, strict=True)) for row in rows], note)

    @property
    def headings(self) -> list[str]:
        """The headings of the columns that have anything in them."""
        return [name for name in self.rows[0] if any(row[name] not in ("", "–") for row in self.rows)]

    def only(self, *headings: str) -> "Table":
        """Return the table with these columns of its own."""
        return replace(self, rows=[{name: row[name] for name in headings if name in row} for row in self.rows])

    def has_numbers(self, heading: str) -> bool:
        """Whether a column, but the first, has numbers alone."""
        return heading != self.headings[0] and all(_NUMBER.match(row[heading]) for row in self.rows)


def with_unit(quantity: str, unit: str) -> str:
    """Return a heading, or what an axis is called, with the unit where it has one."""
    return f"{quantity}, {unit}" if unit else quantity


def p_text(value: float) -> str:
    """Return a p-value as text."""
    if math.isnan(value):
        return "–"
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


def seeds_with_result(analysis: Analysis) -> str:
    """Return how many seeds the arms have with a result: `5 seeds`, `3–8 seeds`."""
    counts = [result.ended for result in analysis.arms]
    fewest, most = min(counts, default=0), max(counts, default=0)
    return several(most, "seed") if fewest == most else f"{fewest}–{several(most, 'seed')}"


def sampling_note(analysis: Analysis) -> str:
    """Return which intervals hold at every number of seeds, as a sentence; empty where the number was fixed."""
    plan = analysis.sampling
    if not plan.is_anytime(max((result.planned for result in analysis.arms), default=0)):
        return ""
    looked, added = "results were looked at early", f"{plan.planned} seeds were planned and more were added"
    return (
        f"Since {looked if plan.looked else added}, intervals and p of differences and claims hold at every number of "
        "seeds; of few seeds there is no such interval at 95 %. All other intervals are for a fixed number of seeds."
    )


def divergence_note(analysis: Analysis) -> str:
    """Return how runs that failed widen intervals, as a sentence; empty where none did."""
    if not any(result.failed for result in analysis.arms):
        return ""
    return f"Where runs failed, the interval also allows for the jump to {diverged_value(analysis)}."


def pairing_note(summary: StudySummary) -> str:
    """Return which differences are paired by seed, as a sentence without its stop."""
    effects = {each.arm.label: each.comparison.difference for each in summary.judged if each.comparison is not None}
    compared = {label: effect for label, effect in effects.items() if effect.n}
    alone = [label for label, effect in compared.items() if not effect.paired]
    if not alone:
        return "Differences are paired by seed"
    welch = "so that all runs of both arms are compared, unpaired, with Welch's interval"
    if len(alone) == len(compared):
        return f"The arms do not share their seeds with the baseline, {welch}"
    share = "shares" if len(alone) == 1 else "share"
    return f"Differences are paired by seed. But {listed(alone)} {share} too few seeds with the baseline, {welch}"


def coverage_note(analysis: Analysis) -> str:
    """Return what the intervals of differences cover, as a clause."""
    recorded = sum(len(result.scores(analysis.test_metric)) for result in analysis.arms)
    if analysis.elsewhere is not None:
        return "their intervals cover other seeds, not other test images."
    only = (
        ""
        if recorded and recorded == sum(result.count("finished") for result in analysis.arms)
        else (" only where the runs recorded their answers to single test images")
    )
    return f"their intervals cover other seeds and other test images{only}."


def diverged_value(analysis: Analysis) -> str:
    """Return the value of the test metric that a diverged run counts with."""
    value = analysis.study.diverged_value
    if value is None:
        return f"guessing, {analysis.unit.text(analysis.chance)}"
    return f"{analysis.unit.text(value)}, as the study declares"


def arms_table(summary: StudySummary) -> Table:
    """Return each arm's test metric, its difference to the baseline, its seeds, and how it trained."""
    analysis, unit = summary.analysis, summary.analysis.unit
    bare, factor, matched = replace(unit, name=""), analysis.matched_factor, _matched(analysis)
    to_matched = (
        f"to {arm_label({factor: analysis.study.baseline.levels[factor]}, analysis.study.level_names)}, all else equal"
        if factor
        else ""
    )
    fit, validation = unit_of(analysis.fit_metric), with_unit("validation", unit.name)
    training = analysis.train_metric_name
    training = "training" if training == analysis.metric_name else f"training {training}"
    rows = []
    for each in summary.judged:
        result, compared = each.arm, each.comparison
        effect, p = matched.get(result.label, (None, math.nan))
        row = {
            "arm": f"{result.label}\n(baseline)" if compared is None else result.label,
            f"{with_unit(analysis.test_name, unit.name)} [95 %]": bare.interval(each.mean),
            f"{with_unit('to the baseline', unit.difference_name)} [95 %]": "baseline",
            "p, Holm": "",
            to_matched: "" if effect is None else _bold(unit.signed(effect), p),
            "its p, Holm": "" if effect is None else _bold(p_text(p), p),
            "seeds finished": _seeds(each),
            validation: bare.text(result.estimate(analysis.val_metric).mean),
            with_unit(training, fit.name): replace(fit, name="").text(result.estimate(analysis.fit_metric).mean),
            "trains": _trains(analysis, result),
        }
        if compared is not None:
            text = f"{unit.signed(compared.difference)}\n{_common(analysis, result, compared.difference)}".strip()
            to_baseline = list(row)[2]
            row |= {
                to_baseline: _bold(text, compared.p_holm),
                "p, Holm": _bold(p_text(compared.p_holm), compared.p_holm),
            }
        rows.append(row)
    found = Table("Results by arm", rows)
    return replace(found, note=_note(summary, to_matched, found.headings))


def _bold(text: str, p: float) -> str:
    return Bold(text) if p < ALPHA else text


def _seeds(each: ArmStatistics) -> str:
    """Return how many seeds finished and failed, and how much more often the arm fails than the baseline."""
    failed = f", {how_failed([each.arm])}" if each.arm.failed else ""
    has_risk = each.comparison is not None and each.more_diverged.n
    risk = f"\nrisk of failure {POINTS.signed(each.more_diverged)} points" if has_risk else ""
    return f"{each.arm.count('finished')} of {each.arm.planned}{failed}{risk}"


def _note(summary: StudySummary, matched: str, headings: Sequence[str]) -> str:
    analysis = summary.analysis
    sentences = [
        f"{capital(analysis.test_name)}: mean over the seeds, with its 95 % interval by Student's t.",
        f"{pairing_note(summary)}; {coverage_note(analysis)}",
        f"p includes Holm's correction over the arms; differences with p below {ALPHA:g} are bold.",
    ]
    if matched in headings:
        sentences.append(f"Differences {matched}, have a correction of their own.")
    if any(each.failed for each in analysis.arms):
        sentences.append(
            "Diverged: the training loss was not finite at some step. No finite evaluation: it was, but the last "
            f"validation or test loss was not. Both count with the {analysis.metric_name} of "
            f"{diverged_value(analysis)}, here and in every claim. The risk of failure is that of the arm minus that "
            "of the baseline."
        )
    if any(each.startswith("training") for each in headings):
        sentences.append(
            "Training: on up to 10,000 training images without augmentation, at the end, in evaluation mode."
        )
    if "trains" in headings:
        least = "at least" if analysis.higher_is_better else "at most"
        sentences.append(
            f"Trains: the number of seeds that end with {least} {analysis.unit.text(analysis.training_threshold)} "
            f"validation {analysis.metric_name}, halfway from guessing to the best arm."
        )
    return " ".join(sentences)


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


def costs_table(analysis: Analysis) -> Table:
    """Return what each arm costs."""
    rows = []
    for result in analysis.arms:
        recorded = result.records.iloc[0].to_dict() if len(result.records) else {}
        costs = {
            heading: count(recorded[name]) if pd.notna(recorded.get(name)) else "–"
            for heading, name in (("parameters", "parameters"), ("FLOPs", "flops"), ("activations", "activations"))
        }
        seconds = result.estimate("seconds")
        rows.append({"arm": result.label, **costs, "seconds": f"{seconds.mean:.1f}" if seconds.n else "–"})
    uncounted = sorted({name for names in analysis.recorded("uncounted") for name in names})
    left_out = f" They do not include {', '.join(uncounted)}." if uncounted else ""
    return Table(
        "Cost by arm",
        rows,
        f"FLOPs: for one image, forward; a multiply-add counts once.{left_out} Activations: the numbers that one image "
        "leaves in memory. Seconds: wall time of a run's training, mean over the finished seeds; other work on the "
        "machine lengthens it.",
    )


def comparisons(statistics: Sequence[ArmStatistics], unit: Unit, title: str, note: str = "") -> Table | None:
    """Return the table of a metric: each arm's mean, and its paired difference to the baseline with interval and tests.

    None where no run has the metric.
    """
    if not any(each.mean.n for each in statistics):
        return None
    compared = [each.comparison.difference for each in statistics if each.comparison is not None]
    splits = any(effect.seeds for effect in compared)
    images = any(effect.image_error > 0 for effect in compared)
    alone = "over seeds and splits alone" if splits else "over seeds alone"
    rows = []
    for each in statistics:
        row = {"arm": each.arm.label, "mean [95 %, t]": unit.interval(each.mean), "sd": unit.amount(each.mean.sd)}
        cells = ["baseline", *[""] * 6]
        if each.comparison is not None:
            effect, only = each.comparison.difference, each.comparison.difference.seeds_only
            cells = [
                unit.difference(effect),
                unit.span(only.low, only.high, signed=True) if splits or images else "",  # else as the one before
                "–" if math.isnan(effect.hedges_g_z) else f"{effect.hedges_g_z:+.2f}",
                p_text(effect.p_value),
                p_text(each.comparison.p_holm),
                SHARE.interval(each.comparison.improvement),
                unit.amount(each.comparison.minimum_detectable_effect),
            ]
        names = ("difference [95 %]", alone, "effect size g", "p", "p, Holm", "improvement", "detectable")
        rows.append(row | dict(zip(names, cells, strict=True)))
    return Table(title, rows, note)


def metric_tables(summary: StudySummary) -> dict[str, list[Table]]:
    """Return the tables of the test metric, of the study's own measures and of all other metrics, by those names."""
    note = "Measured while the runs trained, one number a run; differences are paired by seed."
    metric = summary.analysis.test_metric
    words = (
        "sd: standard deviation over the seeds. Effect size: the mean difference in standard deviations of the "
        "differences, with Hedges' correction. Detectable: the smallest true difference that is found with 80 % power, "
        "at level 0.05 / number of comparisons.",
        sampling_note(summary.analysis),
        divergence_note(summary.analysis),
        "statistics.csv has more, and docs/evidence.md in the repository of Litmus says how each is computed.",
    )
    found = {
        "primary": [comparisons(summary.judged, unit_of(metric), metric, " ".join(filter(None, words)))],
        "measures": [comparisons(each, NUMBER, name.capitalize(), note) for name, each in summary.measures.items()],
        "others": [comparisons(each, unit_of(name), name) for name, each in summary.others.items()],
    }
    return {name: [table for table in tables if table is not None] for name, tables in found.items()}


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
    return Table.of("What each ingredient contributes", ("ingredient", "effect [95 %]", "p", "p, Holm"), rows, note)


def runs_table(analysis: Analysis) -> Table | None:
    """Return each run that left a record, with the command that repeats it; None where there is none."""
    rows = []
    for recorded in analysis.records.to_dict("records"):
        run = {
            str(key): value for key, value in recorded.items() if not pd.api.types.is_scalar(value) or pd.notna(value)
        }
        result = analysis.unit.text(float(run[analysis.test_metric])) if analysis.test_metric in run else "–"
        if run["state"] == "diverged":
            result = f"diverged at step {run['diverged_at_step']:.0f}" if "diverged_at_step" in run else "diverged"
        elif run["state"] == "not_finite":
            result = "no finite evaluation"
        elif run["state"] == "crashed":
            result = str(run.get("error", "–"))
        rows.append(
            {
                "run": run["run"],
                "arm": run["arm"],
                "seed": str(int(run["seed"])),
                "state": run["state"],
                "result": result,
                "seconds": f"{run['seconds']:.1f}" if "seconds" in run else "–",
                "again": _repeat_command(analysis, run["run"]),
            }
        )
    folder = study_folder(analysis).partition("/")[0]
    note = (
        f"Each command repeats one run; start it in the folder that contains {folder}/. A run's record is in "
        "the folder of that name next to this page."
    )
    return Table(f"All {several(len(rows), 'run')}", rows, note if rows and rows[0]["again"] else "") if rows else None


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


def failures(analysis: Analysis, runs: Table | None) -> list[dict[str, str]]:
    """Return the rows of the runs that did not finish, diverged ones last, with the reason and the end of the log."""
    if analysis.elsewhere is not None or runs is None:
        return []  # their logs are elsewhere too
    failed = sorted((row for row in runs.rows if row["state"] in REASONS), key=lambda row: row["state"] in FAILURES)
    return [
        {
            **row,
            "reason": REASONS[row["state"]].format(result=row["result"]),
            "log": RunRecord(analysis.directory / row["run"]).log_tail(LOG_LINES),
        }
        for row in failed[:MOST_FAILURES]
    ]
