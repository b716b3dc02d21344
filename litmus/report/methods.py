"""A methods paragraph, ready for a paper, and how the study differs from its plan."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litmus.core.formatting import listed, several
from litmus.evidence.claims import ArmTest, Claim
from litmus.evidence.preregistration import Registration
from litmus.evidence.results import Analysis
from litmus.evidence.summary import StudySummary
from litmus.evidence.units import level
from litmus.report.claims import claim_rows
from litmus.report.controls import differing_keys, image_counts
from litmus.report.hyperparameters import fixed, in_words, levels_in_words, values_in_words
from litmus.report.tables import diverged_value, seeds_with_result

ANYTIME = "Intervals of differences hold at every number of seeds."
OPTIMISERS = {"sgd": "SGD", "adamw": "AdamW", "adam": "Adam", "rmsprop": "RMSprop"}
"""Names of optimisers that are written otherwise than their key."""
SETTINGS = {
    "data": ("augment", "mix"),
    "optim": (
        "lr", "schedule", "warmup", "momentum", "nesterov", "weight_decay", "loss", "label_smoothing", "clip_norm",
    ),
}  # fmt: skip
"""The keys of each section that the paragraph names even where the study gives them no value of its own."""
OF_SCHEDULE = {
    "multistep": ("milestones", "decay_factor"),
    "exponential": ("decay_factor",),
    "plateau": ("decay_factor", "patience"),
}
"""More of them, by the schedule of the learning rate."""
UNUSED = (None, False, "none", "cross_entropy")
"""Values that do nothing, and are not named."""
TESTS = {
    "trend": "a trend is a seed's least-squares slope over the ranks of the levels, times the steps between them",
    "interaction": "an interaction is a seed's difference of two differences",
    "sooner": "steps to a target are compared by the logarithm of their ratio, on curves smoothed by isotonic "
    "regression; a run that never reaches the target counts with all its steps, which makes the ratio a bound",
    "higher_limit": "limits are compared by the highest level at which a seed's network trains, counted in levels",
}
"""How the tests of claims that are no difference of two arms are computed, by their name."""
LIBRARIES = {"python": "Python", "torch": "PyTorch", "torchvision": "torchvision", "lightning": "Lightning"}
MOST_CHOICES = 8
"""Different choices of tuned values that the paragraph lists."""


def methods(summary: StudySummary) -> str:
    """Return the paragraph, as one line of plain text."""
    analysis = summary.analysis
    parts = (_design, _network, _data, _training, _equal, _tuning)
    sentences = [sentence for part in parts for sentence in part(analysis)]
    return " ".join([*sentences, *_statistics(summary), *_environment(analysis)])


def _design(analysis: Analysis) -> list[str]:
    study = analysis.study
    seeds = seeds_with_result(analysis).replace("seed", "random seed")
    used = sorted({seed for result in analysis.arms for seed in result.arm.runs})
    if len(used) > 1 and used == list(range(used[0], used[-1] + 1)):
        seeds += f" ({used[0]} to {used[-1]})"
    varied = listed(
        [
            f"{in_words(key)} ({levels_in_words(study, key)})"
            for key, levels in study.factors.items()
            if len(levels) > 1
        ],
        6,
    )
    how = f" that differ in {varied}"
    if study.design not in ("", "full"):
        how += f", in a {study.design.replace('_', '-')} design"
    elif study.full_product and len(study.baseline.levels) > 1:
        how = f": all combinations of {varied}"
    sentences = [
        f"We compared {len(analysis.arms)} configurations{how}. Each was trained with {seeds}. "
        f"The baseline is {analysis.baseline.label}."
        if len(analysis.arms) > 1
        else f"We trained one configuration with {seeds}."
    ]
    if analysis.elsewhere is not None:
        factors = listed([in_words(key) for key in study.factors], 6)
        sentences.append(f"Results were read from a table; that they differ in {factors} alone was not checked.")
    if failed := sum(len(result.failed) for result in analysis.arms):
        counts = "run that diverged counts" if failed == 1 else "runs that diverged count"
        sentences.append(f"{failed} {counts} with the {analysis.metric_name} of {diverged_value(analysis)}.")
    if missing := sum(result.missing for result in analysis.arms):
        sentences.append(f"{several(missing, 'run')} had no result when this was written.")
    return sentences


def _named(analysis: Analysis, section: str, *said: str) -> str:
    """Return the settings of a section that are the same in all runs, in brackets, but those `said`."""
    names = [f"{section}.{name}" for name in SETTINGS.get(section, ())]
    if section == "optim":
        names += [f"optim.{name}" for name in OF_SCHEDULE.get(fixed(analysis, "optim.schedule"), ())]
    names += [key for key in analysis.study.given if key.startswith(f"{section}.") and key not in names]
    skipped = {f"{section}.{name}" for name in ("name", "weights", "root", "validation", "split_seed", *said)}
    values = {key: fixed(analysis, key) for key in names if key not in skipped}
    kept = [f"{in_words(key)} {_text(value)}" for key, value in values.items() if value not in UNUSED]
    return f" ({', '.join(kept)})" if kept else ""


def _text(value: Any) -> str:
    return ", ".join(map(level, value)) if isinstance(value, list | tuple) else values_in_words([value])


def _network(analysis: Analysis) -> list[str]:
    counts = sorted({int(count) for count in analysis.recorded("parameters")})
    size = f"{counts[0]:,}" + (f" to {counts[-1]:,}" if len(counts) > 1 else "") if counts else ""
    name, weights = fixed(analysis, "model.name"), fixed(analysis, "model.weights")
    sentences = []
    if name is not None:
        with_size = f", with {size} trainable parameters" if size else ""
        sentences.append(f"The network was {name}{_named(analysis, 'model')}{with_size}.")
    elif size:
        sentences.append(f"The networks have {size} trainable parameters.")
    if weights:
        sentences.append(f"Every run started from the weights in {Path(str(weights)).name}.")
    elif (scheme := fixed(analysis, "init.scheme")) is not None:
        sentences.append(f"Weights were set by the scheme {scheme}{_named(analysis, 'init', 'scheme')}.")
    return sentences


def _data(analysis: Analysis) -> list[str]:
    name, images = fixed(analysis, "data.name"), image_counts(analysis)
    if name is None and images == "not recorded":
        return []
    root, classes = fixed(analysis, "data.root"), fixed(analysis, "data.num_classes")
    called = f"{name} {Path(str(root)).name}" if name in ("folder", "mask_folder", "arrays") and root else name
    subject = (
        "The datasets have" if name is None else f"The dataset was {called}{_named(analysis, 'data', 'batch_size')}:"
    )
    parts = [images] * (images != "not recorded") + [f"in {classes:g} classes"] * (classes is not None)
    sentences = [f"{subject} {', '.join(parts)}." if parts else f"{subject.rstrip(':')}."]
    fraction, seeds = fixed(analysis, "data.validation"), sorted(set(analysis.recorded("data.split_seed")))
    if fraction is not None and seeds:
        which = f"split seed {seeds[0]:g}" if len(seeds) == 1 else f"{len(seeds)} split seeds"
        sentences.append(
            f"The validation images are {100 * fraction:g} % of the training set, drawn with {which}; every choice was "
            "made on them."
        )
    if analysis.recorded("trainer.test"):
        best = fixed(analysis, "trainer.test") == "best"
        when = "with the weights of its best evaluation on the validation images" if best else "at the end of training"
        sentences.append(f"Each run was evaluated once on the test set, {when}.")
    return sentences


def _training(analysis: Analysis) -> list[str]:
    epochs, optimiser = fixed(analysis, "trainer.epochs"), fixed(analysis, "optim.name")
    batch, per_device, devices, over = (
        fixed(analysis, key)
        for key in (
            "normalisation.global_batch", "normalisation.batch_per_device", "environment.devices",
            "normalisation.statistics_over",
        )
    )  # fmt: skip
    text = f" for {several(int(epochs), 'epoch')}" if epochs is not None else ""
    if batch is not None and not {"data.batch_size", "trainer.accumulate"} & set(analysis.study.factors):
        text += f" on batches of {batch:g} images"
        if devices is not None and devices > 1 and per_device is not None:
            text += f", {per_device:g} on each of {devices:g} devices"
        if over not in (None, batch):
            text += f" (batch normalisation takes its statistics over {over:g})"
    if optimiser is not None:
        text += f" with {OPTIMISERS.get(optimiser, optimiser)}{_named(analysis, 'optim')}"
    return [f"Networks were trained{text}."] if text else []


def _equal(analysis: Analysis) -> list[str]:
    """Return what the records show to be equal in all configurations, and what they do not."""
    pairing, factors = fixed(analysis, "init.pairing"), set(analysis.study.factors)
    if len(analysis.arms) == 1 or pairing is None:
        return []
    sentences = []
    order = {"data.name", "data.root", "data.train_fraction", "data.validation", "data.split_seed", "data.reshuffle"}
    columns = [key for key in ("data.fingerprint", "data.images.train") if key in analysis.records]
    if not factors & order and not differing_keys(analysis, columns):
        augmented = "" if factors & {"data.augment", "data.mix", "data.mix_alpha"} else " with the same augmentation"
        sentences.append(
            f"Within a seed, all configurations saw the same training images in the same order{augmented}."
        )
    if "init.scheme" not in factors and not any(analysis.recorded("model.weights")):
        key = "name" if pairing == "name" else "place among those of its shape"
        sentences.append(
            f"Each parameter was drawn from a generator keyed by the seed and its {key}{_start(analysis)}."
        )
    differing = listed([in_words(key) for key in differing_keys(analysis)], 6)
    sentences.append(
        f"The configurations also differ in {differing}." if differing else "All other settings were equal."
    )
    return sentences


def _start(analysis: Analysis) -> str:
    """Return which parameters start equal, as the end of a sentence; empty where that was not counted in every arm."""
    starts = {arm.label: arm.start for arm in analysis.study.arms if not arm.is_baseline}
    counted = {label: start for label, start in starts.items() if start is not None}
    if len(counted) < len(starts) or not any(start.shared for start in counted.values()):
        return ""
    unequal = [
        f"{len(start.unequal)} of {start.shared} in {label} ({start.some_unequal(2)})"
        for label, start in counted.items()
        if start.unequal
    ]
    but = f" but for {listed(unequal, 4)}" if unequal else ""
    return f"; parameters that a configuration shares with the baseline start equal{but}"


def _tuning(analysis: Analysis) -> list[str]:
    tuning = analysis.study.tuning
    if tuning is None:
        return []
    spaces = [f"{in_words(key)} ({values.replace('..', ' to ')})" for key, values in tuning.space.items()]
    better = "highest" if analysis.higher_is_better else "lowest"
    sentences = [
        f"Every configuration chose its own {listed(spaces, 6)}: each tried the same "
        f"{several(len(tuning.trials), 'setting')}, with {several(len(tuning.seeds), 'seed')} that the comparison does "
        f"not use, and took the one with the {better} validation {analysis.metric_name}."
    ]
    choices: dict[str, list[str]] = {}
    for label, values in tuning.chosen.items():
        chosen = " and ".join(f"{in_words(key)} {level(value)}" for key, value in values.items())
        choices.setdefault(chosen, []).append(label)
    if 0 < len(choices) <= MOST_CHOICES:
        found = [f"{chosen} for {listed(labels, 4)}" for chosen, labels in choices.items()]
        sentences.append(f"They chose {'; '.join(found)}.")
    return sentences


def _statistics(summary: StudySummary) -> list[str]:
    analysis = summary.analysis
    compared = [each.comparison for each in summary.judged if each.comparison is not None]
    if not compared:
        return [f"Intervals are Student's 95 % intervals of the mean {analysis.metric_name} over the seeds."]
    sentences = _test(summary)
    if (family := max(each.comparisons for each in compared)) > 1:
        sentences.append(f"The p values are corrected by Holm's method over {several(family, 'comparison')}.")
    if rows := claim_rows(summary):
        beyond = "its threshold" if any(row.claim.threshold for row in rows) else "zero"
        primary = sum(row.primary for row in rows)
        after = f", after Holm's correction over {several(primary, 'primary claim')}" if primary > 1 else ""
        one = len(rows) == 1
        sentences.append(
            f"{'The claim' if one else f'The {len(rows)} claims'} {_stated(summary, one)}; "
            f"{'it' if one else 'a claim'} is supported if its whole interval lies beyond {beyond}{after}."
        )
        used = {row.claim.test.name for row in rows if isinstance(row.claim.test, ArmTest)}
        if ways := [text for name, text in TESTS.items() if name in used]:
            sentences.append(f"Claims are tested as differences are: {'; '.join(ways)}.")
        if any(row.chooses for row in rows):
            sentences.append(
                "Where several configurations could stand for a side, a seed takes the best one on validation over the "
                "seeds before it, so that the first seed is not compared."
            )
    least = [each.minimum_detectable_effect for each in compared]
    finite = sorted(value for value in least if value <= analysis.unit.highest - analysis.unit.lowest)
    if finite:
        low, high = (analysis.unit.size(end) for end in (finite[0], finite[-1]))
        found = low if low == high else f"between {low} and {high}, by configuration"
        sentences.append(f"The smallest difference that is detected with 80 % power is {found}.")
    return sentences


def _test(summary: StudySummary) -> list[str]:
    """Return how differences are tested: the test by its name."""
    analysis, plan = summary.analysis, summary.analysis.sampling
    effects = {each.arm.label: each.comparison.difference for each in summary.judged if each.comparison is not None}
    name = "two-sided paired t tests"
    if plan.is_anytime(max((result.planned for result in analysis.arms), default=0)):
        looked, added = "results were looked at before all seeds had run", "more were added"
        reason = looked if plan.looked else f"{plan.planned} seeds were planned and {added}"
        name = f"anytime-valid t-mixture confidence sequences (Wang and Ramdas 2023), since {reason}"
    how = f"are paired by seed and tested by {name}"
    if unpaired := [label for label, effect in effects.items() if effect.n and not effect.paired]:
        welch = "two-sided unpaired t tests of Welch, since there are too few common seeds to pair"
        every = len(unpaired) == sum(effect.n > 0 for effect in effects.values())
        how = f"are tested by {welch}" if every else f"{how}; those of {listed(unpaired)} by {welch}"
    sentences = [f"Differences in {analysis.test_name} {how}; we report means and 95 % intervals."]
    if 1 < len(set(analysis.split_of_seed.values())) < len(analysis.split_of_seed):
        sentences.append("Seeds that share a validation split count as one value, their mean.")
    if any(effect.image_error for effect in effects.values()):
        sentences.append(
            "The tests also cover the choice of test images: seeds and images are crossed random effects (Owen and "
            "Eckles 2012), and the half-widths of their two intervals are added in squares."
        )
    return sentences


def _stated(summary: StudySummary, one: bool) -> str:
    """Return when the claims were stated, as far as the plan says it."""
    registration = summary.registration
    were = "was" if one else "were"
    if registration.plan is None:
        return f"{were} tested as stated"
    before = registration.plan.results_before
    if registration.came_after:
        return f"{were} stated after results on the same test images, of {registration.earlier_in_words()}"
    when = f"{were} stated after {several(before, 'result')}" if before else f"{were} stated before the first run"
    later = sum(row.exploratory for row in claim_rows(summary))
    return f"{when} ({later} of them later)" if later else when


def _environment(analysis: Analysis) -> list[str]:
    def values(key: str) -> list[str]:
        return sorted({level(each) for each in analysis.recorded(key)})

    versions = [f"{name} {' and '.join(values(f'environment.{key}'))}" for key, name in LIBRARIES.items()
                if values(f"environment.{key}")]  # fmt: skip
    if not versions:
        return []
    ways = [f"in precision {listed(values('trainer.precision'))}"] if values("trainer.precision") else []
    if fixed(analysis, "trainer.deterministic"):
        ways.append("with deterministic algorithms")
    if values("environment.hardware"):
        devices = " or ".join(values("environment.devices"))
        ways.append(f"on {f'{devices} × ' if devices not in ('', '1') else ''}{listed(values('environment.hardware'))}")
    code = f" (code {listed(values('environment.code'))})" if values("environment.code") else ""
    return [f"Runs were computed {' '.join([*ways, 'by', f'Litmus{code}'])} with {listed(versions, 6)}."]


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
    names = registration.earlier_in_words()
    if registration.came_after:
        what = "Claims were stated" if plan.claims else "This was planned"
        effect = "; they are exploratory" if plan.claims else ""
        found.append(f"{what} after results on the same test images, of {names}{effect}.")
    elif plan.confirms:
        found.append(
            f"A confirmation of {plan.confirms}: its design and claims, fixed before these fresh seeds ran. Results "
            f"on the same test images came before: {names}."
        )
    later = [claim.sentence.rstrip(".") for claim in claims or () if registration.is_new(claim.key)]
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
