"""The answer of a study in a sentence or two, no stronger than its records."""

from studies.evidence.claims import MEANING, Claim, primary_claims
from studies.evidence.contrast import Best, best_against_baseline, difference
from studies.evidence.results import Analysis
from studies.evidence.summary import StudySummary
from studies.report.headline import ingredient_clause
from studies.report.outcome import compared, small_test_set, unfinished_clauses


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
