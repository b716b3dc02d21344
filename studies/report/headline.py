"""The answer of a study in one sentence, as its design and its outcome have it."""

from litmus.wording import listed, several
from studies.evidence.claims import MEANING, ArmTest, Claim, Finding, Verdict, primary_claims
from studies.evidence.contrast import best_against_baseline
from studies.evidence.ingredients import Contribution, contributions
from studies.evidence.results import Analysis
from studies.evidence.summary import StudySummary
from studies.report.outcome import compared, small_test_set, unfinished_clauses

SIGNIFICANCE = 0.05
MOST_CLAIMS = 6
"""Claims of a verdict that are named; of more, how many there are."""


def headline_of(summary: StudySummary) -> str:
    """Return the answer in a sentence: first what diverged, crashed or is missing, then what was found.

    Claims are answered where the study has some; else a design of ingredients says which one matters, a study of two
    arms how they differ, another one which arm is best.
    """
    clauses = [*unfinished_clauses(summary.analysis), *_found(summary)]
    small = small_test_set(summary)
    text = "; ".join([*clauses, *([small] if small else [])])
    return f"{text[:1].upper()}{text[1:]}."


def _found(summary: StudySummary) -> list[str]:
    analysis = summary.analysis
    if not any(result.count("finished") for result in analysis.arms):
        return ["no run finished, so there is nothing to compare"]
    if len(analysis.arms) == 1:
        return [_level(analysis)]
    if not compared(analysis):
        return [f"no rival of the baseline ({analysis.baseline.label}) finished, so there is nothing to compare"]
    if not analysis.baseline.count("finished"):
        return [f"the baseline ({analysis.baseline.label}) has no finished run", *_claims(summary)]
    ingredients = ingredient_clause(analysis)
    return [*_claims(summary), *([ingredients] if ingredients else [] if summary.findings else [_arms(summary)])]


def _level(analysis: Analysis) -> str:
    result = analysis.arms[0]
    reached = result.estimate(analysis.test_metric)
    return f"test {analysis.metric_name} {analysis.unit.interval(reached)} over {several(reached.n, 'seed')}"


def _claims(summary: StudySummary) -> list[str]:
    """Return each primary claim by its verdict, the first one with its effect."""
    primary = primary_claims([claim for claim, _ in summary.findings])
    held = [
        (claim, finding, verdict)
        for (claim, finding), verdict in zip(summary.findings, summary.headline, strict=True)
        if claim in primary
    ]
    told: dict[Verdict, list[str]] = {}
    for verdict in MEANING:
        for claim, finding, other in held:
            if other == verdict:
                text = _told(claim, None if told else finding)
                told.setdefault(verdict, []).append(text)
    return [f"{verdict}: {listed(texts, MOST_CLAIMS)}" for verdict, texts in told.items()]


def _told(claim: Claim, finding: Finding | None = None) -> str:
    """Return a claim's sentence in quotes, with its effect where that is asked for and there is one."""
    effect = f" ({_effect(claim, finding)})" if finding is not None and finding.effect.n else ""
    return f"“{claim.sentence.rstrip('.')}”{effect}"


def _effect(claim: Claim, finding: Finding) -> str:
    level = isinstance(claim.test, ArmTest) and claim.test.level
    return claim.unit.interval(finding.effect) if level else claim.unit.difference(finding.effect)


def ingredient_clause(analysis: Analysis) -> str:
    """Return which ingredient of a design matters most, as a clause; empty for a design without ingredients."""
    found = [each for each in contributions(analysis, analysis.test_metric) if each.effect.n]
    if not found:
        return ""
    unit, better = analysis.unit, 1 if analysis.higher_is_better else -1
    found.sort(key=lambda each: -abs(each.effect.mean))
    shown = [each for each in found if each.p_holm < SIGNIFICANCE]
    if not shown:
        most = found[0]
        return (
            f"none of {several(len(found), 'ingredient')} is shown to matter after Holm's correction; the largest "
            f"effect on test {analysis.metric_name} is that of {most.ingredient.name}, {unit.difference(most.effect)}"
        )

    def told(each: Contribution) -> str:
        verb = "helps" if each.effect.mean * better > 0 else "hurts"
        return f"{each.ingredient.name} {verb} ({unit.difference(each.effect)})"

    rest = len(found) - len(shown)
    others = f"; of the other {rest} no effect is shown" if rest > 1 else "; of the other no effect is shown"
    matter = "matters" if len(shown) == 1 else "matter"
    most_first = ", most of all the first" if len(shown) > 1 else ""
    return (
        f"of {several(len(found), 'ingredient')} {len(shown)} {matter} for test {analysis.metric_name}{most_first}: "
        f"{listed([told(each) for each in shown])}{others if rest else ''}"
    )


def _arms(summary: StudySummary) -> str:
    analysis = summary.analysis
    if len(analysis.arms) == 2:
        return _pair(summary)
    best, found = analysis.best(), best_against_baseline(analysis)
    if best is None or best.arm.is_baseline:
        return f"no arm beats the baseline ({analysis.baseline.label}) on the validation split"
    if found is None or not found.effect.n:
        return f"{best.label} is best on the validation split, with too few seeds to test that"
    shown = "" if found.effect.excludes_zero else ", which is no proof that it is better"
    difference = analysis.unit.difference(found.effect)
    return f"{best.label} is best, {difference} to the baseline ({analysis.baseline.label}){shown}"


def _pair(summary: StudySummary) -> str:
    analysis = summary.analysis
    (rival,) = (each for each in summary.judged if each.comparison is not None)
    assert rival.comparison is not None
    effect, unit = rival.comparison.difference, analysis.unit
    names = f"{rival.arm.label} and {analysis.baseline.label}"
    if effect.excludes_zero:
        higher = "higher" if effect.mean > 0 else "lower"
        return (
            f"test {analysis.metric_name} is {higher} with {rival.arm.label} than with {analysis.baseline.label}: "
            f"{unit.difference(effect)} over {several(effect.n, 'seed')}"
        )
    least = rival.comparison.minimum_detectable_effect
    seen = f"; {unit.size(least)} would have been found" if 0 < least < float("inf") else ""
    return (
        f"no difference in test {analysis.metric_name} is shown between {names}: {unit.difference(effect)} over "
        f"{several(effect.n, 'seed')}{seen}"
    )
