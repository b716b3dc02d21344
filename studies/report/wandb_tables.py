"""What a study found, as tables that W&B shows: claims, arms and runs, each a row."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from studies.evidence.summary import StudySummary
from studies.tracking import names

TEXT_LENGTH = 1000


@dataclass(frozen=True)
class ValueTable:
    """A table of values: texts, numbers, and None where there is none."""

    headings: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]


def claims(summary: StudySummary, source: str = "") -> ValueTable:
    """Return a row for each claim: the sentence, its verdict, and what carries it."""
    rows = [
        (
            _text(claim.sentence),
            finding.verdict,
            held,
            _text(finding.evidence),
            _number(finding.effect.mean),
            _number(finding.effect.low),
            _number(finding.effect.high),
            claim.threshold,
            summary.registration.is_exploratory(claim),
            _text(claim.cited(source)),
        )
        for (claim, finding), held in zip(summary.findings, summary.headline, strict=True)
    ]
    headings = ("claim", "verdict", "after Holm", "evidence", "effect", "low", "high", "threshold", "exploratory")
    return ValueTable((*headings, "source"), rows)


def arms(summary: StudySummary) -> ValueTable:
    """Return a row for each arm: what it reached on the test set, how it differs from the baseline, what it cost."""
    analysis = summary.analysis
    rows = []
    for each in summary.judged:
        result, compared = each.arm, each.comparison
        first = result.records.iloc[0].to_dict() if len(result.records) else {}
        effect = None if compared is None else compared.difference
        rows.append(
            (
                _text(result.label),
                result.arm.is_baseline,
                *(_number(value) for value in (each.mean.mean, each.mean.low, each.mean.high)),
                *(_number(getattr(effect, name, math.nan)) for name in ("mean", "low", "high")),
                None if compared is None else _number(compared.p_holm),
                result.planned,
                result.count("finished"),
                result.count("diverged"),
                result.missing,
                *(_number(first.get(name)) for name in ("parameters", "flops")),
                _number(result.estimate("seconds").mean),
            )
        )
    metric = analysis.test_metric
    headings = ("arm", "baseline", metric, f"{metric} low", f"{metric} high", "difference", "difference low")
    more = ("difference high", "p, Holm", "seeds", "finished", "diverged", "missing", "parameters", "flops", "seconds")
    return ValueTable((*headings, *more), rows)


def runs(summary: StudySummary) -> ValueTable:
    """Return a row for each run: its state, what it reached, and why where it has no result."""
    analysis = summary.analysis
    columns = ("arm", "seed", "state", analysis.test_metric, "diverged_at_step", "seconds", "error", "run")
    rows = [tuple(_value(row.get(name)) for name in columns) for row in analysis.records.to_dict("records")]
    return ValueTable(columns, rows)


def _text(text: str) -> str:
    return names.shortened(text, TEXT_LENGTH)


def _value(value: Any) -> Any:
    return _text(value) if isinstance(value, str) else None if pd.isna(value) else value


def _number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
