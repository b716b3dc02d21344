"""The usual tests of claims: one arm against another, a trend over levels, an interaction.

Each function returns a `Test`. Arms are named by a `Selector`: a label, or levels; where several arms have these
levels, the best of them on the validation split stands for them, as a tuned learning rate would: in each seed the one
that is best by the seeds before it.

All differences are paired by seed. A diverged run has the accuracy of guessing where accuracy is compared, or what the
study declares; of anything else it has no value, and then, as where a run is missing or a finished one lacks the
measurement, the verdict is inconclusive: what is left would be a selection. Nor is there a verdict where both sides
are at the floor or at the ceiling, where no difference can be seen.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from litmus.core.metrics import described, metric_of
from litmus.evidence.claims import ArmTest, Finding, Verdict, judge, judge_equivalence, judge_level
from litmus.evidence.differences import Parts, contrast
from litmus.evidence.estimate import Effect, Estimate, estimate
from litmus.evidence.results import Analysis, ArmResult, Metric, guessed
from litmus.evidence.sides import Selector, Side, arms_of, named, side_of
from litmus.evidence.units import Unit, level, unit_of

FLOOR, CEILING = 0.05, 0.999
"""A side is at the floor up to this share of the way from guessing to perfect, at the ceiling from this share on."""

RUNS_MISSING = "runs missing"
"""Why a verdict is withheld, as `Finding.withheld` says it."""

Judge = Callable[[Estimate], Verdict]


def more(metric: Metric, of: Selector, *, than: Selector, unit: Unit | None = None) -> ArmTest:
    """Test whether `metric` is higher in the arm `of` than in the arm `than`, by more than the claim's threshold."""
    written = unit or unit_of(metric)

    def test(analysis: Analysis, threshold: float) -> Finding:
        asked = f" To be shown: more than {written.size(threshold)}." if threshold else ""
        return _compared(analysis, metric, of, than, written, asked, lambda effect: judge(effect, threshold))

    return ArmTest(test, arms=(of, than), metrics=(metric,), name="more", unit=written)


def alike(metric: Metric, one: Selector, other: Selector, unit: Unit | None = None) -> ArmTest:
    """Test whether two arms differ in `metric` by less than the claim's threshold, which must be greater than zero."""
    written = unit or unit_of(metric)

    def test(analysis: Analysis, threshold: float) -> Finding:
        asked = f" To be shown: less than {written.size(threshold)} either way."
        return _compared(
            analysis, metric, one, other, written, asked, lambda effect: judge_equivalence(effect, threshold)
        )

    return ArmTest(test, arms=(one, other), metrics=(metric,), equivalence=True, name="alike", unit=written)


def exceeds(metric: Metric, arm: Selector, unit: Unit | None = None) -> ArmTest:
    """Test whether `metric` of the arm is above the claim's threshold."""
    written = unit or unit_of(metric)

    def test(analysis: Analysis, threshold: float) -> Finding:
        side = side_of(analysis, arm)
        if side is None:
            return absent(arm)
        effect = contrast(analysis, metric, [(1.0, side)])
        evidence = (
            f"{side.label}: {written.interval(effect)}, {effect.count}. To be shown: above {written.text(threshold)}."
        )
        return _finding(analysis, [side], metric, effect, evidence, lambda each: judge_level(each, threshold))

    return ArmTest(test, arms=(arm,), metrics=(metric,), name="exceeds", unit=written, level=True)


def near(metric: Metric, arm: Selector, value: float, unit: Unit | None = None) -> ArmTest:
    """Test whether `metric` of the arm is within the claim's threshold, greater than zero, of `value`."""
    written = unit or unit_of(metric)

    def test(analysis: Analysis, threshold: float) -> Finding:
        side = side_of(analysis, arm)
        if side is None:
            return absent(arm)
        effect = contrast(analysis, metric, [(1.0, side)])
        evidence = (
            f"{side.label}: {written.interval(effect)}, {effect.count}; claimed {written.text(value)} ± "
            f"{written.size(threshold)}."
        )

        def judged(each: Estimate) -> Verdict:
            shifted = Estimate(each.mean - value, each.low - value, each.high - value, each.n)
            return judge_equivalence(shifted, threshold)

        return _finding(analysis, [side], metric, effect, evidence, judged)

    return ArmTest(test, (arm,), (metric,), equivalence=True, name="near", unit=written, level=True, claimed=value)


def trend(
    metric: Metric, over: str, among: Selector | None = None, *, falling: bool = False, unit: Unit | None = None
) -> ArmTest:
    """Test whether `metric` rises with the factor `over` by more than the threshold from its lowest to highest level.

    With `falling`, whether it falls: the levels are taken from the highest to the lowest.

    The effect is a seed's least-squares slope over the levels' ranks, times the number of steps between them: equal to
    the difference where there are two levels.
    """
    written = unit or unit_of(metric)

    def test(analysis: Analysis, threshold: float) -> Finding:
        results = sorted(arms_of(analysis, among or {}), key=lambda result: result.arm.levels[over], reverse=falling)
        if len(results) < 2:
            return Finding("inconclusive", f"Fewer than two levels of {over}.")
        sides = [_only(result) for result in results]
        ranks = np.arange(len(results)) - (len(results) - 1) / 2
        weights = ranks / (ranks**2).sum() * (len(results) - 1)
        effect = contrast(analysis, metric, [(float(w), side) for w, side in zip(weights, sides, strict=True)])
        means = ", ".join(
            f"{level(result.arm.levels[over])}: {written.text(_mean(result.outcomes(metric)))}" for result in results
        )
        ends = "from highest to lowest" if falling else "from lowest to highest"
        evidence = f"By {over}: {means}; {ends} {written.difference(effect)}, {effect.count}."
        return _finding(analysis, sides, metric, effect, evidence, lambda each: judge(each, threshold), [sides])

    return ArmTest(test, arms=(among or {},), metrics=(metric,), factors=(over,), name="trend", unit=written)


def interaction(
    metric: Metric, of: tuple[Selector, Selector], *, than: tuple[Selector, Selector], unit: Unit | None = None
) -> ArmTest:
    """Test whether the first difference exceeds the second by more than the threshold: (of₀ − of₁) − (than₀ − than₁).

    Each pair is two arms: `of=(batch at depth 20, none at depth 20)` and `than` the same at depth 8, say. Where both
    arms of a pair are at the floor or at the ceiling their difference says nothing, and there is no verdict.
    """
    written = unit or unit_of(metric)

    def test(analysis: Analysis, threshold: float) -> Finding:
        sides = [side_of(analysis, selector) for selector in (*of, *than)]
        a, b, c, d = sides
        if a is None or b is None or c is None or d is None:
            return absent(next(s for s, side in zip((*of, *than), sides, strict=True) if side is None))
        signs: Parts = [(1.0, a), (-1.0, b), (-1.0, c), (1.0, d)]
        effect = contrast(analysis, metric, signs)
        first, second = (contrast(analysis, metric, [(1.0, x), (-1.0, y)]) for x, y in ((a, b), (c, d)))
        evidence = (
            f"{a.label} − {b.label}: {written.difference(first)}; {c.label} − {d.label}: "
            f"{written.difference(second)}; difference of the two {written.difference(effect)}, {effect.count}."
        )
        groups = [[a, b], [c, d]]
        return _finding(analysis, [a, b, c, d], metric, effect, evidence, lambda each: judge(each, threshold), groups)

    return ArmTest(test, arms=(*of, *than), metrics=(metric,), name="interaction", unit=written)


def _only(result: ArmResult) -> Side:
    return Side(dict.fromkeys(result.arm.runs, result))


def _compared(
    analysis: Analysis, metric: Metric, of: Selector, than: Selector, unit: Unit, asked: str, judged: Judge
) -> Finding:
    first, second = side_of(analysis, of), side_of(analysis, than)
    if first is None or second is None:
        return absent(of if first is None else than)
    effect = contrast(analysis, metric, [(1.0, first), (-1.0, second)])
    mine, other = (estimate(list(side.outcomes(metric).values())) for side in (first, second))
    evidence = (
        f"{first.label}: {unit.interval(mine)}; {second.label}: {unit.interval(other)}; paired difference "
        f"{unit.difference(effect)}, {effect.count}.{asked}"
    )
    sides = [first, second]
    return _finding(analysis, sides, metric, effect, evidence, judged, [sides])


def _finding(
    analysis: Analysis,
    sides: Sequence[Side],
    metric: Metric,
    effect: Effect,
    evidence: str,
    judged: Judge,
    groups: Sequence[Sequence[Side]] = (),
) -> Finding:
    """Return the finding on an effect; `groups` are sides that cannot differ where all are at the floor or ceiling."""
    missing = missing_runs(sides)
    withheld = RUNS_MISSING if missing else ""
    measured = described(metric) if isinstance(metric, str) else ""
    if measured:
        evidence = f"{measured[0].upper()}{measured[1:]}. {evidence}"
    results = _distinct(sides)
    diverged = sum(result.count("diverged") for result in results)
    if diverged:
        counted = guessed(metric)
        evidence += f" {diverged} of these runs diverged" + (f", {_counted(analysis)}." if counted else ".")
        withheld = withheld or ("" if counted else "runs diverged")
    unmeasured = sum(result.count("finished") - len(result.values(metric)) for result in results)
    if unmeasured:
        evidence += f" {unmeasured} finished runs have no such measurement{_since(metric)}."
        withheld = withheld or "not measured"
    if effect.n > 1 and math.isnan(effect.low):
        evidence += " The seeds show no spread that this could be held against."
    where = next((place for group in groups if (place := _saturated(analysis, metric, group))), "")
    if where:
        evidence += f" {where}, where no difference can be seen."
        withheld = withheld or ("at the floor" if "floor" in where else "at the ceiling")
    return judged_finding(effect, judged, evidence + missing, withheld=withheld)


def judged_finding(effect: Effect, judged: Judge, evidence: str, *, withheld: str = "") -> Finding:
    """Return the finding that `judged` makes of an effect: inconclusive where the verdict is `withheld`, with why."""
    verdict = "inconclusive" if withheld else judged(effect)
    if verdict == "inconclusive":
        return Finding(verdict, evidence, effect, withheld=withheld)
    # As intervals shrink to a point below zero, one that was below the threshold comes to lie beyond zero.
    standing = ("smaller", "opposite") if verdict == "smaller" else (verdict,)
    return Finding(verdict, evidence, effect, effect.smallest_alpha(lambda each: judged(each) in standing))


def missing_runs(sides: Sequence[Side]) -> str:
    """Return how many runs of these sides have no result, as a sentence; empty where none lacks it."""
    results = _distinct(sides)
    missing = sum(result.missing for result in results)
    return f" {missing} of {sum(result.planned for result in results)} runs have no result yet." if missing else ""


def absent(selector: Selector) -> Finding:
    """Return the finding where there is nothing to compare."""
    return Finding("inconclusive", f"No finished run with {named(selector)}.")


def _distinct(sides: Sequence[Side]) -> list[ArmResult]:
    return list({id(result): result for side in sides for result in side.results}.values())


def _counted(analysis: Analysis) -> str:
    value = analysis.study.diverged_value
    return "counted as guessing" if value is None else f"counted as {100 * value:g} %, as the study declares"


def _since(metric: Metric) -> str:
    if isinstance(metric, str) and metric.startswith("fit_"):
        return ": an earlier version, which recorded them, made no pass over the training images at the end"
    return ""


def _saturated(analysis: Analysis, metric: Metric, sides: Sequence[Side]) -> str:
    """Return where the means of all sides are, the floor or the ceiling of a share, as a sentence's beginning."""
    known = metric_of(metric) if isinstance(metric, str) else None
    if known is None or known.scale != "share":
        return ""
    values = [list(side.outcomes(metric).values()) for side in sides]
    if not all(values):
        return ""
    both = "Both are" if len(sides) == 2 else "All are"
    if guessed(metric) and all(np.mean(each) <= analysis.chance + FLOOR * (1 - analysis.chance) for each in values):
        return f"{both} at the floor, less than {100 * FLOOR:g} % of the way from guessing to perfect"
    if all(np.mean(each) >= CEILING for each in values):
        return f"{both} at the ceiling, {100 * CEILING:g} % or more"
    return ""


def _mean(values: Mapping[int, float]) -> float:
    return float(np.mean(list(values.values()))) if values else math.nan
