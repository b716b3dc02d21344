"""Two studies side by side: what was changed between them, and by how much their arms differ."""

import datetime
import math
import os
from dataclasses import dataclass
from pathlib import Path

from scipy import stats

from litmus.evidence.arm_table import ArmStatistics
from litmus.evidence.claims import Claim
from litmus.evidence.estimate import CONFIDENCE, Estimate
from litmus.evidence.summary import StudySummary
from litmus.evidence.units import level
from litmus.records.storage import write_atomically
from litmus.report.answer import headline_of
from litmus.report.controls import config_columns
from litmus.report.forest import Row, group_of
from litmus.report.page import template_environment
from litmus.report.tables import Table

FOUND = ("data.fingerprint", "data.num_classes")
LIBRARIES = (
    "environment.code",
    "environment.python",
    "environment.torch",
    "environment.lightning",
    "environment.device",
)


@dataclass(frozen=True)
class Change:
    """Something that is not the same in both studies."""

    name: str
    first: str
    second: str


def write_side_by_side(first: StudySummary, second: StudySummary) -> tuple[Path, str]:
    """Write the page of two studies beside the second one's report; return it, and its answer in a sentence."""
    path = second.analysis.directory / f"against-{first.analysis.directory.name}.html"
    names = _names(first, second)
    arms, answer = _arms_in_both(first, second), _answer(first, second)
    page = (
        template_environment()
        .get_template("side_by_side.html")
        .render(
            names=names,
            answer=answer,
            headlines=[headline_of(first), headline_of(second)],
            question=first.analysis.study.question,
            other_question=second.analysis.study.question,
            group=group_of("Arms in both", "points" if arms else "", arms, first.analysis.unit) if arms else None,
            changes=Table(
                "What changed", "", ["setting", *names], [[c.name, c.first, c.second] for c in changes(first, second)]
            ),
            arms=_table(first, second, names),
            claims=_claims(first, second, names),
            only=[_only(first, second), _only(second, first)],
            links=[_relative(path, each) for each in (first, second)],
            written=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )
    write_atomically(path, page)
    return path, answer


def changes(first: StudySummary, second: StudySummary) -> list[Change]:
    """Return in what two studies differ: preset, seeds, data, config keys, code, versions."""
    one, other = first.analysis, second.analysis
    found = [
        Change("preset", one.study.preset, other.study.preset),
        Change("arms", str(len(one.arms)), str(len(other.arms))),
        Change("seeds", *(", ".join(map(str, _seeds(each))) for each in (first, second))),
        Change("metric", one.test_metric, other.test_metric),
    ]
    keys = dict.fromkeys([*config_columns(one.records), *config_columns(other.records), *FOUND, *LIBRARIES])
    found += [Change(key, _values(first, key), _values(second, key)) for key in keys]
    return [each for each in found if each.first != each.second]


def _seeds(summary: StudySummary) -> list[int]:
    return sorted({seed for result in summary.analysis.arms for seed in result.arm.runs})


def _values(summary: StudySummary, column: str) -> str:
    records = summary.analysis.records
    if column not in records:
        return "–"
    texts = list(dict.fromkeys(level(value) for value in records[column].dropna()))
    return ", ".join(texts[:6]) + (f" and {len(texts) - 6} more" if len(texts) > 6 else "") or "–"


def _names(first: StudySummary, second: StudySummary) -> list[str]:
    names = [each.analysis.directory.name for each in (first, second)]
    return names if names[0] != names[1] else [str(each.analysis.directory) for each in (first, second)]


def _in_both(first: StudySummary, second: StudySummary) -> list[tuple[ArmStatistics, ArmStatistics]]:
    others = {each.arm.label: each for each in second.judged}
    return [(each, others[each.arm.label]) for each in first.judged if each.arm.label in others]


def change_of(first: Estimate, second: Estimate) -> Estimate:
    """Return the second mean less the first, of runs that share nothing, with Welch's 95 % interval.

    Two studies on other data or with other code have no pairs, even where their seeds have the same numbers. The
    degrees of freedom are Welch and Satterthwaite's; NaN ends where a side has fewer than two runs, or no spread.
    """
    mean = second.mean - first.mean
    parts = [each.sd**2 / each.n if each.n > 1 else math.nan for each in (first, second)]
    variance = sum(parts)
    if not variance > 0:
        return Estimate(mean, math.nan, math.nan, min(first.n, second.n))
    freedom = variance**2 / sum(part**2 / (each.n - 1) for part, each in zip(parts, (first, second), strict=True))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(variance)
    return Estimate(mean, mean - half, mean + half, min(first.n, second.n))


def _arms_in_both(first: StudySummary, second: StudySummary) -> list[Row]:
    rows = []
    if first.analysis.test_metric != second.analysis.test_metric:
        return []
    for one, other in _in_both(first, second):
        if one.mean.n and other.mean.n:
            change = change_of(one.mean, other.mean)
            kind = "inconclusive"
            if change.excludes_zero:
                kind = "supported" if (change.mean > 0) == first.analysis.higher_is_better else "opposite"
            word = {"inconclusive": "inconclusive", "supported": "better", "opposite": "worse"}[kind]
            rows.append(Row(one.arm.label, change, first.analysis.unit.signed(change), word, kind))
    return rows


def _table(first: StudySummary, second: StudySummary, names: list[str]) -> Table:
    unit = first.analysis.unit
    same = first.analysis.test_metric == second.analysis.test_metric
    rows = []
    for one, other in _in_both(first, second):
        changed = unit.signed(change_of(one.mean, other.mean)) if same and one.mean.n and other.mean.n else "–"
        effects = [each.comparison.difference if each.comparison is not None else None for each in (one, other)]
        shown = ["baseline" if each is None else unit.signed(each) for each in effects]
        rows.append(
            [one.arm.label, unit.interval(one.mean), second.analysis.unit.interval(other.mean), changed, *shown]
        )
    headings = ["arm", *names, "change [95 %]", f"to the baseline, {names[0]}", f"to the baseline, {names[1]}"]
    note = "The change is that of two independent groups of runs, with Welch's interval; each is judged by itself."
    return Table(f"Test {first.analysis.metric_name} of the arms in both", note, headings, rows)


def _claims(first: StudySummary, second: StudySummary, names: list[str]) -> Table | None:
    held = {
        claim.sentence: (claim, finding, verdict)
        for (claim, finding), verdict in zip(second.findings, second.headline, strict=True)
    }

    def told(claim: Claim, effect: Estimate, verdict: str) -> str:
        return f"{verdict}: {claim.unit.difference(effect)}" if effect.n else verdict

    rows = []
    for (claim, finding), verdict in zip(first.findings, first.headline, strict=True):
        if claim.sentence in held:
            other, other_finding, other_verdict = held[claim.sentence]
            rows.append(
                [
                    claim.sentence,
                    told(claim, finding.effect, verdict),
                    told(other, other_finding.effect, other_verdict),
                    "same" if verdict == other_verdict else "changed",
                ]
            )
    return Table("Claims", "", ["claim", *names, "verdict"], rows) if rows else None


def _only(summary: StudySummary, other: StudySummary) -> list[str]:
    labels = {each.arm.label for each in other.judged}
    return [each.arm.label for each in summary.judged if each.arm.label not in labels]


def _answer(first: StudySummary, second: StudySummary) -> str:
    pairs, rows = _in_both(first, second), _arms_in_both(first, second)
    names = _names(first, second)
    differing = changes(first, second)
    what = f"{len(differing)} settings or versions differ" if differing else "nothing that is recorded differs"
    if not rows:
        return f"{names[0]} and {names[1]} share {len(pairs)} arms with results in the same metric; {what}."
    apart = [row for row in rows if row.kind != "inconclusive"]
    most = max(rows, key=lambda row: abs(row.estimate.mean))
    shown = f"{len(apart)} of {len(rows)} arms in both differ between {names[0]} and {names[1]}"
    return f"{shown}, most {most.label} ({most.text} {first.analysis.unit.difference_name}); {what}.".replace(" )", ")")


def _relative(page: Path, summary: StudySummary) -> str:
    report = summary.analysis.directory.resolve() / "report.html"
    return Path(os.path.relpath(report, page.resolve().parent)).as_posix()
