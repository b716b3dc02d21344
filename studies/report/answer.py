"""The answer of a study in a sentence or two, no stronger than its records."""

from studies.evidence.claims import MEANING, Claim, primary_claims
from studies.evidence.contrast import Best, best_against_baseline
from studies.evidence.results import Analysis
from studies.evidence.summary import StudySummary


def answer_of(summary: StudySummary) -> str:
    """Return the answer: the claims by verdict, then the best arm beside the baseline, then what is missing."""
    analysis = summary.analysis
    primary = primary_claims([claim for claim, _ in summary.findings])
    sentences = []
    for verdict in MEANING:
        claims = [
            _sentence(summary, claim)
            for (claim, _), held in zip(summary.findings, summary.headline, strict=True)
            if held == verdict and claim in primary
        ]
        if claims:
            sentences.append(f"{verdict.capitalize()}: {'; '.join(claims)}.")
    sentences.append(_best_arm(analysis))
    if analysis.study.design.startswith("fractional"):
        sentences.append(f"Of {2 ** len(analysis.study.factors)} combinations {len(analysis.arms)} were run.")
    missing = sum(result.missing for result in analysis.arms)
    if missing:
        planned = sum(result.planned for result in analysis.arms)
        sentences.append(f"{missing} of {planned} runs have no result yet.")
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
    if best.arm.is_baseline:
        return f"No arm beats {_baseline(analysis)} on the validation split; {accuracy}."
    return f"Best on the validation split: {best.label}, {accuracy}; {_against_baseline(analysis)}."


def _against_baseline(analysis: Analysis) -> str:
    if not analysis.baseline.outcomes(analysis.test_metric):
        return f"{_baseline(analysis)} has no run that ended to compare with"
    found = best_against_baseline(analysis)
    if found is None or not found.effect.n:
        return f"too few seeds to choose by one and compare with {_baseline(analysis)} on another"
    verdict = "" if found.effect.excludes_zero else ", inconclusive"
    how = f"each seed's arm chosen by the seeds before it{_chosen(found)}"
    return f"{analysis.unit.difference(found.effect)} to {_baseline(analysis)}, {how}{verdict}"


def _chosen(best: Best) -> str:
    """Return which arms the seeds chose, where not all chose the same."""
    if len(best.side.results) == 1:
        return ""
    return f" ({best.side.label})"


def _baseline(analysis: Analysis) -> str:
    label = analysis.baseline.label
    return "the baseline" if label == "baseline" else f"the baseline ({label})"
