"""What was held equal between the arms, what the records say of it, and how it was checked."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from litmus.core.formatting import listed, several
from litmus.evidence.results import Analysis
from litmus.evidence.units import level
from litmus.records.code_record import FOLDER

VERSION_COLUMNS = ("code", "python", "torch", "lightning", "device", "hardware", "devices", "threads")


def versions(analysis: Analysis) -> dict[str, Any]:
    """Return the distinct environments with the number of runs of each, and in which columns they differ."""
    records = analysis.records
    columns = [name for name in VERSION_COLUMNS if f"environment.{name}" in records]
    if not columns:
        return {"columns": [], "rows": [], "mixed": []}
    frame = records[[f"environment.{name}" for name in columns]].dropna()
    frame.columns = pd.Index(columns)
    # Whole numbers became floats where some runs have none.
    frame = frame.map(level)
    counts = frame.value_counts().reset_index()
    return {
        "columns": columns,
        "rows": [[row[name] for name in (*columns, "count")] for row in counts.to_dict("records")],
        "mixed": [name for name in columns if frame[name].nunique() > 1],
    }


MEASURED = (
    "environment.",
    "normalisation.",
    "data.fingerprint",
    "data.num_classes",
    "data.class_names",
    "data.images",
    "data.image_shape",
)
"""Columns with a dot that are no config keys but what a run found."""
PLACES = ("data.root", "data.workers", "trainer.probes")
"""Config keys that may differ between runs of one experiment."""
IMAGES = tuple(f"data.images.{split}" for split in ("train", "validation", "test"))
NORMALISATION = ("global_batch", "batch_per_device", "synchronised", "statistics_over")
SPEED = ("precision", "compile", "channels_last", "deterministic")


@dataclass(frozen=True)
class Control:
    """One thing that was held equal: what it is, what the records say, and whether and how that was checked.

    `checked` begins with yes, no or not checked.
    """

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
    if synchronised == "False" and values("environment.devices") == "1":
        synchronised = "nothing to do, one device"
    return [
        Control(
            "Factors",
            (", ".join(analysis.study.factors) or "none: a study of one arm") + _tuned(analysis),
            _levels_checked(analysis),
        ),
        Control("All other config keys", f"equal in every arm{_other_code(analysis)}", _keys_checked(analysis)),
        Control(
            "Initialisation",
            _initialisation(analysis, values("init.pairing"), values("init.scheme")),
            _initialisation_checked(analysis),
        ),
        Control(
            "Order and augmentation",
            "a function of (seed, epoch, sample): equal in all arms of a seed",
            "not checked here: so by construction, and the package's tests hold it",
        ),
        *_own_code(analysis),
        Control(
            "Data",
            f"{values('data.name')}, fingerprint {values('data.fingerprint')}",
            _equal(analysis, "data.fingerprint"),
        ),
        Control("Images", _images(analysis), _equal(analysis, *IMAGES)),
        Control(
            "Validation split",
            f"{values('data.validation')} of the training set, split seed {values('data.split_seed')}",
            _equal(analysis, "data.validation", "data.split_seed", within_seed=True),
        ),
        Control(
            "Test set",
            f"read once a run, after training{_tested(records)}; arms are chosen on the validation split",
            "not checked here: so by construction, no number of it is known before a run's end",
        ),
        Control(
            "Batch normalisation",
            f"global batch {values('normalisation.global_batch')}, per device "
            f"{values('normalisation.batch_per_device')}, synchronised: {synchronised}; "
            f"{f'in {parts} parts, whose gradients are added up; ' if parts else ''}statistics over "
            f"{values('normalisation.statistics_over')} samples",
            _equal(analysis, *(f"normalisation.{name}" for name in NORMALISATION)),
        ),
        Control(
            "Speed settings",
            f"precision {values('trainer.precision')}, compile {values('trainer.compile')}, channels_last "
            f"{values('trainer.channels_last')}, deterministic {values('trainer.deterministic')}",
            _equal(analysis, *(f"trainer.{name}" for name in SPEED)),
        ),
    ]


def image_counts(analysis: Analysis) -> str:
    """Return how many images each split has, and of what shape they are, as far as the records say it."""
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
        return ", ".join(parts) + _shape(analysis)
    tested = [len(answers) for result in analysis.arms for answers in result.answers.values()]
    return f"{tested[0]:,} for test; an earlier version did not count the others" if tested else "not recorded"


def _shape(analysis: Analysis) -> str:
    """Return the channels, height and width of the networks' input, nothing where records do not say it."""
    if "data.image_shape" not in analysis.records:
        return ""
    shapes = {tuple(each) for each in analysis.records["data.image_shape"].dropna()}
    return f", each {' or '.join('×'.join(map(str, shape)) for shape in sorted(shapes))}" if shapes else ""


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


def _images(analysis: Analysis) -> str:
    """Return how many images and classes there are."""
    records = analysis.records
    classes = sorted(records["data.num_classes"].dropna().unique()) if "data.num_classes" in records else []
    told = f"; {' or '.join(f'{int(each):,}' for each in classes)} classes" if classes else ""
    return f"{image_counts(analysis)}{told}"


def _equal(analysis: Analysis, *columns: str, within_seed: bool = False) -> str:
    """Return whether all records, or all those of a seed, have the same values in `columns`, and how many say it."""
    known = [name for name in columns if name in analysis.records and analysis.records[name].notna().any()]
    if not known:
        return "not checked: not recorded by an earlier version"
    found = analysis.records.dropna(subset=known)
    varied = [name for name in known if name in analysis.study.factors]
    groups = [rows for _, rows in found.groupby("seed")] if within_seed else [found]
    differing = [name for name in known if any(rows[name].map(repr).nunique() > 1 for rows in groups)]
    where = "within each seed, " if within_seed else ""
    if differing:
        how = " (a factor)" if differing == varied else ""
        return f"no: {listed(differing, 4)} {'differs' if len(differing) == 1 else 'differ'}{how}"
    return f"yes: equal {where}in {several(len(found), 'record')}{_lacking(analysis, found)}"


def _lacking(analysis: Analysis, found: pd.DataFrame) -> str:
    lacking = len(analysis.records) - len(found)
    return f"; {lacking:,} more do not say it" if lacking else ""


def _levels_checked(analysis: Analysis) -> str:
    """Return whether each record's config has the levels of its arm."""
    wrong = checked = 0
    for result in analysis.arms:
        levels = {key: value for key, value in result.arm.levels.items() if key in result.records}
        rows = result.records.dropna(subset=list(levels))
        checked += len(rows)
        wrong += sum(any(row[key] != value for key, value in levels.items()) for row in rows.to_dict("records"))
    if not checked:
        return "not checked: no record yet"
    if wrong:
        return f"no: {several(wrong, 'record')} with other levels than {'its' if wrong == 1 else 'their'} arm's"
    return f"yes: {several(checked, 'record')} with {'its' if checked == 1 else 'their'} arm's levels"


def _initialisation_checked(analysis: Analysis) -> str:
    """Return whether it was counted which parameters of the built networks start equal."""
    rivals = [arm for arm in analysis.study.arms if not arm.is_baseline]
    if not rivals:
        return "not checked: nothing to compare"
    uncounted = sum(arm.start is None for arm in rivals)
    if uncounted:
        return f"not checked in {uncounted} of {several(len(rivals), 'arm')}: an earlier version did not count"
    unequal = sum(bool(arm.start is not None and arm.start.unequal) for arm in rivals)
    how = "counted on the built networks before the first run"
    return f"no, not all in {several(unequal, 'arm')}: {how}" if unequal else f"yes: {how}"


def _other_code(analysis: Analysis) -> str:
    """Return that runs are of several versions of the package, where they are."""
    column = "environment.code"
    number = analysis.records[column].dropna().nunique() if column in analysis.records else 0
    return f"; the code is not: {number} versions of Litmus" if number > 1 else ""


def _keys_checked(analysis: Analysis) -> str:
    """Return what a look at the records themselves finds, beside the check before the first run."""
    records, study = analysis.records, analysis.study
    allowed = {*study.factors, *PLACES, *(study.tuning.keys if study.tuning else ())}
    differing = [
        name
        for name in config_columns(records)
        if name not in allowed and records[name].dropna().map(repr).nunique() > 1
    ]
    if differing:
        return f"no: in the records differ too: {listed(differing, 6)}"
    return f"yes: before anything ran, and again in {several(len(records), 'record')}"


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
            "no: see the code that differs" if analysis.code.sentences() else "yes: part of each run's identity",
        )
    ]


def _tested(records: pd.DataFrame) -> str:
    best = "trainer.test" in records and (records["trainer.test"] == "best").any()
    return ", with the weights of the run's best evaluation on the validation split (trainer.test best)" if best else ""


def _tuned(analysis: Analysis) -> str:
    """Return which config keys were tuned for each arm; nothing where none was."""
    tuning = analysis.study.tuning
    return f"; tuned for each arm, with the same budget: {', '.join(tuning.keys)}" if tuning else ""
