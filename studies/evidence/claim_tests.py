"""The usual tests of claims: one arm against another, a trend over levels, an interaction, learning speed.

Each function returns a `Test`. Arms are named by a `Selector`: a label, or levels; where several arms have these
levels, the best of them on the validation split stands for them, as a tuned learning rate would.

All differences are paired by seed. A diverged run has the accuracy of guessing where accuracy is compared; of anything
else it has no value, and then, as where a run is missing or a finished one lacks the measurement, the verdict is
inconclusive: what is left would be a selection.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from litmus.metrics import metric_of
from studies.evidence.claims import ArmTest, Finding, Selector, Test, Verdict, judge, judge_equivalence
from studies.evidence.estimate import Estimate, estimate, paired_difference
from studies.evidence.results import Analysis, ArmResult, Metric, steps_to_reach
from studies.evidence.units import Unit, level, percent, unit_of
from studies.records.arm_label import arm_label


def more(metric: Metric, of: Selector, *, than: Selector, unit: Unit | None = None) -> Test:
    """Test whether `metric` is higher in the arm `of` than in the arm `than`, by more than the claim's threshold."""
    written = unit or unit_of(metric)

    def test(analysis: Analysis, threshold: float) -> Finding:
        asked = f" To be shown: more than {written.size(threshold)}." if threshold else ""
        return _compared(analysis, metric, of, than, written, asked, lambda effect: judge(effect, threshold))

    return ArmTest(test, arms=(of, than), metrics=(metric,))


def alike(metric: Metric, one: Selector, other: Selector, unit: Unit | None = None) -> Test:
    """Test whether two arms differ in `metric` by less than the claim's threshold, which must be greater than zero."""
    written = unit or unit_of(metric)

    def test(analysis: Analysis, threshold: float) -> Finding:
        asked = f" To be shown: less than {written.size(threshold)} either way."
        return _compared(
            analysis, metric, one, other, written, asked, lambda effect: judge_equivalence(effect, threshold)
        )

    return ArmTest(test, arms=(one, other), metrics=(metric,), equivalence=True)


def exceeds(metric: Metric, arm: Selector, unit: Unit | None = None) -> Test:
    """Test whether `metric` of the arm is above the claim's threshold."""
    written = unit or unit_of(metric)

    def test(analysis: Analysis, threshold: float) -> Finding:
        result = choose(analysis, arm)
        if result is None:
            return _absent(arm)
        effect = estimate(list(values_of(analysis, result, metric).values()))
        evidence = (
            f"{result.label}: {written.interval(effect)}, n = {effect.n}. To be shown: above {written.text(threshold)}."
        )
        return _finding(analysis, [result], metric, effect, evidence, judge(effect, threshold))

    return ArmTest(test, arms=(arm,), metrics=(metric,))


def near(metric: Metric, arm: Selector, value: float, unit: Unit | None = None) -> Test:
    """Test whether `metric` of the arm is within the claim's threshold, greater than zero, of `value`."""
    written = unit or unit_of(metric)

    def test(analysis: Analysis, threshold: float) -> Finding:
        result = choose(analysis, arm)
        if result is None:
            return _absent(arm)
        values = values_of(analysis, result, metric)
        effect = estimate([each - value for each in values.values()])
        evidence = (
            f"{result.label}: {written.interval(estimate(list(values.values())))}, n = {effect.n}; claimed "
            f"{written.text(value)} ± {written.size(threshold)}."
        )
        return _finding(analysis, [result], metric, effect, evidence, judge_equivalence(effect, threshold))

    return ArmTest(test, arms=(arm,), metrics=(metric,), equivalence=True)


def trend(
    metric: Metric, over: str, among: Selector | None = None, *, falling: bool = False, unit: Unit | None = None
) -> Test:
    """Test whether `metric` rises with the factor `over` by more than the threshold from its lowest to highest level.

    With `falling`, whether it falls: the levels are taken from the highest to the lowest.

    The effect is a seed's least-squares slope over the levels' ranks, times the number of steps between them: equal to
    the difference where there are two levels.
    """
    written = unit or unit_of(metric)

    def test(analysis: Analysis, threshold: float) -> Finding:
        results = sorted(_all(analysis, among or {}), key=lambda result: result.arm.levels[over], reverse=falling)
        if len(results) < 2:
            return Finding("inconclusive", f"Fewer than two levels of {over}.")
        values = [values_of(analysis, result, metric) for result in results]
        ranks = np.arange(len(results)) - (len(results) - 1) / 2
        weights = ranks / (ranks**2).sum() * (len(results) - 1)
        seeds = sorted(set.intersection(*(set(each) for each in values)))
        effect = estimate([float(sum(w * each[s] for w, each in zip(weights, values, strict=True))) for s in seeds])
        means = ", ".join(
            f"{level(result.arm.levels[over])}: {written.text(_mean(each))}"
            for result, each in zip(results, values, strict=True)
        )
        ends = "from highest to lowest" if falling else "from lowest to highest"
        evidence = f"By {over}: {means}; {ends} {written.difference(effect)}, n = {effect.n}."
        return _finding(analysis, results, metric, effect, evidence, judge(effect, threshold))

    return ArmTest(test, arms=(among or {},), metrics=(metric,), factors=(over,))


def interaction(
    metric: Metric, of: tuple[Selector, Selector], *, than: tuple[Selector, Selector], unit: Unit | None = None
) -> Test:
    """Test whether the first difference exceeds the second by more than the threshold: (of₀ − of₁) − (than₀ − than₁).

    Each pair is two arms: `of=(batch at depth 20, none at depth 20)` and `than` the same at depth 8, say.
    """
    written = unit or unit_of(metric)

    def test(analysis: Analysis, threshold: float) -> Finding:
        results = [choose(analysis, selector) for selector in (*of, *than)]
        found = [result for result in results if result is not None]
        if len(found) < len(results):
            return _absent(next(s for s, result in zip((*of, *than), results, strict=True) if result is None))
        a, b, c, d = (values_of(analysis, result, metric) for result in found)
        effect = estimate([a[s] - b[s] - (c[s] - d[s]) for s in sorted(a.keys() & b.keys() & c.keys() & d.keys())])
        first, second = paired_difference(a, b), paired_difference(c, d)
        evidence = (
            f"{found[0].label} − {found[1].label}: {written.difference(first)}; {found[2].label} − {found[3].label}: "
            f"{written.difference(second)}; difference of the two {written.difference(effect)}, n = {effect.n}."
        )
        return _finding(analysis, found, metric, effect, evidence, judge(effect, threshold))

    return ArmTest(test, arms=(*of, *than), metrics=(metric,))


def higher_limit(factor: str, of: Selector, *, than: Selector) -> Test:
    """Test whether the arms `of` train in every seed up to a higher level of the numeric `factor` than those of `than`.

    Trained means halfway from chance to the study's best arm. There is no interval: the limit is one number a study.
    """

    def test(analysis: Analysis, threshold: float) -> Finding:
        limits = []
        for selector in (of, than):
            arms = _all(analysis, selector)
            if not arms:
                return _absent(selector)
            limits.append(max((result.arm.levels[factor] for result in arms if analysis.trains(result)), default=0.0))
        evidence = (
            f"Largest {factor} at which every seed ends above {percent(analysis.training_threshold)} on the validation "
            f"split (halfway from chance to the best arm): {level(limits[0])} with {_named(of)}, "
            f"{level(limits[1])} with {_named(than)}."
        )
        missing = _missing(_all(analysis, of) + _all(analysis, than))
        if missing or limits[0] == limits[1]:
            return Finding("inconclusive", evidence + missing)
        return Finding("supported" if limits[0] > limits[1] else "contradicted", evidence)

    return ArmTest(test, arms=(of, than), factors=(factor,))


def sooner(of: Selector, *, than: Selector) -> Test:
    """Test whether the arm `of` needs fewer steps than `than` to the validation accuracy at which `than` ends.

    The effect is the logarithm of the ratio of steps, seed by seed: times are compared by their ratio, as the papers do
    ("14 times fewer steps"). The claim's threshold is the gain that must be exceeded, 0.5 for half as fast again. A run
    that never got there counts with all the steps that it had, which understates what it needed; no verdict may rest on
    such a bound in its own favour.
    """

    def test(analysis: Analysis, threshold: float) -> Finding:
        fast, slow = choose(analysis, of), choose(analysis, than)
        if fast is None or slow is None:
            return _absent(of if fast is None else than)
        target = slow.estimate(analysis.val_metric).mean
        if math.isnan(target):
            return Finding("inconclusive", f"No run of {slow.label} finished.")
        reached = {
            seed: tuple(steps_to_reach(each.curves[seed], target, analysis.val_metric) for each in (fast, slow))
            for seed in sorted(fast.curves.keys() & slow.curves.keys())
        }
        budget = max(int(curve["step"].max()) for result in (fast, slow) for curve in result.curves.values())
        pairs = [(mine or budget, other or budget) for mine, other in reached.values() if mine or other]
        evidence = (
            f"Steps to {percent(target)} on the validation split, where {slow.label} ends on average, by seed, "
            f"{fast.label} against it: " + "; ".join(f"{_steps(mine)} and {_steps(o)}" for mine, o in reached.values())
        )
        if len(pairs) < 2:
            return Finding("inconclusive", evidence + ". Too few pairs reached it.")
        ratio = estimate([math.log(other / mine) for mine, other in pairs])
        verdict = judge(ratio, math.log1p(threshold))
        mean, low, high = (f"{math.exp(value):.2f}" for value in (ratio.mean, ratio.low, ratio.high))
        evidence += f"; {mean} times as fast [{low}, {high}], n = {ratio.n}."
        favoured = [mine if verdict == "supported" else other for mine, other in reached.values()]
        missing = _missing([fast, slow])
        return Finding("inconclusive" if None in favoured or missing else verdict, evidence + missing, ratio)

    return ArmTest(test, arms=(of, than))


def choose(analysis: Analysis, selector: Selector) -> ArmResult | None:
    """Return the arm that `selector` names, the best on the validation split of several; None where there is none."""
    results = _all(analysis, selector)
    return results[0] if len(results) == 1 else analysis.best(results)


def guessed(metric: Metric) -> bool:
    """Whether a diverged run has the value of guessing in `metric`: where it is an accuracy."""
    known = metric_of(metric) if isinstance(metric, str) else None
    return known is not None and known.guessing


def values_of(analysis: Analysis, result: ArmResult, metric: Metric) -> dict[int, float]:
    """Return `metric` by seed; where it is an accuracy, a diverged run has that of guessing."""
    values = result.values(metric)
    if guessed(metric):
        values.update(dict.fromkeys(result.seeds("diverged"), analysis.chance))
    return values


def _compared(
    analysis: Analysis,
    metric: Metric,
    of: Selector,
    than: Selector,
    unit: Unit,
    asked: str,
    judged: Callable[[Estimate], Verdict],
) -> Finding:
    first, second = choose(analysis, of), choose(analysis, than)
    if first is None or second is None:
        return _absent(of if first is None else than)
    mine, other = values_of(analysis, first, metric), values_of(analysis, second, metric)
    effect = paired_difference(mine, other)
    evidence = (
        f"{first.label}: {unit.interval(estimate(list(mine.values())))}; {second.label}: "
        f"{unit.interval(estimate(list(other.values())))}; paired difference {unit.difference(effect)}, "
        f"n = {effect.n}.{asked}"
    )
    return _finding(analysis, [first, second], metric, effect, evidence, judged(effect))


def _finding(
    analysis: Analysis,
    results: Sequence[ArmResult],
    metric: Metric,
    effect: Estimate,
    evidence: str,
    verdict: Verdict,
) -> Finding:
    missing = _missing(results)
    partial = bool(missing)
    diverged = sum(result.count("diverged") for result in results)
    if diverged:
        counted = guessed(metric)
        evidence += f" {diverged} of these runs diverged" + (", counted as guessing." if counted else ".")
        partial |= not counted
    unmeasured = sum(result.count("finished") - len(result.values(metric)) for result in results)
    if unmeasured and effect.n:
        evidence += f" {unmeasured} finished runs have no such measurement."
        partial = True
    return Finding("inconclusive" if partial else verdict, evidence + missing, effect)


def _missing(results: Sequence[ArmResult]) -> str:
    missing = sum(result.missing for result in results)
    return f" {missing} of {sum(result.planned for result in results)} runs have no result yet." if missing else ""


def _all(analysis: Analysis, selector: Selector) -> list[ArmResult]:
    if isinstance(selector, str):
        return [result for result in analysis.arms if result.label == selector]
    return analysis.at(selector)


def _absent(selector: Selector) -> Finding:
    return Finding("inconclusive", f"No finished run with {_named(selector)}.")


def _named(selector: Selector) -> str:
    if isinstance(selector, str):
        return selector
    return arm_label(selector) or "any level"


def _mean(values: Mapping[int, float]) -> float:
    return float(np.mean(list(values.values()))) if values else math.nan


def _steps(steps: int | None) -> str:
    return f"{steps}" if steps else "never"
