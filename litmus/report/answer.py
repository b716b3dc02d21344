"""The answer of a study in a sentence or two, no stronger than its records."""

from litmus.core.formatting import listed, several
from litmus.evidence.arm_table import ArmStatistics
from litmus.evidence.claims import MEANING, ArmTest, Claim, Finding, Verdict, primary_claims
from litmus.evidence.differences import Best, best_against_baseline, difference, holm
from litmus.evidence.factorial import Contribution, contributions
from litmus.evidence.results import Analysis, ArmResult
from litmus.evidence.summary import StudySummary

SIGNIFICANCE = 0.05


def shown_best(summary: StudySummary) -> str | None:
    """Return the label of the arm with the best mean on the test set, where it differs from all others; else None.

    Its paired differences to the others are tested one by one, with Holm's correction over them.
    """
    analysis = summary.analysis
    means = {each.arm.label: each.mean.mean for each in summary.judged if each.mean.n}
    if len(means) < 2 or len(means) < len(analysis.arms):
        return None
    best = (max if analysis.higher_is_better else min)(means, key=means.__getitem__)
    return best if all(p_value < SIGNIFICANCE for p_value in _p_values(analysis, best)) else None


def _p_values(analysis: Analysis, best: str) -> list[float]:
    result = next(each for each in analysis.arms if each.label == best)
    others = [each for each in analysis.arms if each is not result]
    return holm([difference(analysis, result, analysis.test_metric, to=other).p_value for other in others])


SMALL_TEST_SET = 1000
"""Below so many test images an image is more than a tenth of a point."""


def unfinished_clauses(analysis: Analysis) -> list[str]:
    """Return which arms have runs that diverged, that crashed or that are missing, a clause each; none where all
    finished.
    """
    clauses = []
    diverged = [each for each in analysis.arms if each.count("diverged")]
    if diverged:
        clauses.append(f"diverged: {_counted(diverged, 'diverged')}")
    crashed = [each for each in analysis.arms if each.count("crashed")]
    if crashed:
        clauses.append(f"crashed: {_counted(crashed, 'crashed')}")
    missing = sum(result.missing for result in analysis.arms)
    if missing:
        planned = sum(result.planned for result in analysis.arms)
        clauses.append(f"partial: {missing:,} of {several(planned, 'run')} have no result yet")
    return clauses


def _counted(results: list[ArmResult], state: str) -> str:
    """Return which arms have runs in `state`, those with the largest share first.

    A diverged run is one of those with a result, a crashed one of those that are planned.
    """
    of = {each.label: ended(each) if state == "diverged" else each.planned for each in results}
    results = sorted(results, key=lambda each: -each.count(state) / of[each.label])
    return listed([f"{each.label} ({each.count(state)} of {several(of[each.label], 'seed')})" for each in results])


def ended(result: ArmResult) -> int:
    """Return how many seeds of an arm have a result: finished or diverged."""
    return result.planned - result.missing


def seeds_with_result(analysis: Analysis) -> str:
    """Return how many seeds the arms have with a result: `5 seeds`, `3–8 seeds`."""
    counts = [ended(result) for result in analysis.arms]
    fewest, most = min(counts, default=0), max(counts, default=0)
    return several(most, "seed") if fewest == most else f"{fewest}–{several(most, 'seed')}"


def undecided_claims(summary: StudySummary) -> tuple[int, int]:
    """Return how many primary claims are inconclusive, and how many there are."""
    primary = primary_claims([claim for claim, _ in summary.findings])
    pairs = zip(summary.findings, summary.headline, strict=True)
    held = [verdict for (claim, _), verdict in pairs if claim in primary]
    return held.count("inconclusive"), len(held)


def compared(analysis: Analysis) -> list[ArmResult]:
    """Return the rivals of the baseline that have a finished run."""
    return [each for each in analysis.arms if not each.arm.is_baseline and each.count("finished")]


def test_images(analysis: Analysis) -> int | None:
    """Return how many images the test set has, None where the records do not say."""
    if "data.images.test" in analysis.records:
        counts = analysis.records["data.images.test"].dropna()
        if len(counts):
            return int(counts.min())
    lengths = [len(answers) for result in analysis.arms for answers in result.answers.values()]
    return min(lengths, default=None)


def small_test_set(summary: StudySummary) -> str:
    """Return that the test set is too small for the differences shown, as a clause; empty where it is not.

    It is where half of the differences are below two of its images and an image is more than a tenth of a point.
    """
    images = test_images(summary.analysis)
    if images is None or images > SMALL_TEST_SET or summary.analysis.task.primary_metric != "top1":
        return ""
    close = [each for each in summary.judged if _within(each, 2 / images)]
    rivals = sum(each.comparison is not None and bool(each.comparison.difference.n) for each in summary.judged)
    if not close or len(close) < rivals / 2:
        return ""
    which = "the difference" if rivals == 1 else f"{len(close)} of {rivals} differences"
    verb = "is" if len(close) == 1 else "are"
    return (
        f"{which} {verb} less than two images of the test set, which has {images:,}: one is {100 / images:.2f} points"
    )


def _within(each: ArmStatistics, size: float) -> bool:
    return (
        each.comparison is not None
        and bool(each.comparison.difference.n)
        and abs(each.comparison.difference.mean) < size
    )


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


def family(summary: StudySummary) -> str:
    """Return what the answer's claims are corrected over, as a sentence."""
    claims = [claim for claim, _ in summary.findings]
    primary = primary_claims(claims)
    if len(primary) < 2:
        return ""
    lost = [
        claim.sentence
        for (claim, finding), held in zip(summary.findings, summary.headline, strict=True)
        if held != finding.verdict
    ]
    which = f"the study's {len(primary)} primary claims" if len(primary) < len(claims) else f"all {len(primary)} claims"
    kept = "" if not lost else f" It takes from the answer the verdict on: {' '.join(lost)}"
    return f"The answer above names them after Holm's correction over {which}.{kept}"


def sampling(analysis: Analysis) -> str:
    """Return which intervals hold however often they were looked at, as a sentence; empty where none has to."""
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
        "intervals and tests (means, figures, bootstrap, sign tests, the analysis of variance) are for a number of "
        "seeds that was fixed."
    )


def diverging(summary: StudySummary) -> str:
    """Return how runs that diverged widen intervals, as a sentence; empty where none did."""
    if not any(result.count("diverged") for result in summary.analysis.arms):
        return ""
    return (
        " Whether a run diverges is a coin's throw: where runs did, the interval also has the step of their fall to "
        f"{counted(summary.analysis)}, however alike the seeds are, and is wider than their spread."
    )


def covers(summary: StudySummary) -> str:
    """Return what the intervals of differences cover, as a sentence."""
    analysis = summary.analysis
    kept = sum(len(result.scores(analysis.test_metric)) for result in analysis.arms)
    finished = sum(result.count("finished") for result in analysis.arms)
    if analysis.task.metrics:
        return "their intervals cover other seeds; a task of one's own keeps no answers to single test images."
    if kept and kept == finished:
        return "their intervals cover other seeds and other test images."
    some = "some of these runs were" if kept else "these runs were"
    return (
        f"their intervals cover other seeds, and other test images only where all runs kept their answers: {some} "
        "recorded by an earlier version, which kept none."
    )


def counted(analysis: Analysis) -> str:
    """Return the accuracy that a diverged run counts with."""
    value = analysis.study.diverged_value
    return (
        f"guessing, {analysis.unit.text(analysis.chance)}"
        if value is None
        else f"{analysis.unit.text(value)}, as the study declares"
    )


def fitted(analysis: Analysis) -> str:
    """Return where the column of the training images comes from, as a sentence."""
    if analysis.fit_metric != analysis.train_metric:
        return "Training: at the end, in evaluation mode, over up to 10,000 training images that are not augmented."
    return (
        "Training: a running mean while the network still changes; these runs were recorded by an earlier version, "
        "which made no pass over the training images at the end, and claims about fitting have no verdict."
    )


def answer_of(summary: StudySummary) -> str:
    """Return the answer: what diverged, crashed or is missing, the claims by verdict, the best arm."""
    analysis = summary.analysis
    primary = primary_claims([claim for claim, _ in summary.findings])
    sentences = [f"{clause[0].upper()}{clause[1:]}." for clause in unfinished_clauses(analysis)]
    for verdict in MEANING:
        claims = [
            _sentence(summary, claim)
            for (claim, _), held in zip(summary.findings, summary.headline, strict=True)
            if held == verdict and claim in primary
        ]
        if claims:
            sentences.append(f"{verdict.capitalize()}: {'; '.join(claims)}.")
    ingredients = ingredient_clause(analysis)
    if ingredients:
        sentences.append(f"{ingredients[0].upper()}{ingredients[1:]}.")
    sentences.append(_best_arm(analysis))
    if analysis.study.design.startswith("fractional"):
        sentences.append(f"Of {2 ** len(analysis.study.factors)} combinations {len(analysis.arms)} were run.")
    small = small_test_set(summary)
    if small:
        sentences.append(f"{small[0].upper()}{small[1:]}.")
    sentences += analysis.code.sentences()
    return " ".join(sentences)


def _sentence(summary: StudySummary, claim: Claim) -> str:
    exploratory = " (exploratory)" if summary.registration.is_exploratory(claim) else ""
    return claim.sentence.rstrip(".") + exploratory


def _best_arm(analysis: Analysis) -> str:
    best = analysis.best()
    if best is None:
        return "No run finished."
    reached = best.estimate(analysis.test_metric)
    accuracy = f"test {analysis.metric_name} {analysis.unit.interval(reached)}, n = {reached.n}"
    if len(analysis.arms) == 1:
        return f"{best.label}: {accuracy}."
    if best.arm.is_baseline and len(compared(analysis)) < len(analysis.arms) - 1:
        others = "None of the others" if compared(analysis) else "None of the others finished, and none"
        return f"{others} beats {_baseline(analysis)} on the validation split; {accuracy}."
    if best.arm.is_baseline:
        return f"No arm beats {_baseline(analysis)} on the validation split; {accuracy}."
    return f"Best on the validation split: {best.label}, {accuracy}; {_against_baseline(analysis)}."


def _against_baseline(analysis: Analysis) -> str:
    if not analysis.baseline.outcomes(analysis.test_metric):
        return f"{_baseline(analysis)} has no run that ended to compare with"
    if len(analysis.arms) == 2:
        # There is nothing to choose: it is the difference that the table has.
        (rival,) = (result for result in analysis.arms if not result.arm.is_baseline)
        effect = difference(analysis, rival, analysis.test_metric)
        verdict = "" if effect.excludes_zero else ", inconclusive"
        return f"{analysis.unit.difference(effect)} to {_baseline(analysis)}{verdict}"
    found = best_against_baseline(analysis)
    if found is None or not found.effect.n:
        return f"too few seeds to choose by one and compare with {_baseline(analysis)} on another"
    verdict = "" if found.effect.excludes_zero else ", inconclusive"
    chosen = f"each seed's arm chosen by the seeds before it{_chosen(found)}"
    how = f"{chosen}, n = {found.effect.n}: not the table's difference"
    return f"{analysis.unit.difference(found.effect)} to {_baseline(analysis)}, {how}{verdict}"


def _chosen(best: Best) -> str:
    """Return which arms the seeds chose, where not all chose the same."""
    if len(best.side.results) == 1:
        return ""
    return f" ({best.side.label})"


def _baseline(analysis: Analysis) -> str:
    label = analysis.baseline.label
    return "the baseline" if label == "baseline" else f"the baseline ({label})"
