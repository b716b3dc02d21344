"""What the report says of its figures: the family of its claims, what its intervals cover, what its records lack."""

from studies.evidence.claims import primary_claims
from studies.evidence.results import Analysis
from studies.evidence.summary import StudySummary


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
