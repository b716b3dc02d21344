"""What became of a study's runs, in clauses: what diverged, crashed or is missing, and a test set too small."""

from litmus.wording import listed, several
from studies.evidence.arm_table import ArmStatistics
from studies.evidence.claims import primary_claims
from studies.evidence.results import Analysis, ArmResult
from studies.evidence.summary import StudySummary

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
