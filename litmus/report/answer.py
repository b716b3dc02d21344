"""The answer of a study in a few sentences, no stronger than its records, and the notes that explain its intervals."""

from litmus.core.formatting import capital, listed, several
from litmus.evidence.claims import MEANING
from litmus.evidence.differences import Contribution, best_against_baseline, contributions
from litmus.evidence.estimate import ALPHA
from litmus.evidence.results import Analysis
from litmus.evidence.summary import StudySummary
from litmus.report.tables import ClaimRow, claim_rows

SMALL_TEST_SET = 1000
"""Below so many test images one image is more than a tenth of a point."""
MOST_CLAIMS = 6
"""Claims of a verdict that the answer names; of more it says how many there are."""


def answer_of(summary: StudySummary) -> str:
    """Return the answer: what diverged, crashed or is missing, the verdicts on the claims, what the arms reached."""
    sentences = [
        *_unfinished(summary.analysis),
        *_claims(claim_rows(summary)),
        *_ingredients(summary.analysis),
        _arms(summary),
        *_small_test_set(summary),
        *_differing_too(summary.analysis),
    ]
    written = [f"{capital(each)}." for each in sentences]
    return " ".join([*written, *summary.analysis.aside.sentences])


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


def _claims(rows: list[ClaimRow]) -> list[str]:
    """Return the primary claims by their verdict, the first one with its effect."""
    sentences: list[str] = []
    for verdict in MEANING:
        texts: list[str] = []
        for row in rows:
            if row.primary and row.verdict == verdict:
                exploratory = " (exploratory)" if row.exploratory else ""
                effect = f" ({row.effect})" if row.effect and not sentences and not texts else ""
                texts.append(f"“{row.claim.sentence.rstrip('.')}”{exploratory}{effect}")
        if texts:
            sentences.append(f"{verdict}: {listed(texts, MOST_CLAIMS)}")
    return sentences


def _ingredients(analysis: Analysis) -> list[str]:
    """Return which ingredients of a design matter; nothing for a design without ingredients."""
    found = [each for each in contributions(analysis, analysis.test_metric) if each.effect.n]
    if not found:
        return []
    unit, metric = analysis.unit, analysis.test_name
    found.sort(key=lambda each: -abs(each.effect.mean))
    shown = [each for each in found if each.p_holm < ALPHA]
    if not shown:
        most = found[0]
        return [
            f"none of {several(len(found), 'ingredient')} is shown to matter after Holm's correction; the largest "
            f"effect on {metric} is that of {most.ingredient.name}, {unit.difference(most.effect)}"
        ]

    def effect(each: Contribution) -> str:
        verb = "helps" if (each.effect.mean > 0) == analysis.higher_is_better else "hurts"
        return f"{each.ingredient.name} {verb} ({unit.difference(each.effect)})"

    rest = len(found) - len(shown)
    others = f"; of the other{f' {rest}' if rest > 1 else ''} no effect is shown" if rest else ""
    matter = f"{len(shown)} {'matters' if len(shown) == 1 else 'matter'}"
    effects = listed([effect(each) for each in shown])
    return [f"of {several(len(found), 'ingredient')} {matter} for {metric}: {effects}{others}"]


def _arms(summary: StudySummary) -> str:
    """Return what the arms reached: the level of one, the difference of two, of more that of the best one."""
    analysis = summary.analysis
    baseline = f"the baseline ({analysis.baseline.label})"
    rivals = [each for each in analysis.arms if not each.arm.is_baseline]
    if not any(result.count("finished") for result in analysis.arms):
        return "no run finished, so there is nothing to compare"
    if not rivals:
        reached = analysis.baseline.estimate(analysis.test_metric)
        return f"{analysis.test_name} {analysis.unit.interval(reached)} over {several(reached.n, 'seed')}"
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
    analysis = summary.analysis
    best = analysis.best()
    if best is None:
        return _differing(summary, baseline)
    reached = best.estimate(analysis.test_metric)
    level = f"{analysis.test_name} {analysis.unit.interval(reached)}, n = {reached.n}"
    if best.arm.is_baseline:
        return f"no arm beats {baseline} on the validation split; {level}"
    found = best_against_baseline(analysis)
    if found is None or not found[1].n:
        against = f"too few seeds to choose by one and compare with {baseline} on another"
    else:
        side, effect = found
        chosen = "" if len(side.results) == 1 else f" ({side.label})"
        against = (
            f"{analysis.unit.difference(effect)} to {baseline}, each seed's arm chosen by the seeds before it"
            f"{chosen}, n = {effect.n}{'' if effect.excludes_zero else ', inconclusive'}"
        )
    return f"best on the validation split: {best.label}, {level}; {against}"


def _differing_too(analysis: Analysis) -> list[str]:
    """Return in what else the arms of a table differ, so that no difference is due to the factor alone."""
    others = analysis.elsewhere.others if analysis.elsewhere is not None else ()
    return [f"the arms differ in {listed(others, MOST_CLAIMS)} as well"] if others else []


def _small_test_set(summary: StudySummary) -> list[str]:
    """Return that the test set is too small for the differences shown.

    It is where half of the differences are below two of its images and an image is more than a tenth of a point.
    """
    images = _test_images(summary.analysis)
    if images is None or images > SMALL_TEST_SET or summary.analysis.task.primary_metric != "top1":
        return []
    differences = [each.comparison.difference for each in summary.judged if each.comparison is not None]
    differences = [each for each in differences if each.n]
    close = sum(abs(each.mean) < 2 / images for each in differences)
    if not close or close < len(differences) / 2:
        return []
    which = "the difference" if len(differences) == 1 else f"{close} of {len(differences)} differences"
    return [
        f"{which} {'is' if close == 1 else 'are'} less than two images of the test set, which has {images:,}: one is "
        f"{100 / images:.2f} points"
    ]


def _test_images(analysis: Analysis) -> int | None:
    if counts := analysis.recorded("data.images.test"):
        return int(min(counts))
    lengths = [len(answers) for result in analysis.arms for answers in result.answers.values()]
    return min(lengths, default=None)


def seeds_with_result(analysis: Analysis) -> str:
    """Return how many seeds the arms have with a result: `5 seeds`, `3–8 seeds`."""
    counts = [result.ended for result in analysis.arms]
    fewest, most = min(counts, default=0), max(counts, default=0)
    return several(most, "seed") if fewest == most else f"{fewest}–{several(most, 'seed')}"


def correction_note(rows: list[ClaimRow]) -> str:
    """Return what the answer's claims are corrected over, as a sentence; empty for fewer than two primary claims."""
    primary = sum(row.primary for row in rows)
    if primary < 2:
        return ""
    which = f"the study's {primary} primary claims" if primary < len(rows) else f"all {primary} claims"
    return f"The answer and the plot above have them after Holm's correction over {which}."


def sampling_note(analysis: Analysis) -> str:
    """Return which intervals hold at every number of seeds, as sentences; empty where the number was fixed."""
    plan = analysis.sampling
    most = max((result.planned for result in analysis.arms), default=0)
    if not plan.is_anytime(most):
        return ""
    why = (
        "results were looked at on the way"
        if plan.looked
        else f"{plan.planned} seeds were planned, and more were added"
    )
    return (
        f" Intervals and p of differences, of ingredients and of claims hold at every number of seeds where that asks "
        f"for it: {why}. They need more seeds: of few there is no interval at 95 %, though p can be below 1. All other "
        "intervals (means, figures) are for a number of seeds that was fixed."
    )


def divergence_note(analysis: Analysis) -> str:
    """Return how runs that diverged widen intervals, as a sentence; empty where none did."""
    if not any(result.failed for result in analysis.arms):
        return ""
    return (
        f" Where runs failed, the interval also covers the step of their fall to {diverged_value(analysis)}, and is "
        "wider than the spread of the seeds."
    )


def pairing_note(summary: StudySummary) -> str:
    """Return which differences are paired by seed, as a sentence without its stop."""
    effects = [(each.arm.label, each.comparison.difference) for each in summary.judged if each.comparison is not None]
    compared = [(label, effect) for label, effect in effects if effect.n]
    alone = [label for label, effect in compared if not effect.paired]
    if not alone:
        return "Differences are paired: seed by seed"
    welch = "so that all runs of both arms are compared, unpaired, with Welch's interval"
    if len(alone) == len(compared):
        return f"The arms do not share their seeds with the baseline, {welch}"
    share = "shares" if len(alone) == 1 else "share"
    return f"Differences are paired: seed by seed. But {listed(alone)} {share} too few seeds with the baseline, {welch}"


def coverage_note(analysis: Analysis) -> str:
    """Return what the intervals of differences cover, as a clause."""
    recorded = sum(len(result.scores(analysis.test_metric)) for result in analysis.arms)
    if analysis.elsewhere is not None:
        return "their intervals cover other seeds, not other test images."
    if recorded and recorded == sum(result.count("finished") for result in analysis.arms):
        return "their intervals cover other seeds and other test images."
    return (
        "their intervals cover other seeds, and other test images only where the runs recorded their answers to single "
        "test images."
    )


def diverged_value(analysis: Analysis) -> str:
    """Return the value of the test metric that a diverged run counts with."""
    value = analysis.study.diverged_value
    if value is None:
        return f"guessing, {analysis.unit.text(analysis.chance)}"
    return f"{analysis.unit.text(value)}, as the study declares"
