"""A methods paragraph, ready for a paper, and how the study differs from its plan."""

import math
from collections.abc import Sequence
from pathlib import Path

from litmus.core.formatting import listed, several
from litmus.evidence.claims import Claim
from litmus.evidence.preregistration import Registration
from litmus.evidence.results import Analysis
from litmus.evidence.summary import StudySummary
from litmus.report.answer import diverged_value, pairing_note, seeds_with_result
from litmus.report.controls import image_counts, versions
from litmus.report.tables import claim_rows

ANYTIME = "Intervals of differences hold at every number of seeds."


def methods(summary: StudySummary) -> str:
    """Return the paragraph, as one line of plain text."""
    analysis = summary.analysis
    return " ".join([*_design(analysis), *_made(analysis), *_statistics(summary), *_software(analysis)])


def _made(analysis: Analysis) -> list[str]:
    """Return how the runs were made and evaluated, as far as it is known."""
    if analysis.elsewhere is None:
        return [*_equal(analysis), *_evaluation(analysis)]
    factors = listed(list(analysis.study.factors), 6)
    return [f"Their results were read from a table; that they differ in {factors} alone was not checked."]


def _design(analysis: Analysis) -> list[str]:
    study = analysis.study
    seeds = seeds_with_result(analysis).replace("seed", "random seed")
    if len(analysis.arms) == 1:
        return [f"We trained one configuration with {seeds}."]
    varied = [key for key, levels in study.factors.items() if len(levels) > 1]
    how = "all combinations of their levels" if study.full_product and len(varied) > 1 else "as listed"
    design = f"in a {study.design.replace('_', '-')} design" if study.design not in ("", "full") else how
    return [
        f"We compared {len(analysis.arms)} configurations that differ in {listed(varied, 6)} ({design}), each trained "
        f"with {seeds}; {analysis.baseline.label} is the baseline.",
        *_unfinished(analysis),
    ]


def _unfinished(analysis: Analysis) -> list[str]:
    missing = sum(result.missing for result in analysis.arms)
    sentences = []
    for state, which in (("diverged", "loss stopped being"), ("not_finite", "last evaluation was not")):
        if found := sum(result.count(state) for result in analysis.arms):
            runs, count = ("run", "counts") if found == 1 else ("runs", "count")
            value = f"the {analysis.metric_name} of {diverged_value(analysis)}"
            sentences.append(f"{found} {runs} whose {which} finite {count} with {value}.")
    if missing:
        sentences.append(f"{several(missing, 'run')} had no result when this was written.")
    return sentences


def _equal(analysis: Analysis) -> list[str]:
    tuning = analysis.study.tuning
    by = "place among those of its shape" if _first(analysis, "init.pairing") == "place" else "name"
    sentences = [
        "Within a seed all configurations see the same training images in the same order with the same augmentation, "
        f"and each parameter is drawn from a generator keyed by the seed and its {by}, so that parameters which two "
        "configurations share start equal.",
        "All other settings are equal.",
    ]
    if tuning is not None:
        sentences.append(
            f"{listed(tuning.keys, 6)} was tuned for each configuration with the same budget of "
            f"{several(len(tuning.trials), 'trial')} on the validation split, with seeds not used in the comparison."
        )
    batch = _first(analysis, "normalisation.global_batch")
    if batch:
        sentences.append(f"The global batch has {batch} images.")
    return sentences


def _evaluation(analysis: Analysis) -> list[str]:
    fraction, seed = _first(analysis, "data.validation"), _first(analysis, "data.split_seed")
    images = image_counts(analysis)
    counts = f" ({images})" if images != "not recorded" else ""
    return [
        f"Data: {_first(analysis, 'data.name') or 'as described'}{counts}; a fraction of {fraction} of the training "
        f"images, cut by a fixed split seed ({seed}), serves for validation and every choice, and the test set is read "
        "once a run, after training."
    ]


def _statistics(summary: StudySummary) -> list[str]:
    analysis = summary.analysis
    compared = [each.comparison for each in summary.judged if each.comparison is not None]
    if not compared:
        return [f"Intervals are Student's 95 % intervals of the mean {analysis.metric_name} over the seeds."]
    most = max((result.planned for result in analysis.arms), default=0)
    kind = (
        "anytime-valid (t-mixture confidence sequences, Wang and Ramdas 2023), since the number of seeds depended on "
        "the results"
        if analysis.sampling.is_anytime(most)
        else "Student's t"
    )
    images = any(each.difference.image_error for each in compared)
    over = (
        "over seeds and test images, as crossed random effects (Owen and Eckles 2012)" if images else "over the seeds"
    )
    family = max(each.comparisons for each in compared)
    sentences = [
        f"We give differences in {analysis.test_name} with 95 % intervals {over}; over seeds they are {kind}. "
        f"{pairing_note(summary)}.",
        f"p-values are corrected by Holm's method over {several(family, 'comparison')}.",
    ]
    if summary.findings:
        thresholds = [claim for claim, _ in summary.findings if claim.threshold]
        beyond = "its practical threshold" if thresholds else "zero"
        sentences.append(
            f"{several(len(summary.findings), 'claim')}{_stated(summary)} hold where the whole interval lies beyond "
            f"{beyond}; the headline's verdicts stand after Holm's correction over them."
        )
    least = [each.minimum_detectable_effect for each in compared]
    finite = [value for value in least if math.isfinite(value)]
    if finite:
        low, high = (analysis.unit.size(end) for end in (min(finite), max(finite)))
        sentences.append(
            f"With 80 % power the comparisons find differences from {low} ({high} where runs vary most)."
            if len(finite) > 1
            else f"With 80 % power the comparison finds a difference of {low}."
        )
    return sentences


def _stated(summary: StudySummary) -> str:
    """Return when the claims were stated, as far as the plan says it."""
    registration = summary.registration
    if registration.plan is None:
        return ""
    before = registration.plan.results_before
    when = f" stated after {several(before, 'result')}" if before else " stated beforehand"
    later = sum(row.exploratory for row in claim_rows(summary))
    return f"{when} ({later} of them later)" if later else when


def _software(analysis: Analysis) -> list[str]:
    found = versions(analysis)
    if not found["rows"]:
        return []
    first = dict(zip(found["columns"], found["rows"][0], strict=False))
    parts = [
        f"{label} {first[name]}" for name, label in (("torch", "PyTorch"), ("lightning", "Lightning")) if name in first
    ]
    device = f" on {first['device']}" if "device" in first else ""
    return [f"Runs were made with Litmus, {listed([*parts], 4)}{device}."] if parts else []


def _first(analysis: Analysis, column: str) -> str:
    value = next(iter(analysis.recorded(column)), "")
    return f"{value:g}" if isinstance(value, float) else str(value)


def deviations_of(summary: StudySummary) -> list[str]:
    """Return how a study differs from its plan, a sentence each."""
    analysis = summary.analysis
    seeds = max((result.planned for result in analysis.arms), default=0)
    claims = [claim for claim, _ in summary.findings]
    source = analysis.study.source
    # Where the study's file is gone its claims are unknown: they have not been taken back.
    known = source is None or Path(source).is_file()
    return deviations(summary.registration, claims if known else None, seeds, _progress(summary))


def deviations(registration: Registration, claims: Sequence[Claim] | None, seeds: int, progress: str = "") -> list[str]:
    """Return how a study differs from its plan, a sentence each.

    Args:
        registration: the plan and its history.
        claims: the study's claims now; None where they are not known.
        seeds: how many seeds the study has now.
        progress: how many seeds and claims are done, for a plan that adds seeds until the claims are decided.
    """
    plan = registration.plan
    if plan is None:
        return []
    found = []
    if plan.results_before and plan.claims:
        found.append(f"Claims were fixed after {several(plan.results_before, 'result')}.")
    later = [claim.sentence.rstrip(".") for claim in claims or () if registration.is_exploratory(claim.key)]
    if later:
        found.append(f"Exploratory, not planned before the first run: {'; '.join(later)}.")
    if registration.arms_added:
        found.append(f"Arms added later: {'; '.join(registration.arms_added)}.")
    if claims is not None and (dropped := registration.dropped({claim.sentence for claim in claims})):
        found.append(f"Planned and no longer claimed: {'; '.join(each.rstrip('.') for each in dropped)}.")
    if plan.looked:
        found.append(
            f"Planned {several(len(plan.seeds), 'seed')}, and more until the claims are decided; {progress}. {ANYTIME}"
        )
    elif seeds > len(plan.seeds):
        found.append(f"{seeds} seeds, {len(plan.seeds)} were planned. {ANYTIME}")
    elif registration.looked:
        found.append(f"{len(plan.seeds)} seeds were planned, and results were looked at on the way. {ANYTIME}")
    return found


def _progress(summary: StudySummary) -> str:
    """Return how many seeds have their result now, and how many primary claims are undecided, as a clause."""
    primary = [row for row in claim_rows(summary) if row.primary]
    undecided = sum(row.verdict == "inconclusive" for row in primary)
    claims = f"{undecided} of {several(len(primary), 'claim')} undecided" if undecided else "all claims decided"
    begun = max((result.planned for result in summary.analysis.arms), default=0)
    missing = any(result.missing for result in summary.analysis.arms)
    seeds = f"now {seeds_with_result(summary.analysis)} an arm with a result{f', {begun} begun' if missing else ''}"
    return f"{seeds}; {claims}"
