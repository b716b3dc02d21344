"""The answer of a study in a sentence or two, no stronger than its records."""

from studies.evidence.claims import Claim
from studies.evidence.results import Analysis, ArmResult
from studies.evidence.summary import StudySummary
from studies.evidence.units import percent_interval, points


def answer_of(summary: StudySummary) -> str:
    """Return the answer: the claims by verdict, then the best arm beside the baseline, then what is missing."""
    analysis, findings = summary.analysis, summary.findings
    sentences = []
    for verdict in ("supported", "contradicted", "inconclusive"):
        claims = [_sentence(summary, claim) for claim, finding in findings if finding.verdict == verdict]
        if claims:
            sentences.append(f"{verdict.capitalize()}: {'; '.join(claims)}.")
    sentences.append(_best_arm(analysis))
    if analysis.study.design.startswith("fractional"):
        sentences.append(f"Of {2 ** len(analysis.study.factors)} combinations {len(analysis.arms)} were run.")
    missing = sum(result.missing for result in analysis.arms)
    if missing:
        planned = sum(result.planned for result in analysis.arms)
        sentences.append(f"{missing} of {planned} runs have no result yet.")
    return " ".join(sentences)


def _sentence(summary: StudySummary, claim: Claim) -> str:
    exploratory = " (exploratory)" if summary.registration.is_exploratory(claim) else ""
    return claim.sentence.rstrip(".") + exploratory


def _best_arm(analysis: Analysis) -> str:
    best = analysis.best()
    if best is None:
        return "No run finished."
    reached = best.estimate(analysis.test_metric)
    accuracy = f"test {analysis.metric_name} {percent_interval(reached)}, n = {reached.n}"
    if len(analysis.arms) == 1:
        return f"{best.label}: {accuracy}."
    if best.arm.is_baseline:
        return f"No arm beats {_baseline(analysis)} on the validation split; {accuracy}."
    return f"Best on the validation split: {best.label}, {accuracy}; {_against_baseline(analysis, best)}."


def _against_baseline(analysis: Analysis, best: ArmResult) -> str:
    difference = analysis.difference(best, analysis.test_metric)
    if difference.n == 0:
        return f"{_baseline(analysis)} has no finished run to compare with"
    verdict = "" if difference.excludes_zero else ", inconclusive"
    return f"{points(difference)} points to {_baseline(analysis)}{verdict}"


def _baseline(analysis: Analysis) -> str:
    label = analysis.baseline.label
    return "the baseline" if label == "baseline" else f"the baseline ({label})"
