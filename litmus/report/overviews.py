"""Pages over several studies: two studies side by side, an index of all."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from litmus.core.errors import UserError
from litmus.core.formatting import capital
from litmus.evidence.estimate import unpaired_effect
from litmus.evidence.summary import StudySummary
from litmus.records.storage import write_atomically
from litmus.report.answer import answer_of
from litmus.report.controls import MOST_VALUES, VERSION_COLUMNS, config_columns, distinct
from litmus.report.forest import Row, group_of, verdict_on
from litmus.report.page import rendered, write_report
from litmus.report.tables import Table, arm_rows, claim_rows

COMPARED = ("data.fingerprint", "data.num_classes", *(f"environment.{name}" for name in VERSION_COLUMNS))
"""Columns of the records in which two studies are compared, besides the config keys."""


def write_side_by_side(first: StudySummary, second: StudySummary) -> tuple[Path, str]:
    """Write the page of two studies into the second one's folder; return it, and its answer in a sentence."""
    path = second.analysis.directory / f"against-{first.analysis.directory.name}.html"
    names = [each.analysis.directory.name for each in (first, second)]
    if names[0] == names[1]:
        names = [str(each.analysis.directory) for each in (first, second)]
    labels = [[each.label for each in summary.analysis.arms] for summary in (first, second)]
    both = set(labels[0]) & set(labels[1])
    rows = _effects(first, second)
    changed = changes(first, second)
    differing = f"{len(changed)} settings or versions differ" if changed else "nothing that is recorded differs"
    answer = f"{_answer(first, names, rows, len(both))}; {differing}."
    page = rendered(
        "side_by_side.html",
        names=names,
        answer=answer,
        answers=[answer_of(each) for each in (first, second)],
        question=first.analysis.study.question,
        other_question=second.analysis.study.question,
        group=group_of("Arms in both", "points", rows, first.analysis.unit) if rows else None,
        changes=Table("What changed", "", ["setting", *names], changed),
        arms=_arms_table(first, second, rows, names),
        claims=_claims_table(first, second, names),
        only=[[label for label in each if label not in both] for each in labels],
        # Resolved, because `..` of a symbolic link is not the folder that the link is in.
        links=[
            os.path.relpath((each.analysis.directory / "report.html").resolve(), path.parent.resolve())
            for each in (first, second)
        ],
    )
    write_atomically(path, page)
    return path, answer


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
    for key in dict.fromkeys([*config_columns(one.records), *config_columns(other.records), *COMPARED]):
        found.append([key, *(distinct(each.records, key, MOST_VALUES) or "–" for each in (one, other))])
    return [row for row in found if row[1] != row[2]]


def _effects(first: StudySummary, second: StudySummary) -> list[Row]:
    """Return the change of each arm in both studies that has results in the same metric."""
    analysis = first.analysis
    if analysis.test_metric != second.analysis.test_metric:
        return []
    others = {each.arm.label: each.mean for each in second.judged}
    rows = []
    for each in first.judged:
        other = others.get(each.arm.label)
        if other is not None and each.mean.n and other.n:
            # Two studies on other data or with other code have no pairs, even where their seeds have the same numbers.
            change = unpaired_effect([(1.0, other), (-1.0, each.mean)])
            verdict = verdict_on(change, 0.0 if change.excludes_zero else 1.0, analysis.higher_is_better)
            rows.append(Row(each.arm.label, change, analysis.unit.signed(change), *verdict[:2]))
    return rows


def _answer(first: StudySummary, names: Sequence[str], rows: Sequence[Row], in_both: int) -> str:
    if not rows:
        return f"{names[0]} and {names[1]} have no arm with results in the same metric ({in_both} arms are in both)"
    differ = [row for row in rows if row.kind != "inconclusive"]
    most = max(rows, key=lambda row: abs(row.estimate.mean))
    change = f"{most.text} {first.analysis.unit.difference_name}".strip()
    count = f"{len(differ)} of {len(rows)} arms in both differ between {names[0]} and {names[1]}"
    return f"{count}, most {most.label} ({change})"


def _arms_table(first: StudySummary, second: StudySummary, rows: Sequence[Row], names: Sequence[str]) -> Table:
    changed, others = {row.label: row.text for row in rows}, {row.label: row for row in arm_rows(second)}
    pairs = [(row, others[row.label]) for row in arm_rows(first) if row.label in others]
    cells = [
        [one.label, one.test, other.test, changed.get(one.label, "–"), one.difference, other.difference]
        for one, other in pairs
    ]
    headings = ["arm", *names, "change [95 %]", f"to the baseline, {names[0]}", f"to the baseline, {names[1]}"]
    note = "The change is that of two independent groups of runs, with Welch's interval; each is judged by itself."
    return Table(f"{capital(first.analysis.test_name)} of the arms in both", note, headings, cells)


def _claims_table(first: StudySummary, second: StudySummary, names: Sequence[str]) -> Table | None:
    others = {row.claim.sentence: row for row in claim_rows(second)}
    pairs = [(row, others[row.claim.sentence]) for row in claim_rows(first) if row.claim.sentence in others]
    rows = [
        [
            one.claim.sentence,
            *(f"{each.verdict}: {each.effect}" if each.effect else each.verdict for each in (one, other)),
            "same" if one.verdict == other.verdict else "changed",
        ]
        for one, other in pairs
    ]
    return Table("Claims", "", ["claim", *names, "verdict"], rows) if rows else None


@dataclass(frozen=True)
class Entry:
    """A study as the index shows it; `warning` says in a word what is wrong with it."""

    folder: str
    question: str
    answer: str
    arms: str = "–"
    runs: str = "–"
    warning: str = ""


def write_index(out: Path, directories: Sequence[Path]) -> Path:
    """Write the report of every study again, and the page that lists them; one that cannot be read says why."""
    path = out / "index.html"
    write_atomically(path, rendered("index.html", entries=[_entry(each) for each in directories]))
    return path


def _entry(directory: Path) -> Entry:
    try:
        report = write_report(directory)
    except UserError as error:
        return Entry(directory.name, "", str(error), warning="unreadable")
    analysis = report.summary.analysis
    planned, ended = sum(each.planned for each in analysis.arms), sum(each.ended for each in analysis.arms)
    return Entry(
        directory.name,
        analysis.study.question,
        report.answer,
        str(len(analysis.arms)),
        f"{ended:,} of {planned:,}",
        "" if ended == planned else "partial",
    )
