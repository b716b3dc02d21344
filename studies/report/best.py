"""Which arm may be called the best: the one that is shown to differ from every other."""

from studies.evidence.contrast import difference
from studies.evidence.paired import holm
from studies.evidence.results import Analysis
from studies.evidence.summary import StudySummary

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
