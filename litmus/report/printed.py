"""What `litmus run` and `litmus report` print of a study: text for a terminal, or JSON for a program."""

import textwrap
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from litmus.core.metrics import described
from litmus.evidence.estimate import Effect, Estimate
from litmus.evidence.summary import StudySummary
from litmus.report.answer import answer_of, cautions_of, next_step
from litmus.report.claims import claim_rows
from litmus.report.forest import Group, arm_groups, claim_groups
from litmus.report.methods import deviations_of
from litmus.report.page import Result

MOST_ROWS = 12
"""Rows of the table; the report has all."""


def lines_of(summary: StudySummary, columns: int) -> list[str]:
    """Return a study's results in lines of `columns`: the answer, its claims or arms in a table, what to know of it."""

    def wrapped(sentences: Sequence[str]) -> list[str]:
        return [line for each in sentences for line in textwrap.wrap(each, columns, break_on_hyphens=False)]

    table = _table(claim_groups(claim_rows(summary)) or arm_groups(summary), columns)
    notes = wrapped([*cautions_of(summary), *deviations_of(summary)])
    parts = [wrapped([answer_of(summary)]), table, notes]
    return [line for part in parts if part for line in ("", *part)][1:]


def results_of(result: Result, columns: int) -> list[str]:
    """Return what is printed of a result, in lines of `columns`."""
    said = [result.answer] if result.summary is None else lines_of(result.summary, columns)
    return [*said, *result.details, f"report: {result.report}"]


def _table(groups: Sequence[Group], columns: int) -> list[str]:
    """Return the rows of the forest plot as a table."""
    rows = [row for group in groups for row in group.rows]
    if not rows:
        return []
    axis = groups[0].axis
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(groups[0].title.lower(), overflow="fold")
    table.add_column(f"{axis or 'effect'} [95 %]", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for row in rows[:MOST_ROWS]:
        table.add_row(f"{row.label}{' (primary)' if row.primary else ''}", row.text, row.verdict)
    console = Console(width=columns, color_system=None, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(table)
    left = len(rows) - MOST_ROWS
    more = [f"and {left} more in the report"] if left > 0 else []
    return [*(line.rstrip() for line in captured.get().splitlines()), *more]


def as_json(summary: StudySummary) -> dict[str, Any]:
    """Return a study's results as docs/json.md describes them."""
    analysis, study = summary.analysis, summary.analysis.study
    arms = [
        {
            "arm": each.arm.label,
            "baseline": each.arm.arm.is_baseline,
            "levels": each.arm.arm.levels,
            "planned": each.arm.planned,
            "finished": each.arm.count("finished"),
            "failed": len(each.arm.failed),
            "missing": each.arm.missing,
            **_mean(each.mean),
            "sd": each.mean.sd,
        }
        for each in summary.judged
    ]
    effects = [
        {
            "arm": each.arm.label,
            "to": analysis.baseline.label,
            **_effect(each.comparison.difference),
            "p_holm": each.comparison.p_holm,
            "probability_of_improvement": _mean(each.comparison.improvement),
        }
        for each in summary.judged
        if each.comparison is not None
    ]
    claims = [
        {
            "claim": each.claim.sentence,
            "verdict": each.verdict,
            "reason": each.finding.withheld,
            "alone": each.finding.verdict,
            "primary": each.primary,
            "exploratory": each.exploratory,
            "metric": next((described(metric) for metric in each.metrics if described(metric)), ""),
            "unit": each.claim.unit.difference_name,
            "threshold": each.claim.threshold,
            **_effect(each.finding.effect),
            "p": each.p,
            "p_holm": each.p_holm,
            "source": each.claim.source,
        }
        for each in claim_rows(summary)
    ]
    found = summary.interaction
    return {
        "study": study.study,
        "preset": study.preset,
        "question": study.question,
        "answer": answer_of(summary),
        "notes": [*cautions_of(summary), *deviations_of(summary)],
        "next": next_step(summary),
        "metric": analysis.test_metric,
        "baseline": analysis.baseline.label,
        "arms": arms,
        "effects": effects,
        "interaction": None if found is None else {"of": found.of, "on": found.on, **_effect(found.finding.effect)},
        "claims": claims,
    }


def _mean(value: Estimate) -> dict[str, Any]:
    return {"mean": value.mean, "low": value.low, "high": value.high, "n": value.n}


def _effect(value: Effect) -> dict[str, Any]:
    return {**_mean(value), "p": value.p_value, "anytime_valid": value.sampling.is_anytime(value.n)}
