"""The first picture of a report: the effects that its claims and arms are judged by, on one axis for each unit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from litmus.evidence.claims import ArmTest, Claim, Finding
from litmus.evidence.estimate import Estimate
from litmus.evidence.factorial import contributions
from litmus.evidence.family import corrected
from litmus.evidence.results import Analysis
from litmus.evidence.summary import StudySummary
from litmus.evidence.units import NUMBER, LogRatio, Unit
from litmus.report.answer import ended
from litmus.report.tables import p_text

SIGNIFICANCE = 0.05
FIRST = 8
"""Rows of a group that are shown at once; of more, those without a verdict that lie in the middle on a click."""


@dataclass(frozen=True)
class Row:
    """One effect: what it is of, its text, its verdict in a word, and the class of that word's colour.

    `zone` is where the effect must lie for a claim to stand, in the records' unit; None where no claim is made.
    """

    label: str
    estimate: Estimate
    text: str
    verdict: str
    kind: str
    note: str = ""
    zone: tuple[float, float] | None = None
    level: bool = False


@dataclass(frozen=True)
class Mark:
    """A row's places on the axis, in per cent of its width; NaN ends are no interval.

    `cut_low` and `cut_high` say that the interval goes on beyond the axis, `beyond` that the mean lies below (−1) or
    above (1) its ends.
    """

    mean: float
    low: float
    high: float
    zone: tuple[float, float] | None
    threshold: float | None
    cut_low: bool
    cut_high: bool
    beyond: int = 0

    @property
    def has_interval(self) -> bool:
        """Whether the seeds leave an interval."""
        return not math.isnan(self.low)


@dataclass(frozen=True)
class Tick:
    """A labelled place of the axis, in per cent of its width."""

    place: float
    label: str


@dataclass(frozen=True)
class Group:
    """Rows that share an axis."""

    title: str
    unit: str
    rows: Sequence[tuple[Row, Mark]]
    ticks: Sequence[Tick]
    zero: float | None

    @property
    def first(self) -> Sequence[tuple[Row, Mark]]:
        """The rows that are shown at once: all that have a verdict or a note, then those at the ends."""
        return [pair for index, pair in enumerate(self.rows) if index in self._shown]

    @property
    def others(self) -> Sequence[tuple[Row, Mark]]:
        """The rows that are shown on a click."""
        return [pair for index, pair in enumerate(self.rows) if index not in self._shown]

    @property
    def _shown(self) -> set[int]:
        shown = {index for index, (row, _) in enumerate(self.rows) if row.kind != "inconclusive" or row.note}
        middle = (len(self.rows) - 1) / 2
        outwards = sorted(range(len(self.rows)), key=lambda index: -abs(index - middle))
        rest = [index for index in outwards if index not in shown]
        return shown | set(rest[: max(0, FIRST - len(shown))])


def forest(summary: StudySummary) -> list[Group]:
    """Return the groups of the forest plot: the claims by unit, then the ingredients of a design, or the arms."""
    groups: list[Group] = []
    claims: dict[tuple[str, str], list[tuple[Row, Unit]]] = {}
    for (claim, finding), verdict, p_holm in zip(
        summary.findings, summary.headline, corrected(summary.findings), strict=True
    ):
        row = _claim_row(claim, finding, verdict, p_holm)
        axis = claim.unit.name if row.level else claim.unit.difference_name
        claims.setdefault((axis, "levels" if row.level else "effects"), []).append((row, claim.unit))
    for rows in claims.values():
        groups.append(group_of("" if groups else "Claims", "", [row for row, _ in rows], rows[0][1]))
    arms = _ingredients(summary.analysis) or _arms(summary)
    if arms:
        title = "What each ingredient adds" if _ingredients(summary.analysis) else "Arms, to the baseline"
        groups.append(group_of(title, _axis_name(summary.analysis), arms, summary.analysis.unit))
    return groups


def _axis_name(analysis: Analysis) -> str:
    return f"{analysis.unit.difference_name} of test {analysis.metric_name}".removeprefix(" of ")


def _claim_row(claim: Claim, finding: Finding, verdict: str, p_holm: float) -> Row:
    test = claim.test if isinstance(claim.test, ArmTest) else None
    effect, level = finding.effect, test is not None and test.level
    text = (claim.unit.interval(effect) if level else claim.unit.difference(effect)) if effect.n else "–"
    word = finding.withheld if finding.withheld and verdict == "inconclusive" else verdict
    note = _lost_to_holm(p_holm) if verdict != finding.verdict else ""
    return Row(claim.sentence, effect, text, word, verdict, note, _zone(claim, test), level)


def _zone(claim: Claim, test: ArmTest | None) -> tuple[float, float]:
    if test is not None and test.equivalence:
        middle = 0.0 if math.isnan(test.claimed) else test.claimed
        return middle - claim.threshold, middle + claim.threshold
    # The threshold of a claim about speed is a gain: 0.5 is half as fast again.
    threshold = math.log1p(claim.threshold) if test is not None and test.name == "sooner" else claim.threshold
    return threshold, math.inf


def _ingredients(analysis: Analysis) -> list[Row]:
    found = sorted(contributions(analysis, analysis.test_metric), key=lambda each: -_sortable(each.effect.mean))
    return [
        Row(
            each.ingredient.name,
            each.effect,
            analysis.unit.signed(each.effect),
            *_word(each.effect, each.p_holm, analysis.higher_is_better),
        )
        for each in found
    ]


def _arms(summary: StudySummary) -> list[Row]:
    unit, better = summary.analysis.unit, summary.analysis.higher_is_better
    rows = []
    for each in summary.judged:
        if each.comparison is None:
            continue
        effect, diverged = each.comparison.difference, each.arm.count("diverged")
        text = unit.signed(effect)
        p_holm = each.comparison.p_holm
        notes = [f"{diverged} of {ended(each.arm)} diverged"] if diverged else []
        if effect.excludes_zero and not p_holm < SIGNIFICANCE:
            notes.append(_lost_to_holm(p_holm))
        rows.append(Row(each.arm.label, effect, text, *_word(effect, p_holm, better), note=", ".join(notes)))
    return sorted(rows, key=lambda row: -_sortable(row.estimate.mean))


def _lost_to_holm(p_holm: float) -> str:
    """Return why an interval that excludes zero by itself is no verdict."""
    return f"p Holm {p_text(p_holm)}"


def _word(effect: Estimate, p_value: float, higher_is_better: bool) -> tuple[str, str]:
    """Return what is shown of an effect, in a word, and the class of its colour."""
    if not effect.n:
        return "no result", "inconclusive"
    if not p_value < SIGNIFICANCE:
        return "inconclusive", "inconclusive"
    return ("better", "supported") if (effect.mean > 0) == higher_is_better else ("worse", "opposite")


def _sortable(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def group_of(title: str, axis: str, rows: Sequence[Row], unit: Unit = NUMBER) -> Group:
    """Return rows with their places on an axis that most of them fit on."""
    low, high = _span(rows, unit)

    def place(value: float) -> float:
        return round(100 * (min(max(value, low), high) - low) / (high - low), 2)

    def mark(row: Row) -> Mark:
        each = row.estimate
        zone = None if row.zone is None else (place(row.zone[0]), place(row.zone[1]))
        threshold = None
        if row.zone is not None and (row.level or row.zone[0]) and low <= row.zone[0] <= high:
            threshold = place(row.zone[0])
        if not each.n or not math.isfinite(each.mean):
            return Mark(math.nan, math.nan, math.nan, zone, threshold, False, False)
        bottom, top = _ends(row, unit)
        ends = (place(bottom), place(top)) if not math.isnan(bottom) else (math.nan, math.nan)
        beyond = -1 if each.mean < low else 1 if each.mean > high else 0
        return Mark(place(each.mean), *ends, zone, threshold, bottom < low, top > high, beyond)

    ticks = [Tick(place(value), unit.tick(value)) for value in _ticks(low, high, unit)]
    return Group(title, axis, [(row, mark(row)) for row in rows], ticks, place(0.0) if low <= 0 <= high else None)


def _ends(row: Row, unit: Unit) -> tuple[float, float]:
    """Return the ends of a row's interval within what is possible, as its text has them; NaN where there is none."""
    low, high = row.estimate.low, row.estimate.high
    if not math.isfinite(high - low):
        return math.nan, math.nan
    widest = unit.highest - unit.lowest
    lowest, highest = (unit.lowest, unit.highest) if row.level else (-widest, widest)
    return max(low, lowest), min(high, highest)


def _span(rows: Sequence[Row], unit: Unit) -> tuple[float, float]:
    """Return the ends of the axis: what most rows need. A row far off, as of runs that diverged, lies beyond an end,
    and an interval so wide that nothing else could be seen goes on beyond it.
    """
    means = [row.estimate.mean for row in rows if row.estimate.n and math.isfinite(row.estimate.mean)]
    fixed = [*(0.0 for row in rows if not row.level)]
    fixed += [end for row in rows if row.zone is not None for end in row.zone if math.isfinite(end)]
    if not means:
        return min([*fixed, -1.0]), max([*fixed, 1.0])
    middle = 0.0 if not rows[0].level else float(np.median([*means, *fixed]))
    needed = [abs(mean - middle) for mean in means]
    halves = [(row.estimate.high - row.estimate.low) / 2 for row in rows if math.isfinite(row.estimate.high)]
    usual = max(float(np.median(needed)), float(np.median(halves)) if halves else 0.0)
    reach = max([4 * usual, *(1.2 * abs(each - middle) for each in fixed)]) or max(needed) or 1.0
    ends = [end for row in rows for end in _ends(row, unit) if math.isfinite(end)]
    low = max(min([*means, *fixed, *ends]), middle - reach)
    high = min(max([*means, *fixed, *ends]), middle + reach)
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _ticks(low: float, high: float, unit: Unit) -> list[float]:
    """Return three to six round values between the ends, round in the unit that is read."""
    if isinstance(unit, LogRatio):
        doublings = [power * math.log(2) for power in range(-12, 13) if low <= power * math.log(2) <= high]
        return doublings[:: max(1, math.ceil(len(doublings) / 6))]
    factor = unit.factor
    span = (high - low) * factor
    step = 10 ** math.floor(math.log10(span / 3))
    for times in (5, 2):
        if span / (step * times) >= 3:
            step *= times
            break
    first, last = math.ceil(low * factor / step), math.floor(high * factor / step)
    return [number * step / factor for number in range(first, last + 1)]
