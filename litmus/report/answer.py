"""The answer of a study in a sentence or two with numbers, cautions for its reader, and what to do next."""

import dataclasses
from collections.abc import Sequence

from litmus.core.formatting import capital, listed, several
from litmus.core.metrics import described
from litmus.evidence.claims import ArmTest, Test, Verdict
from litmus.evidence.differences import (
    Contribution,
    NothingToCompare,
    Selector,
    arms_of,
    contributions,
    named,
    side_of,
)
from litmus.evidence.estimate import ALPHA
from litmus.evidence.results import Analysis
from litmus.evidence.summary import MOST, StudySummary, Undecided, undecided
from litmus.evidence.units import POINTS, Unit
from litmus.records.study_record import short_name
from litmus.report import controls
from litmus.report.claims import ClaimRow, claim_rows

MOST_CLAIMS = 4
"""Claims with numbers in the answer; of more it says how many there are."""
IN_WORDS: dict[Verdict, str] = {
    "supported": "supported",
    "opposite": "opposite",
    "smaller": "smaller than claimed",
    "inconclusive": "inconclusive",
}


def answer_of(summary: StudySummary) -> str:
    """Return the answer in words: by the primary claims, a design's ingredients, an interaction, or the arms."""
    sentence = (
        _claims(summary) or _ingredients(summary.analysis) or _interaction(summary) or _arms(summary)
        if any(result.ended for result in summary.analysis.arms)
        else "no run has finished yet"
    )
    return f"{capital(sentence)}."


def cautions_of(summary: StudySummary) -> list[str]:
    """Return what a reader of the answer must know, as sentences: failed and missing runs, a small test set, code."""
    analysis = summary.analysis
    sentences = [*_unfinished(analysis), *_differing_too(analysis), *controls.cautions(analysis)]
    return [*(f"{capital(each)}." for each in sentences), *analysis.aside.sentences]


def next_step(summary: StudySummary, command: str = "") -> str:
    """Return what to do next, in one line; empty where all is decided.

    `command` runs the study again; it is without the number of seeds, and empty where it is not known.
    """
    missing = sum(result.missing for result in summary.analysis.arms)
    if missing:
        return f"{command or 'run it again'}  ({several(missing, 'run')} without a result)"
    found = undecided(summary)
    reachable = [each.seeds for each in found if each.seeds is not None]
    if reachable:
        now = max((result.planned for result in summary.analysis.arms), default=0)
        kind = "claim" if summary.findings else "difference"
        what = f"the open {kind}" if len(found) == 1 else f"{len(reachable)} of {len(found)} open {kind}s"
        return f"{command or 'run it with'} --seeds {max(*reachable, now + 1)}  (would decide {what})"
    if not found:
        return ""
    names = listed([f"“{each.what.rstrip('.')}”" for each in found], 2)
    return f"more seeds will not decide {names}: {_what_would(found)}"


def _what_would(found: Sequence[Undecided]) -> str:
    if all(each.by_images for each in found):
        return "the effect is smaller than the test set resolves; a larger test set would"
    return (
        f"each arm would need over {MOST} at effects so small; a longer training, a larger network or harder data may "
        "show larger ones"
    )


def _unfinished(analysis: Analysis) -> list[str]:
    """Return which arms have runs that diverged or crashed, and how many runs are missing."""
    sentences = []
    words = {"diverged": "diverged", "not_finite": "no finite evaluation", "crashed": "crashed"}
    for state, word in words.items():
        # A diverged run is one of those with a result, a crashed one of those that are planned.
        found = [
            (each, each.count(state), each.planned if state == "crashed" else each.ended)
            for each in analysis.arms
            if each.count(state)
        ]
        if not found:
            continue
        found.sort(key=lambda each: -each[1] / each[2])
        counts = [f"{result.label} ({count} of {several(of, 'seed')})" for result, count, of in found]
        sentences.append(f"{word}: {listed(counts)}")
    missing = sum(result.missing for result in analysis.arms)
    if missing:
        planned = sum(result.planned for result in analysis.arms)
        sentences.append(f"partial: {missing:,} of {several(planned, 'run')} have no result yet")
    return sentences


def _claims(summary: StudySummary) -> str:
    """Return what the primary claims say: yes or no where they answer the question, and what their arms reached."""
    every = claim_rows(summary)
    rows = [row for row in every if row.primary]
    if not rows:
        return ""
    called = "claims" if len(rows) == len(every) else "primary claims"
    missing = sum(result.missing for result in summary.analysis.arms)
    if missing and all(row.verdict == "inconclusive" for row in rows):
        planned = sum(result.planned for result in summary.analysis.arms)
        return f"no claim is decided yet: {missing:,} of {several(planned, 'run')} have no result"
    said = {row.claim.sentence: _in_words(row, len(rows)) for row in rows}
    parts, left = [], MOST_CLAIMS
    order = list(IN_WORDS.values())
    for words in sorted(dict.fromkeys(said.values()), key=lambda each: order.index(each) if each in order else 4):
        alike = [row for row in rows if said[row.claim.sentence] == words]
        if text := _measured(summary.analysis, alike[:left], alone=len(rows) == 1):
            parts.append(f"{words}: {text}" if len(set(said.values())) > 1 else text)
        left -= min(left, len(alike))
    more = f"; and {several(len(rows) - MOST_CLAIMS, 'more claim')}" if len(rows) > MOST_CLAIMS else ""
    word, measured = _word(rows, list(said.values()), called), "; ".join(parts) + more
    # The verdict on each claim follows a full stop, a single one a colon.
    return f"{capital(word)}. {capital(measured)}" if len(set(said.values())) > 1 else f"{word}: {measured}"


def _in_words(row: ClaimRow, claims: int) -> str:
    """Return a claim's verdict as a sentence has it: what its own interval shows may not hold among so many claims."""
    if row.verdict != row.finding.verdict:
        return f"not significant after Holm's correction over {claims} claims"
    return IN_WORDS[row.verdict]


def _word(rows: Sequence[ClaimRow], said: Sequence[str], called: str) -> str:
    """Return the answer in a word where the claims answer the study's question, else how many hold."""
    exploratory = " (exploratory)" if any(row.exploratory for row in rows) else ""
    other = {"yes": "no", "no": "yes"}
    words = {
        row.claim.answers
        if row.verdict == "supported"
        else "open"
        if row.verdict == "inconclusive"
        else other[row.claim.answers]
        for row in rows
        if row.claim.answers
    }
    if words == {"open"}:
        return f"{said[0] if len(set(said)) == 1 else 'the question is not answered'}{exploratory}"
    if words:
        return f"{words.pop() if len(words) == 1 else 'in part' if 'yes' in words else 'not shown'}{exploratory}"
    if len(rows) == 1:
        return f"“{rows[0].claim.sentence.rstrip('.')}”, {said[0]}{exploratory}"
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in IN_WORDS}
    found = [
        f"{count} {'is' if count == 1 else 'are'} {IN_WORDS[verdict]}"
        if count < len(rows)
        else f"{'both' if count == 2 else f'all {count}'} {called} are {IN_WORDS[verdict]}"
        for verdict, count in counts.items()
        if count
    ]
    if counts["inconclusive"] == len(rows):
        after = "" if IN_WORDS["inconclusive"] in said else " after Holm's correction"
        return f"none of {len(rows)} {called} is decided{after}{exploratory}"
    return found[0] + exploratory if len(found) == 1 else f"of {len(rows)} {called}, {listed(found, 4)}{exploratory}"


def _measured(analysis: Analysis, rows: Sequence[ClaimRow], alone: bool) -> str:
    """Return what the arms of claims with the same verdict reached, each metric once; of other tests the effect."""
    levels: dict[str, dict[str, str]] = {}
    effects: list[str] = []
    for row in rows:
        reached = _reached(analysis, row.claim.test)
        if not reached:
            effect = row.effect or row.finding.withheld or "no result"
            effects.append(effect if alone else f"“{row.claim.sentence.rstrip('.')}” ({effect})")
            continue
        levels.setdefault(described(row.metrics[0]), {}).update(reached)
        if row.finding.withheld:
            effects.append(row.finding.withheld)
        elif len(reached) == 4:
            effects.append(f"an interaction of {row.effect}")
        elif alone and not row.is_level:
            effects.append(f"a difference of {row.effect}")
    arms = [
        f"{what} is {listed([f'{value} ({arm})' for arm, value in each.items()], 8)}" for what, each in levels.items()
    ]
    return ", ".join([*arms, *effects])


def _reached(analysis: Analysis, test: Test) -> dict[str, str]:
    """Return what each side of a test reached, by its name, of a trend the two ends; empty where it is no metric's."""
    if not isinstance(test, ArmTest) or not test.metrics or not described(test.metrics[0]):
        return {}
    metric, found = test.metrics[0], {}
    if test.factors:
        results = arms_of(analysis, test.arms[0])
        results.sort(key=lambda result: result.arm.levels[test.factors[0]])
        means = {result.label: result.estimate(metric) for result in (results[0], results[-1])}
        return {name: _short(test.unit, mean.mean) for name, mean in means.items() if mean.n}
    for selector in test.arms:
        try:
            values = list(side_of(analysis, selector).outcomes(metric).values())
        except NothingToCompare:
            values = []
        if not values:
            return {}
        found[_name(analysis, selector)] = _short(test.unit, sum(values) / len(values))
    return found


def _name(analysis: Analysis, selector: Selector) -> str:
    """Return what a side of a claim is called: its arm, or the levels that its arms have in common."""
    arms = arms_of(analysis, selector)
    if len(arms) == 1:
        return arms[0].label
    free = dict.fromkeys(
        key for each in arms for key in each.arm.levels if isinstance(selector, str) or key not in selector
    )
    return f"{named(analysis, selector)} at its best {listed([short_name(key) for key in free])}"


def _short(unit: Unit, value: float) -> str:
    """Return a value as a sentence has it: of a percentage one decimal."""
    return (dataclasses.replace(unit, decimals=1) if unit is POINTS else unit).text(value)


def _ingredients(analysis: Analysis) -> str:
    """Return which ingredients of a design matter; empty for a design without ingredients."""
    found = [each for each in contributions(analysis, analysis.test_metric) if each.effect.n]
    if not found:
        return ""
    unit, metric = analysis.unit, analysis.test_name
    found.sort(key=lambda each: -abs(each.effect.mean))
    shown = [each for each in found if each.p_holm < ALPHA]
    if not shown:
        most = found[0]
        return (
            f"none of {several(len(found), 'ingredient')} is shown to matter after Holm's correction; the largest "
            f"effect on {metric} is that of {most.ingredient.name}, {unit.difference(most.effect)}"
        )

    def effect(each: Contribution) -> str:
        verb = "helps" if (each.effect.mean > 0) == analysis.higher_is_better else "hurts"
        return f"{each.ingredient.name} {verb} ({unit.difference(each.effect)})"

    rest = len(found) - len(shown)
    others = f"; of the other{f' {rest}' if rest > 1 else ''} no effect is shown" if rest else ""
    matter = f"{len(shown)} {'matters' if len(shown) == 1 else 'matter'}"
    effects = listed([effect(each) for each in shown])
    return f"of {several(len(found), 'ingredient')} {matter} for {metric}: {effects}{others}"


def _interaction(summary: StudySummary) -> str:
    """Return whether the two factors of a 2×2 product interact; empty for other studies."""
    found, unit = summary.interaction, summary.analysis.unit
    if found is None or not found.finding.effect.n:
        return ""
    effect = found.finding.effect
    shown = effect.excludes_zero and not found.finding.withheld
    reason = f" ({found.finding.withheld})" if found.finding.withheld else ""
    begin = (
        f"the effect of {found.of} depends on {found.on}"
        if shown
        else f"no interaction of {found.of} and {found.on} is shown{reason}"
    )
    changes = " and ".join(
        f"by {unit.factor * each.mean:+.{unit.decimals}f} {unit.difference_name}".rstrip() + f" at {name}"
        for name, each in found.effects.items()
    )
    return (
        f"{begin}: {found.level} changes {summary.analysis.test_name} {changes}, a difference of "
        f"{unit.difference(effect)} over {several(effect.n, 'seed')}"
    )


def _arms(summary: StudySummary) -> str:
    """Return what the arms reached: the level of one, the difference of two, of more that of the best one."""
    analysis = summary.analysis
    baseline = f"the baseline ({analysis.baseline.label})"
    rivals = [each for each in analysis.arms if not each.arm.is_baseline]
    if not any(result.count("finished") for result in analysis.arms):
        return "no run finished, so there is nothing to compare"
    if not rivals:
        reached = analysis.baseline.estimate(analysis.test_metric)
        return f"{analysis.test_name} is {analysis.unit.interval(reached)} over {several(reached.n, 'seed')}"
    if not any(each.count("finished") for each in rivals):
        return f"no rival of {baseline} finished, so there is nothing to compare"
    if not analysis.baseline.count("finished"):
        return f"{baseline} has no finished run"
    return _two_arms(summary) if len(rivals) == 1 else _best_arm(summary, baseline)


def _two_arms(summary: StudySummary) -> str:
    analysis, unit = summary.analysis, summary.analysis.unit
    (rival,) = (each for each in summary.judged if each.comparison is not None)
    assert rival.comparison is not None
    effect = rival.comparison.difference
    first, second = (
        f"{each.label} ({unit.text(each.estimate(analysis.test_metric).mean)})"
        for each in (rival.arm, analysis.baseline)
    )
    if not effect.n:
        return f"{first} and {second} have no seed in common to compare"
    seeds = several(effect.n, "seed")
    if effect.excludes_zero:
        higher = "higher" if effect.mean > 0 else "lower"
        return (
            f"{analysis.test_name} is {higher} with {first} than with {second}: {unit.difference(effect)} over {seeds}"
        )
    least = rival.comparison.minimum_detectable_effect
    found = f"; {unit.size(least)} would have been found" if 0 < least < float("inf") else ""
    return (
        f"no difference in {analysis.test_name} is shown between {first} and {second}: "
        f"{unit.difference(effect)} over {seeds}{found}"
    )


def _differing(summary: StudySummary, baseline: str) -> str:
    """Return which arms differ from the baseline after Holm's correction, and by how much."""
    unit, better = summary.analysis.unit, summary.analysis.higher_is_better
    compared = [(each.arm.label, each.comparison) for each in summary.judged if each.comparison is not None]
    shown = [(label, found.difference) for label, found in compared if found.p_holm < ALPHA]
    count = f"{len(shown)} of {several(len(compared), 'arm')}" if shown else f"none of {several(len(compared), 'arm')}"
    verb = "is" if len(shown) < 2 else "are"
    head = f"{count} {verb} shown to differ from {baseline} in {summary.analysis.test_name}"
    shown.sort(key=lambda each: -each[1].mean if better else each[1].mean)
    effects = [
        f"{label} is {'better' if (effect.mean > 0) == better else 'worse'} ({unit.difference(effect)})"
        for label, effect in shown
    ]
    return f"{head}{': ' if effects else ''}{listed(effects, MOST_CLAIMS)}"


def _best_arm(summary: StudySummary, baseline: str) -> str:
    """Return which arm is best on the validation split, and how it compares with the baseline on the test set.

    The best of many arms is ahead by luck as well, which Holm's correction over all of them accounts for.
    """
    analysis, unit = summary.analysis, summary.analysis.unit
    best = analysis.best()
    if best is None:
        return _differing(summary, baseline)
    metric = analysis.test_name
    reached = unit.interval(best.estimate(analysis.test_metric))
    if best.arm.is_baseline:
        others = f"none of the {len(analysis.arms) - 1} other arms" if len(analysis.arms) > 2 else "no other arm"
        return f"{others} beats {baseline} on the validation split; its {metric} is {reached}"
    compared = next(each.comparison for each in summary.judged if each.arm is best)
    assert compared is not None
    text = f"{best.label} is best of {len(analysis.arms)} arms on the validation split; its {metric} is {reached}"
    if not compared.difference.n:
        return f"{text}, with no seed in common with {baseline}"
    shown = (
        "" if compared.p_holm < ALPHA else f", not significant after Holm's correction over {compared.comparisons} arms"
    )
    return f"{text}, {unit.difference(compared.difference)} against {baseline}{shown}"


def _differing_too(analysis: Analysis) -> list[str]:
    """Return in what else the arms of a table differ, so that no difference is due to the factor alone."""
    others = analysis.elsewhere.others if analysis.elsewhere is not None else ()
    return [f"the arms differ in {listed(others, MOST_CLAIMS)} as well"] if others else []
