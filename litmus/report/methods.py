"""A methods paragraph, ready for a paper, and how the study differs from its plan."""

from collections.abc import Sequence
from pathlib import Path

from litmus.core.formatting import listed, several
from litmus.evidence.claims import Claim
from litmus.evidence.preregistration import Registration
from litmus.evidence.results import Analysis
from litmus.evidence.summary import StudySummary
from litmus.evidence.units import level
from litmus.report.claims import claim_rows
from litmus.report.controls import differing_keys, image_counts
from litmus.report.hyperparameters import fixed, in_words, levels_in_words, values_in_words
from litmus.report.tables import diverged_value, seeds_with_result

ANYTIME = "Intervals of differences hold at every number of seeds."
OPTIMISERS = {
    "sgd": "SGD", "adamw": "AdamW", "adam": "Adam", "nadam": "NAdam", "radam": "RAdam", "adamax": "Adamax",
    "adagrad": "Adagrad", "adadelta": "Adadelta", "adafactor": "Adafactor", "asgd": "ASGD", "rmsprop": "RMSprop",
    "rprop": "Rprop",
}  # fmt: skip
BETAS = ("adam", "adamw", "nadam", "radam", "adamax")
"""Optimisers whose first beta is the key `optim.momentum`."""
SCHEMES = {
    "kaiming_normal": "the normal initialisation of He et al. (2015, fan-in)",
    "kaiming_uniform": "the uniform initialisation of He et al. (2015, fan-in)",
    "kaiming_normal_out": "the normal initialisation of He et al. (2015, fan-out)",
    "xavier_normal": "the normal initialisation of Glorot and Bengio (2010)",
    "xavier_uniform": "the uniform initialisation of Glorot and Bengio (2010)",
    "normal": "draws from a normal distribution with standard deviation 0.01",
    "vgg": "the initialisation of VGG in torchvision",
    "pytorch": "the default initialisation of PyTorch",
    "own": "the initialisation of the network's constructor",
}
PRECISIONS = {
    "32-true": "32-bit floating point",
    "tf32": "32-bit floating point with TF32 products",
    "16-mixed": "mixed precision (float16)",
    "bf16-mixed": "mixed precision (bfloat16)",
    "64-true": "64-bit floating point",
}
LIBRARIES = {"python": "Python", "torch": "PyTorch", "torchvision": "torchvision", "lightning": "Lightning"}
MOST_CHOICES = 8
"""Different choices of tuned values that the paragraph lists."""


def methods(summary: StudySummary) -> str:
    """Return the paragraph, as one line of plain text."""
    analysis = summary.analysis
    return " ".join(
        [
            *_design(analysis),
            *_read(analysis),
            *_network(analysis),
            *_data(analysis),
            *_training(analysis),
            *_equal(analysis),
            *_tuning(analysis),
            *_statistics(summary),
            *_environment(analysis),
        ]
    )


def _design(analysis: Analysis) -> list[str]:
    study = analysis.study
    seeds = seeds_with_result(analysis).replace("seed", "random seed")
    used = sorted({seed for result in analysis.arms for seed in result.arm.runs})
    if len(used) > 1 and used == list(range(used[0], used[-1] + 1)):
        seeds += f" ({used[0]} to {used[-1]})"
    if len(analysis.arms) == 1:
        return [f"We trained one configuration with {seeds}.", *_unfinished(analysis)]
    varied = [
        f"{in_words(key)} ({levels_in_words(study, key)})" for key, levels in study.factors.items() if len(levels) > 1
    ]
    how = f" that differ in {listed(varied, 6)}"
    if study.design not in ("", "full"):
        how += f", in a {study.design.replace('_', '-')} design"
    elif study.full_product and len(varied) > 1:
        how = f": all combinations of {listed(varied, 6)}"
    return [
        f"We compared {len(analysis.arms)} configurations{how}. Each was trained with {seeds}. "
        f"The baseline is {analysis.baseline.label}.",
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


def _read(analysis: Analysis) -> list[str]:
    """Return where the results of runs that Litmus did not train come from, and what is not known of them."""
    if analysis.elsewhere is None:
        return []
    factors = listed([in_words(key) for key in analysis.study.factors], 6)
    return [f"Their results were read from a table; that they differ in {factors} alone was not checked."]


def _network(analysis: Analysis) -> list[str]:
    sentences = []
    counts = sorted({int(count) for count in analysis.recorded("parameters")})
    size = f"{counts[0]:,}" + (f" to {counts[-1]:,}" if len(counts) > 1 else "") if counts else ""
    name = fixed(analysis, "model.name")
    if name is not None:
        options = _given(analysis, "model.")
        within = f" ({options})" if options else ""
        sentences.append(f"The network was {name}{within}{f', with {size} trainable parameters' if size else ''}.")
    elif size:
        sentences.append(f"The networks have {size} trainable parameters.")
    weights, scheme = fixed(analysis, "model.weights"), fixed(analysis, "init.scheme")
    if weights:
        sentences.append(f"Every run started from the weights in {Path(str(weights)).name}.")
    elif scheme is not None:
        gain = fixed(analysis, "init.gain")
        scaled = "" if gain in (None, 1.0) else f", multiplied by {gain:g}"
        sentences.append(f"Weights were set by {SCHEMES.get(scheme, scheme)}{scaled}.")
    elif "init.scheme" not in analysis.study.factors and analysis.recorded("init.scheme"):
        sentences.append("Each network's weights were set by its usual initialisation.")
    return sentences


def _given(analysis: Analysis, section: str, said: Sequence[str] = ()) -> str:
    """Return the keys of a section that the study gives a value that is the same in all runs, but those `said`."""
    keys = [key for key in analysis.study.given if key.startswith(section) and key not in said]
    found = [(key, fixed(analysis, key)) for key in keys if not key.endswith((".name", ".weights", ".root"))]
    return ", ".join(f"{in_words(key)} {values_in_words([value])}" for key, value in found if value is not None)


def _data(analysis: Analysis) -> list[str]:
    name, images = fixed(analysis, "data.name"), image_counts(analysis)
    if name is None and images == "not recorded":
        return []
    said = ("data.batch_size", "data.eval_batch_size", "data.augment", "data.mix", "data.mix_alpha", "data.centring",
            "data.validation", "data.split_seed", "data.test_crops")  # fmt: skip
    options = _given(analysis, "data.", said)
    classes = fixed(analysis, "data.num_classes")
    parts = [images] * (images != "not recorded") + [f"in {int(classes)} classes"] * (classes is not None)
    root = fixed(analysis, "data.root") if name in ("folder", "mask_folder", "arrays") else None
    called = f"{name} {Path(str(root)).name}" if root else name
    subject = f"The dataset was {called}" if name is not None else "The datasets have"
    sentences = [f"{subject}{f' ({options})' if options else ''}{': ' if name else ' '}{', '.join(parts)}."]
    fraction, seeds = fixed(analysis, "data.validation"), sorted(set(analysis.recorded("data.split_seed")))
    if fraction is not None and seeds:
        which = f"split seed {seeds[0]:g}" if len(seeds) == 1 else f"{len(seeds)} split seeds"
        sentences.append(
            f"The validation images are {100 * fraction:g} % of the training set, drawn with {which}; every choice was "
            "made on them."
        )
    best = fixed(analysis, "trainer.test") == "best"
    crops = fixed(analysis, "data.test_crops")
    averaged = f", averaging the predictions for {crops} crops of an image" if crops in (5, 10) else ""
    when = "with the weights of its best evaluation on the validation images" if best else "at the end of training"
    if analysis.recorded("trainer.test"):
        sentences.append(f"Each run was evaluated once on the test set, {when}{averaged}.")
    augmented = fixed(analysis, "data.transforms") if "data.augment" not in analysis.study.factors else None
    if augmented == "none":
        sentences.append("Training images were not augmented.")
    elif augmented is not None:
        sentences.append(f"Training images were augmented by {augmented.replace(' + ', ' and ')}.")
    mix = fixed(analysis, "data.mix")
    if mix not in (None, "none"):
        sentences.append(f"Pairs of them were mixed by {mix} (α = {fixed(analysis, 'data.mix_alpha'):g}).")
    return sentences


def _training(analysis: Analysis) -> list[str]:
    epochs, optimiser = fixed(analysis, "trainer.epochs"), fixed(analysis, "optim.name")
    length = f" for {several(int(epochs), 'epoch')}" if epochs is not None else ""
    details = _optimiser_details(analysis, optimiser)
    how = f" with {OPTIMISERS.get(optimiser, optimiser)}" if optimiser is not None else ""
    batch = _batch(analysis)
    if not length and not how and not batch:
        return []
    within = f" ({', '.join(details)})" if details and how else ""
    sentences = [f"Networks were trained{length}{how}{within}{batch}.", *_learning_rate(analysis)]
    smoothing, loss = fixed(analysis, "optim.label_smoothing"), fixed(analysis, "optim.loss")
    if loss not in (None, "cross_entropy"):
        sentences.append(f"The loss was the {loss.replace('_', ' ')} loss.")
    if smoothing:
        sentences.append(f"Labels were smoothed by {smoothing:g}.")
    if clip := fixed(analysis, "optim.clip_norm"):
        sentences.append(f"Gradients were clipped to a norm of {clip:g}.")
    return sentences


def _optimiser_details(analysis: Analysis, optimiser: str | None) -> list[str]:
    momentum, decay = fixed(analysis, "optim.momentum"), fixed(analysis, "optim.weight_decay")
    details = []
    if momentum is not None and optimiser in BETAS:
        details.append(f"first beta {momentum:g}")
    elif momentum is not None and optimiser in ("sgd", "rmsprop"):
        nesterov = "Nesterov " if fixed(analysis, "optim.nesterov") else ""
        details.append(f"{nesterov}momentum {momentum:g}" if momentum else "no momentum")
    if decay is not None:
        details.append(f"weight decay {decay:g}" if decay else "no weight decay")
    return details + list(fixed(analysis, "optim.options") or ())


def _batch(analysis: Analysis) -> str:
    """Return the batch, as the end of a sentence; empty where it is varied."""
    batch, per_device = fixed(analysis, "normalisation.global_batch"), fixed(analysis, "normalisation.batch_per_device")
    if batch is None or {"data.batch_size", "trainer.accumulate"} & set(analysis.study.factors):
        return ""
    found = f" on batches of {int(batch)} images"
    devices, over = fixed(analysis, "environment.devices"), fixed(analysis, "normalisation.statistics_over")
    if devices is not None and devices > 1 and per_device is not None:
        found += f", {int(per_device)} on each of {int(devices)} devices"
    if parts := fixed(analysis, "normalisation.accumulated_parts"):
        found += f", accumulated over {int(parts)} micro-batches"
    if over is not None and over != batch:
        found += f"; batch normalisation takes its statistics over {int(over)} images"
    return found


def _learning_rate(analysis: Analysis) -> list[str]:
    rate, tuning = fixed(analysis, "optim.lr"), analysis.study.tuning
    predicates = [] if rate is None else [f"was {rate:g}"]
    which = ""
    if rate is None and tuning is not None and "optim.lr" in tuning.keys:
        which = ", which was tuned for each configuration,"
    if warmup := fixed(analysis, "optim.warmup"):
        predicates.append(f"rose linearly over the first {100 * warmup:g} % of training")
    factor = fixed(analysis, "optim.decay_factor")
    match fixed(analysis, "optim.schedule"):
        case "constant":
            predicates.append("stayed constant")
        case "multistep" if factor is not None:
            places = [f"{100 * each:g} %" for each in fixed(analysis, "optim.milestones") or ()]
            predicates.append(f"was multiplied by {factor:g} after {listed(places, 6)} of training")
        case "exponential" if factor is not None:
            predicates.append(f"fell exponentially, to {factor:g} times its value at the end of training")
        case "cosine":
            predicates.append("fell to zero along a cosine")
        case "plateau" if factor is not None:
            patience = fixed(analysis, "optim.patience")
            predicates.append(
                f"was multiplied by {factor:g} when the validation loss had not fallen for {patience} epochs"
            )
    return [f"The learning rate{which} {listed(predicates, 4)}."] if predicates else []


def _equal(analysis: Analysis) -> list[str]:
    """Return what the records show to be equal in all configurations, and what they do not."""
    pairing, factors = fixed(analysis, "init.pairing"), set(analysis.study.factors)
    if len(analysis.arms) == 1 or pairing is None:
        return []
    sentences = []
    order = ("data.name", "data.root", "data.train_fraction", "data.validation", "data.split_seed", "data.reshuffle")
    columns = [key for key in ("data.fingerprint", "data.images.train") if key in analysis.records]
    if not factors & set(order) and not differing_keys(analysis, columns):
        augmented = "" if factors & {"data.augment", "data.mix", "data.mix_alpha"} else " with the same augmentation"
        sentences.append(
            f"Within a seed, all configurations saw the same training images in the same order{augmented}."
        )
    if "init.scheme" not in factors and not any(analysis.recorded("model.weights")):
        key = "name" if pairing == "name" else "place among those of its shape"
        sentences.append(
            f"Each parameter was drawn from a generator keyed by the seed and its {key}{_start(analysis)}."
        )
    differing = differing_keys(analysis)
    sentences.append(
        f"The configurations also differ in {listed([in_words(key) for key in differing], 6)}."
        if differing
        else "All other settings were equal."
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
    if not unequal:
        return ", so that parameters which a configuration shares with the baseline start equal"
    return f"; parameters that a configuration shares with the baseline start equal but for {listed(unequal, 4)}"


def _tuning(analysis: Analysis) -> list[str]:
    tuning = analysis.study.tuning
    if tuning is None:
        return []
    spaces = [f"{in_words(key)} ({_space(values)})" for key, values in tuning.space.items()]
    better = "highest" if analysis.higher_is_better else "lowest"
    seeds = "with one seed" if len(tuning.seeds) == 1 else f"with {len(tuning.seeds)} seeds"
    settings = several(len(tuning.trials), "setting")
    sentences = [
        f"Every configuration chose its own {listed(spaces, 6)}: each tried the same {settings}, {seeds} that "
        f"the comparison does not use, and took the one with the {better} validation {analysis.metric_name}."
    ]
    choices: dict[str, list[str]] = {}
    for label, values in tuning.chosen.items():
        chosen = " and ".join(f"{in_words(key)} {level(value)}" for key, value in values.items())
        choices.setdefault(chosen, []).append(label)
    if len(choices) == 1:
        sentences.append(f"All chose {next(iter(choices))}.")
    elif choices and len(choices) <= MOST_CHOICES:
        found = [f"{chosen} for {listed(labels, 4)}" for chosen, labels in choices.items()]
        sentences.append(f"They chose {'; '.join(found)}.")
    return sentences


def _space(values: str) -> str:
    low, range_, high = values.partition("..")
    return f"{low} to {high}, uniform in its logarithm" if range_ else values


def _statistics(summary: StudySummary) -> list[str]:
    analysis = summary.analysis
    compared = [each.comparison for each in summary.judged if each.comparison is not None]
    if not compared:
        return [f"Intervals are Student's 95 % intervals of the mean {analysis.metric_name} over the seeds."]
    family = max(each.comparisons for each in compared)
    sentences = _test(summary)
    if family > 1:
        sentences.append(f"The p values are corrected by Holm's method over {several(family, 'comparison')}.")
    if summary.findings:
        claims = [claim for claim, _ in summary.findings]
        beyond = "its threshold" if any(claim.threshold for claim in claims) else "zero"
        rows = claim_rows(summary)
        primary = sum(row.primary for row in rows)
        after = f", after Holm's correction over {several(primary, 'primary claim')}" if primary > 1 else ""
        one = len(claims) == 1
        sentences.append(
            f"{'The claim' if one else f'The {len(claims)} claims'} {_stated(summary, one)}; "
            f"{'it' if one else 'a claim'} is supported if its whole interval lies beyond {beyond}{after}."
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
    analysis = summary.analysis
    effects = {each.arm.label: each.comparison.difference for each in summary.judged if each.comparison is not None}
    most = max((result.planned for result in analysis.arms), default=0)
    plan = analysis.sampling
    if plan.is_anytime(most):
        reason = (
            "since results were looked at before all seeds had run"
            if plan.looked
            else f"since {plan.planned} seeds were planned and more were added"
        )
        name = f"anytime-valid t-mixture confidence sequences (Wang and Ramdas 2023), {reason}"
    else:
        name = "two-sided paired t tests"
    unpaired = [label for label, effect in effects.items() if effect.n and not effect.paired]
    how = f"are paired by seed and tested by {name}"
    if unpaired:
        welch = "two-sided unpaired t tests of Welch, since there are too few common seeds to pair"
        every = len(unpaired) == sum(effect.n > 0 for effect in effects.values())
        how = f"are tested by {welch}" if every else f"{how}; those of {listed(unpaired)} by {welch}"
    sentences = [f"Differences in {analysis.test_name} {how}; we report means and 95 % intervals."]
    if analysis.split_of_seed and 1 < len(set(analysis.split_of_seed.values())) < len(analysis.split_of_seed):
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
    versions = [
        f"{name} {' and '.join(found)}"
        for library, name in LIBRARIES.items()
        if (found := sorted({str(each) for each in analysis.recorded(f"environment.{library}")}))
    ]
    if not versions:
        return []
    precisions = [PRECISIONS.get(each, each) for each in sorted(set(analysis.recorded("trainer.precision")))]
    ways = [f"in {listed(precisions)}"] if precisions else []
    if fixed(analysis, "trainer.deterministic"):
        ways.append("with deterministic algorithms")
    if fixed(analysis, "trainer.compile"):
        ways.append("compiled by torch.compile")
    if hardware := sorted({str(each) for each in analysis.recorded("environment.hardware")}):
        devices = sorted({int(each) for each in analysis.recorded("environment.devices")})
        cpu = set(analysis.recorded("environment.device")) == {"cpu"}
        one = "" if cpu or len(hardware) > 1 else "one "
        many = one if devices in ([], [1]) else f"{' or '.join(map(str, devices))} "
        ways.append(f"on {many}{listed(hardware)}{' CPUs' if cpu else ''}")
    codes = sorted({str(each) for each in analysis.recorded("environment.code")})
    code = f"Litmus (code {listed(codes)})" if codes else "Litmus"
    return [f"Runs were computed {' '.join([*ways, 'by', code])} with {listed(versions, 6)}."]


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
