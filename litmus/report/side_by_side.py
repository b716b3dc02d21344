"""The page of two studies side by side: what changed between them, and how the arms that both have differ."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

from scipy import stats

from litmus.evidence.claims import Claim
from litmus.evidence.estimate import CONFIDENCE, Estimate
from litmus.evidence.summary import ArmStatistics, StudySummary
from litmus.evidence.units import level
from litmus.records.storage import write_atomically
from litmus.report.answer import answer_of
from litmus.report.controls import config_columns
from litmus.report.forest import Row, group_of
from litmus.report.page import rendered
from litmus.report.tables import Table

COLUMNS = (
    "data.fingerprint",
    "data.num_classes",
    "environment.code",
    "environment.python",
    "environment.torch",
    "environment.lightning",
    "environment.device",
)
"""Columns of the records in which two studies are compared, besides the config keys."""
MOST_VALUES = 6
"""Values of a setting that the table of changes lists."""


def write_side_by_side(first: StudySummary, second: StudySummary) -> tuple[Path, str]:
    """Write the page of two studies into the second one's folder; return it, and its answer in a sentence."""
    path = second.analysis.directory / f"against-{first.analysis.directory.name}.html"
    names = [each.analysis.directory.name for each in (first, second)]
    if names[0] == names[1]:
        names = [str(each.analysis.directory) for each in (first, second)]
    others = {each.arm.label: each for each in second.judged}
    pairs = [(each, others[each.arm.label]) for each in first.judged if each.arm.label in others]
    rows = _effects(first, second, pairs)
    changed = changes(first, second)
    differing = f"{len(changed)} settings or versions differ" if changed else "nothing that is recorded differs"
    answer = f"{_answer(first, names, rows, len(pairs))}; {differing}."
    both = {one.arm.label for one, _ in pairs}
    page = rendered(
        "side_by_side.html",
        names=names,
        answer=answer,
        answers=[answer_of(each) for each in (first, second)],
        question=first.analysis.study.question,
        other_question=second.analysis.study.question,
        group=group_of("Arms in both", "points", rows, first.analysis.unit) if rows else None,
        changes=Table("What changed", "", ["setting", *names], changed),
        arms=_arms_table(first, second, pairs, names),
        claims=_claims_table(first, second, names),
        only=[[each.arm.label for each in summary.judged if each.arm.label not in both] for summary in (first, second)],
        links=[_link(path, each) for each in (first, second)],
    )
    write_atomically(path, page)
    return path, answer


def _link(page: Path, summary: StudySummary) -> str:
    report = summary.analysis.directory.resolve() / "report.html"
    return Path(os.path.relpath(report, page.resolve().parent)).as_posix()


def changes(first: StudySummary, second: StudySummary) -> list[list[str]]:
    """Return in what two studies differ, as rows of (setting, first, second)."""
    one, other = first.analysis, second.analysis
    seeds = [sorted({seed for arm in each.arms for seed in arm.arm.runs}) for each in (one, other)]
    found = [
        ["preset", one.study.preset, other.study.preset],
        ["arms", str(len(one.arms)), str(len(other.arms))],
        ["seeds", *(", ".join(map(str, each)) for each in seeds)],
        ["metric", one.test_metric, other.test_metric],
    ]
    keys = dict.fromkeys([*config_columns(one.records), *config_columns(other.records), *COLUMNS])
    found += [[key, _values(first, key), _values(second, key)] for key in keys]
    return [row for row in found if row[1] != row[2]]


def _values(summary: StudySummary, column: str) -> str:
    records = summary.analysis.records
    texts = list(dict.fromkeys(level(value) for value in records[column].dropna())) if column in records else []
    more = f" and {len(texts) - MOST_VALUES} more" if len(texts) > MOST_VALUES else ""
    return ", ".join(texts[:MOST_VALUES]) + more or "–"


def change_of(first: Estimate, second: Estimate) -> Estimate:
    """Return the second mean less the first, of independent runs, with Welch's 95 % interval.

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


Pairs = Sequence[tuple[ArmStatistics, ArmStatistics]]


def _effects(first: StudySummary, second: StudySummary, pairs: Pairs) -> list[Row]:
    """Return the change of each arm in both studies that has results in the same metric."""
    if first.analysis.test_metric != second.analysis.test_metric:
        return []
    rows = []
    for one, other in pairs:
        if one.mean.n and other.mean.n:
            change = change_of(one.mean, other.mean)
            word, kind = "inconclusive", "inconclusive"
            if change.excludes_zero:
                better = (change.mean > 0) == first.analysis.higher_is_better
                word, kind = ("better", "supported") if better else ("worse", "opposite")
            rows.append(Row(one.arm.label, change, first.analysis.unit.signed(change), word, kind))
    return rows


def _answer(first: StudySummary, names: Sequence[str], rows: Sequence[Row], in_both: int) -> str:
    if not rows:
        return f"{names[0]} and {names[1]} have no arm with results in the same metric ({in_both} arms are in both)"
    differ = [row for row in rows if row.kind != "inconclusive"]
    most = max(rows, key=lambda row: abs(row.estimate.mean))
    change = f"{most.text} {first.analysis.unit.difference_name}".strip()
    count = f"{len(differ)} of {len(rows)} arms in both differ between {names[0]} and {names[1]}"
    return f"{count}, most {most.label} ({change})"


def _arms_table(first: StudySummary, second: StudySummary, pairs: Pairs, names: Sequence[str]) -> Table:
    unit, changed = first.analysis.unit, {row.label: row.text for row in _effects(first, second, pairs)}
    rows = []
    for one, other in pairs:
        effects = [each.comparison.difference if each.comparison is not None else None for each in (one, other)]
        differences = ["baseline" if each is None else unit.signed(each) for each in effects]
        means = [unit.interval(one.mean), second.analysis.unit.interval(other.mean)]
        rows.append([one.arm.label, *means, changed.get(one.arm.label, "–"), *differences])
    headings = ["arm", *names, "change [95 %]", f"to the baseline, {names[0]}", f"to the baseline, {names[1]}"]
    note = "The change is that of two independent groups of runs, with Welch's interval; each is judged by itself."
    return Table(f"Test {first.analysis.metric_name} of the arms in both", note, headings, rows)


def _claims_table(first: StudySummary, second: StudySummary, names: Sequence[str]) -> Table | None:
    def by_sentence(summary: StudySummary) -> dict[str, tuple[str, str]]:
        return {
            claim.sentence: (verdict, _verdict_text(claim, finding.effect, verdict))
            for (claim, finding), verdict in zip(summary.findings, summary.headline, strict=True)
        }

    one, other = by_sentence(first), by_sentence(second)
    rows = [
        [sentence, text, other[sentence][1], "same" if verdict == other[sentence][0] else "changed"]
        for sentence, (verdict, text) in one.items()
        if sentence in other
    ]
    return Table("Claims", "", ["claim", *names, "verdict"], rows) if rows else None


def _verdict_text(claim: Claim, effect: Estimate, verdict: str) -> str:
    return f"{verdict}: {claim.unit.difference(effect)}" if effect.n else verdict
