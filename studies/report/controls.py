"""What was held equal between the arms, what the records say of it, and how it was checked."""

from dataclasses import dataclass

import pandas as pd

from litmus.wording import listed
from studies.evidence.results import Analysis
from studies.evidence.units import level
from studies.records.code_record import FOLDER
from studies.report.tuning import tuned_text

MEASURED = ("environment.", "normalisation.", "data.fingerprint", "data.num_classes", "data.class_names", "data.images")
"""Columns with a dot that are no config keys but what a run found."""
PLACES = ("data.root", "data.workers", "trainer.probes")
"""Config keys that may differ between runs of one experiment."""


@dataclass(frozen=True)
class Control:
    """One thing that was held equal: what it is, what the records say, and how that was checked."""

    name: str
    value: str
    checked: str = ""


def controls(analysis: Analysis) -> list[Control]:
    """Return what was held equal."""
    records = analysis.records

    def values(column: str) -> str:
        if column not in records:
            return "not recorded yet"
        return ", ".join(sorted({level(value) for value in records[column].dropna()})) or "not recorded yet"

    synchronised = values("normalisation.synchronised")
    parts = values("normalisation.accumulated_parts") if "normalisation.accumulated_parts" in records else ""
    fingerprints = records["data.fingerprint"].dropna().nunique() if "data.fingerprint" in records else 0
    same_data = f"{fingerprints} fingerprint{'' if fingerprints == 1 else 's'} in {len(records):,} records"
    return [
        Control(
            "Factors",
            (", ".join(analysis.study.factors) or "none: a study of one arm") + tuned_text(analysis),
            "declared in the study",
        ),
        Control("All other config keys", "equal in every arm", _keys_checked(analysis)),
        Control(
            "Initialisation",
            _initialisation(analysis, values("init.pairing"), values("init.scheme")),
            "counted on the built networks before the first run",
        ),
        Control(
            "Order and augmentation",
            "a function of (seed, epoch, sample): equal in all arms of a seed",
            "by construction; the package's tests hold it",
        ),
        *_own_code(analysis),
        Control("Data", f"{values('data.name')}, fingerprint {values('data.fingerprint')}", same_data),
        Control("Images", image_counts(analysis), "counted by each run"),
        Control(
            "Validation split",
            f"{values('data.validation')} of the training set, split seed {values('data.split_seed')}",
            "cut by the split seed alone",
        ),
        Control(
            "Test set",
            f"read once a run, after training{_tested(records)}; arms are chosen on the validation split",
            "no number of it is known before a run's end",
        ),
        Control(
            "Batch normalisation",
            f"global batch {values('normalisation.global_batch')}, per device "
            f"{values('normalisation.batch_per_device')}, synchronised: {synchronised}; "
            f"{f'in {parts} parts, whose gradients are added up; ' if parts else ''}statistics over "
            f"{values('normalisation.statistics_over')} samples",
            "recorded by each run",
        ),
        Control(
            "Speed settings",
            f"precision {values('trainer.precision')}, compile {values('trainer.compile')}, channels_last "
            f"{values('trainer.channels_last')}, deterministic {values('trainer.deterministic')}",
            "one choice for all arms",
        ),
    ]


def image_counts(analysis: Analysis) -> str:
    """Return how many images each split has, as far as the records say it."""
    records = analysis.records
    parts = []
    for split in ("train", "validation", "test"):
        column = f"data.images.{split}"
        counts = sorted(records[column].dropna().unique()) if column in records else []
        if counts:
            parts.append(
                f"{' or '.join(f'{int(each):,}' for each in counts)} for {'training' if split == 'train' else split}"
            )
    if parts:
        return ", ".join(parts)
    tested = [len(answers) for result in analysis.arms for answers in result.answers.values()]
    return f"{tested[0]:,} for test; an earlier version did not count the others" if tested else "not recorded"


def config_columns(records: pd.DataFrame) -> list[str]:
    """Return the columns of the records that are config keys."""
    return [name for name in map(str, records) if "." in name and not name.startswith(MEASURED)]


def hyperparameters(analysis: Analysis) -> list[tuple[str, str]]:
    """Return each config key with its value, or its values where the arms' differ."""
    records = analysis.records
    found = []
    for name in config_columns(records):
        texts = list(dict.fromkeys(level(value) for value in records[name].dropna()))
        if texts:
            more = f" and {len(texts) - 8} more" if len(texts) > 8 else ""
            found.append((name, ", ".join(texts[:8]) + more))
    return found


def _keys_checked(analysis: Analysis) -> str:
    """Return what a look at the records themselves finds, beside the check before the first run."""
    records, study = analysis.records, analysis.study
    allowed = {*study.factors, *PLACES, *(study.tuning.keys if study.tuning else ())}
    differing = [
        name
        for name in config_columns(records)
        if name not in allowed and records[name].dropna().map(repr).nunique() > 1
    ]
    before = "before anything ran"
    if differing:
        return f"{before}; in the records differ too: {listed(differing, 6)}"
    return f"{before}; and again in {len(records):,} records, where no other key differs"


def _initialisation(analysis: Analysis, pairing: str, scheme: str) -> str:
    """Return by what parameters are paired, and how many of each arm's start as the baseline's do."""
    key = "its place among those of its shape" if pairing == "place" else "its name"
    drawn = f"each parameter drawn by (seed, {key})"
    if "," in scheme and "init.scheme" not in analysis.study.factors:
        drawn += f", each network's in its own scheme ({scheme})"
    rivals = {arm.label: arm.start for arm in analysis.study.arms if not arm.is_baseline}
    counted = {label: start for label, start in rivals.items() if start is not None}
    if not rivals:
        return drawn
    if len(counted) < len(rivals):
        return f"{drawn}; an earlier version did not count which start equal"
    if not any(start.unequal for start in counted.values()):
        return f"{drawn}: those that arms share start equal in all arms of a seed"
    told = [
        f"{label}: {start.equal} of {start.shared} shared-shape parameters start equal, not {start.some_unequal()}"
        for label, start in counted.items()
        if start.unequal
    ]
    return f"{drawn}. {'; '.join(told)}. In every other arm all that it shares with the baseline start equal"


def _own_code(analysis: Analysis) -> list[Control]:
    """Return what the runs depend on of the user's code; nothing for a study of the package."""
    if analysis.study.source is None:
        return []
    codes = [arm.code.files for arm in analysis.study.arms if arm.code is not None]
    files = sorted({(file, digest) for code in codes for file, digest in code.items()})
    hashes = ", ".join(f"{file} {digest}" for file, digest in files) or "none that a run depends on"
    return [
        Control(
            "Own code",
            " ".join([f"{hashes}; copies lie in {FOLDER}/ beside this page.", *analysis.code.sentences()]),
            "part of each run's identity",
        )
    ]


def _tested(records: pd.DataFrame) -> str:
    best = "trainer.test" in records and (records["trainer.test"] == "best").any()
    return ", with the weights of the run's best evaluation on the validation split (trainer.test best)" if best else ""
