"""The forest plot at the head of a report: the effects of its claims and arms, on one axis for each unit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from litmus.evidence.differences import contributions
from litmus.evidence.estimate import ALPHA, Estimate
from litmus.evidence.results import Analysis, how_failed
from litmus.evidence.summary import StudySummary
from litmus.evidence.units import LogRatio, Unit
from litmus.report.claims import NOT_AFTER_HOLM, ClaimRow
from litmus.report.tables import p_text

MOST_ROWS = 8
"""Rows of a group that are shown at once; of more, inconclusive ones in the middle are shown on a click."""


@dataclass(frozen=True)
class Row:
    """One effect: what it is of, its text, its verdict in a word, and the class of that word's colour.

    `zone` is where the effect must lie for a claim to be supported, in the records' unit; None without a claim. `level`
    says that the effect is a level and not a difference, so that zero means nothing. `primary` marks a primary claim
    among others.
    """

    label: str
    estimate: Estimate
    text: str
    verdict: str
    kind: str
    note: str = ""
    zone: tuple[float, float] | None = None
    level: bool = False
    primary: bool = False


@dataclass(frozen=True)
class Mark:
    """A row's places on the axis, in per cent of its width; below 0 and above 100 they lie beyond its ends.

    `mean` is NaN without an effect, `low` and `high` without an interval.
    """

    mean: float
    low: float
    high: float
    zone: tuple[float, float] | None
    threshold: float | None


@dataclass(frozen=True)
class Group:
    """Rows on one axis: what they are, what the axis is called, and the effects' unit."""

    title: str
    axis: str
    rows: Sequence[Row]
    unit: Unit

    @cached_property
    def _ends(self) -> tuple[float, float]:
        return _span(self.rows, self.unit)

    def _place(self, value: float) -> float:
        low, high = self._ends
        return round(100 * (value - low) / (high - low), 2)

    def mark(self, row: Row) -> Mark:
        """Return a row's places."""
        (low, high), zone, threshold = self._ends, None, None
        if row.zone is not None:
            zone = self._place(max(row.zone[0], low)), self._place(min(row.zone[1], high))
            threshold = self._place(row.zone[0]) if row.level or row.zone[0] else None
        mean = row.estimate.mean if row.estimate.n and math.isfinite(row.estimate.mean) else math.nan
        bottom, top = _interval(row, self.unit)
        return Mark(self._place(mean), self._place(bottom), self._place(top), zone, threshold)

    @property
    def first(self) -> list[Row]:
        """The rows that are shown at once: with a verdict or a note, then from both ends inwards."""
        shown = {index for index, row in enumerate(self.rows) if row.kind != "inconclusive" or row.note}
        middle = (len(self.rows) - 1) / 2
        rest = sorted(set(range(len(self.rows))) - shown, key=lambda index: -abs(index - middle))
        shown |= set(rest[: max(0, MOST_ROWS - len(shown))])
        return [self.rows[index] for index in sorted(shown)]

    @property
    def others(self) -> list[Row]:
        """The rows that are shown on a click."""
        first = {id(row) for row in self.first}
        return [row for row in self.rows if id(row) not in first]

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """The ticks of the axis as (place, label)."""
        return [(self._place(value), self.unit.tick(value)) for value in _ticks(*self._ends, self.unit)]

    @property
    def zero(self) -> float | None:
        """The place of zero; None where it is beyond the axis."""
        return self._place(0.0) if self._ends[0] <= 0 <= self._ends[1] else None


def forest(summary: StudySummary, claims: Sequence[ClaimRow]) -> list[Group]:
    """Return the groups of the forest plot: the claims by unit, then the ingredients of a design, or the arms."""
    return [*claim_groups(claims), *arm_groups(summary)]


def claim_groups(claims: Sequence[ClaimRow]) -> list[Group]:
    """Return the claims, those in the same unit together; primary ones are marked where there are others."""
    by_unit: dict[tuple[str, bool], list[ClaimRow]] = {}
    for each in claims:
        unit = each.claim.unit
        by_unit.setdefault((unit.name if each.is_level else unit.difference_name, each.is_level), []).append(each)
    marked = len({each.role for each in claims}) > 1
    return [
        Group("" if index else "Claims", "", [_claim(each, marked) for each in alike], alike[0].claim.unit)
        for index, alike in enumerate(by_unit.values())
    ]


def arm_groups(summary: StudySummary) -> list[Group]:
    """Return the ingredients of a design, or the arms, with the interaction of a 2×2 product before them."""
    analysis = summary.analysis
    axis = f"{analysis.unit.difference_name} of {analysis.test_name}".removeprefix(" of ")
    if ingredients := _ingredients(analysis):
        return [Group("What each ingredient adds", axis, ingredients, analysis.unit)]
    arms = _arms(summary)
    return [Group("Arms, to the baseline", axis, arms, analysis.unit)] if arms else []


def _claim(each: ClaimRow, marked: bool) -> Row:
    finding, note = each.finding, ""
    if each.word == NOT_AFTER_HOLM:
        note = f"{finding.verdict} before Holm's correction, p {p_text(each.p_holm)} after it"
    return Row(
        each.claim.sentence,
        finding.effect,
        each.effect or "–",
        each.word,
        each.verdict,
        note,
        each.claim.region,
        each.is_level,
        marked and each.primary,
    )


def _ingredients(analysis: Analysis) -> list[Row]:
    unit, better = analysis.unit, analysis.higher_is_better
    found = contributions(analysis, analysis.test_metric)
    rows = [
        Row(name, effect, unit.signed(effect), *verdict_on(effect, p_holm, better, len(found)))
        for name, effect, p_holm in ((each.ingredient.name, each.effect, each.p_holm) for each in found)
    ]
    return sorted(rows, key=_largest_first)


def _arms(summary: StudySummary) -> list[Row]:
    unit, better = summary.analysis.unit, summary.analysis.higher_is_better
    rows = []
    for each in summary.judged:
        if each.comparison is None:
            continue
        compared = each.comparison
        word, kind, note = verdict_on(compared.difference, compared.p_holm, better, compared.comparisons)
        failed = how_failed([each.arm], f" of {each.arm.ended}") if each.arm.failed else ""
        text = unit.signed(compared.difference)
        rows.append(Row(each.arm.label, compared.difference, text, word, kind, ", ".join(filter(None, (failed, note)))))
    rows.sort(key=_largest_first)
    if (found := summary.interaction) is not None:
        finding = found.finding
        signs = {"supported": "positive", "opposite": "negative"}
        word = finding.withheld or signs.get(finding.verdict, finding.verdict)
        kind = "inconclusive" if finding.verdict == "inconclusive" else "supported"
        name = f"Interaction of {found.of} and {found.on}"
        rows.insert(0, Row(name, finding.effect, unit.signed(finding.effect), word, kind))
    return rows


def verdict_on(effect: Estimate, p_holm: float, higher_is_better: bool, comparisons: int) -> tuple[str, str, str]:
    """Return the verdict on an effect in a word, the class of that word's colour, and what else is to be said of it."""
    if not effect.n:
        return "no result", "inconclusive", ""
    better = (effect.mean > 0) == higher_is_better
    if p_holm < ALPHA:
        return ("better", "supported", "") if better else ("worse", "opposite", "")
    if not effect.excludes_zero or comparisons < 2:
        return "inconclusive", "inconclusive", ""
    before = "better" if better else "worse"
    note = f"{before} before Holm's correction, p {p_text(p_holm)} after it"
    return NOT_AFTER_HOLM, "inconclusive", note


def _largest_first(row: Row) -> float:
    return math.inf if math.isnan(row.estimate.mean) else -row.estimate.mean


def _interval(row: Row, unit: Unit) -> tuple[float, float]:
    """Return the ends of a row's interval within what is possible, as its text has them; NaN where there is none."""
    low, high = row.estimate.low, row.estimate.high
    if not row.estimate.n or not math.isfinite(high - low):
        return math.nan, math.nan
    widest = unit.highest - unit.lowest
    lowest, highest = (unit.lowest, unit.highest) if row.level else (-widest, widest)
    return max(low, lowest), min(high, highest)


def _span(rows: Sequence[Row], unit: Unit) -> tuple[float, float]:
    """Return the ends of the axis: what most rows need.

    A row far off, as of runs that diverged, lies beyond an end, and an interval so wide that nothing else could be seen
    goes on beyond it.
    """
    means = [row.estimate.mean for row in rows if row.estimate.n and math.isfinite(row.estimate.mean)]
    fixed = [0.0 for row in rows if not row.level]
    fixed += [end for row in rows if row.zone is not None for end in row.zone if math.isfinite(end)]
    if not means:
        return min([*fixed, -1.0]), max([*fixed, 1.0])
    middle = 0.0 if not rows[0].level else float(np.median([*means, *fixed]))
    distances = [abs(mean - middle) for mean in means]
    halves = [(row.estimate.high - row.estimate.low) / 2 for row in rows if math.isfinite(row.estimate.high)]
    usual = max(float(np.median(distances)), float(np.median(halves)) if halves else 0.0)
    reach = max([4 * usual, *(1.2 * abs(each - middle) for each in fixed)]) or max(distances) or 1.0
    ends = [*means, *fixed, *(end for row in rows for end in _interval(row, unit) if math.isfinite(end))]
    low, high = max(min(ends), middle - reach), min(max(ends), middle + reach)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _ticks(low: float, high: float, unit: Unit) -> list[float]:
    """Return three to six values between the ends that are round in the unit that is read."""
    if isinstance(unit, LogRatio):
        doublings = [power * math.log(2) for power in range(-12, 13) if low <= power * math.log(2) <= high]
        return doublings[:: max(1, math.ceil(len(doublings) / 6))]
    span = (high - low) * unit.factor
    step = 10 ** math.floor(math.log10(span / 3))
    step *= next((times for times in (5, 2) if span / (step * times) >= 3), 1)
    first, last = math.ceil(low * unit.factor / step), math.floor(high * unit.factor / step)
    return [number * step / unit.factor for number in range(first, last + 1)]
