"""How the runs were made: what was held equal and how that was checked, their settings and their environments."""

from collections.abc import Callable, Sequence

import pandas as pd

from litmus.core.config_keys import Role
from litmus.core.formatting import listed, several
from litmus.evidence.claims import Claim
from litmus.evidence.preregistration import Registration
from litmus.evidence.results import Analysis, Elsewhere
from litmus.evidence.summary import StudySummary
from litmus.evidence.units import level
from litmus.records.user_code import FOLDER
from litmus.report.tables import Table, pairing_note

CHANGED = "+changes"
"""What the version of code ends in that was changed after its commit."""
VERSION_COLUMNS = ("code", "python", "torch", "lightning", "device", "hardware", "devices", "threads")
MEASURED = (
    "environment.", "normalisation.", "data.fingerprint", "data.num_classes", "data.class_names", "data.images",
    "data.image_shape", "data.majority_share",
)  # fmt: skip
"""Columns with a dot that are no config keys but what a run found."""
NORMALISATION = ("global_batch", "batch_per_device", "statistics_over", "synchronised")
MOST_VALUES = 8
"""Values of a config key that are listed."""
BY_DESIGN = {
    "normalisation.": ("data.batch_size", "trainer.accumulate"),
    "normalisation.statistics_over": ("model.norm", "norm."),
    "normalisation.synchronised": ("model.norm", "trainer.sync_batchnorm"),
    "data.": ("data.name", "data.root", "data.train_fraction", "data.validation"),
}  # fmt: skip
"""What the keys of factors begin with that change a column of the records, by what the column begins with."""
COMES_WITH = {"model.name": ("model.", "init.scheme"), "data.name": ("data.",), "data.augment": ("data.transforms",)}
"""Config keys that an architecture, a dataset or a recipe brings with it, by the factor that chooses it."""


def controls_table(summary: StudySummary) -> Table:
    """Return what was held equal: what the records say of it, and whether and how that was checked."""
    known = summary.analysis.elsewhere
    rows = _controls(summary) if known is None else _known(summary, known)
    return Table.of(
        "What was controlled",
        ("what", "as recorded", "checked"),
        [(name, *each) for name, each in rows.items() if each[0]],
    )


def _controls(summary: StudySummary) -> dict[str, tuple[str, str]]:
    """Return each thing that was held equal, with the value that was recorded and its check.

    A check begins with yes, no, by design or not checked.
    """
    analysis, study = summary.analysis, summary.analysis.study
    tuned = f"; tuned for each arm, with the same budget: {', '.join(study.tuning.keys)}" if study.tuning else ""
    best = "best" in analysis.recorded("trainer.test")
    weights = ", with the weights of the run's best evaluation on the validation split (trainer.test best)"
    speed = [key for key, role in study.roles.items() if role == Role.SPEED]
    images = [f"data.images.{split}" for split in ("train", "validation", "test")]

    def value(column: str) -> str:
        return ", ".join(sorted({level(each) for each in analysis.recorded(column)})) or "not recorded"

    return {
        "Factors": ((", ".join(study.factors) or "none: a study of one arm") + tuned, _levels_checked(analysis)),
        "All other config keys": ("equal in every arm", _keys_checked(analysis)),
        "Code": _code(analysis),
        "Initialisation": _initialisation(analysis, value("init.pairing"), value("init.scheme")),
        "Order and augmentation": (
            "a function of (seed, epoch, sample): equal in all arms of a seed",
            "not checked here: true by construction, and the package's tests hold it",
        ),
        "User's code": _user_code(analysis),
        "Data": (
            f"{value('data.name')}, fingerprint {value('data.fingerprint')}", _equal(analysis, ["data.fingerprint"])
        ),
        "Images": (f"{image_counts(analysis)}; {value('data.num_classes')} classes", _equal(analysis, images)),
        "Validation split": (
            f"{value('data.validation')} of the training set, split seed {value('data.split_seed')}",
            _equal(analysis, ["data.validation", "data.split_seed"], within_seed=True),
        ),
        "Test set": (
            f"read once a run, after training{weights if best else ''}; arms are chosen on the validation split",
            "not checked here: true by construction, no number of it is known before a run's end",
        ),
        "Batch normalisation": (
            _batch_norm(analysis, value), _equal(analysis, [f"normalisation.{name}" for name in NORMALISATION])
        ),
        "Speed settings": (
            ", ".join(f"{key.rpartition('.')[2]} {value(key)}" for key in speed) or "not recorded",
            _equal(analysis, speed),
        ),
        "Plan": (
            plan_text(summary.registration, [claim for claim, _ in summary.findings]),
            plan_checked(summary.registration),
        ),
    }  # fmt: skip


def _code(analysis: Analysis) -> tuple[str, str]:
    """Return the versions of Litmus that the runs were trained with, and whether they are one that is in Git."""
    codes = sorted(set(analysis.recorded("environment.code")))
    if not codes:
        return "", ""
    changed = [code for code in codes if code.endswith(CHANGED)]
    checked = (
        "yes" if len(codes) == 1 and not changed else "no: changed and not committed" if changed else "no: they differ"
    )
    return f"Litmus {listed(codes, 4)}", checked


def cautions(analysis: Analysis) -> list[str]:
    """Return what a reader must know of the code and the environments of the runs, as sentences without their stop."""
    found = []
    changed = sum(str(code).endswith(CHANGED) for code in analysis.recorded("environment.code"))
    if changed:
        found.append(
            f"{changed} of {several(len(analysis.records), 'run')} used code of Litmus that was changed and not "
            f"committed (“{CHANGED}”), which nobody else has"
        )
    mixed = [name for name in VERSION_COLUMNS if len(set(map(level, analysis.recorded(f"environment.{name}")))) > 1]
    if mixed:
        found.append(f"these runs do not all come from the same environment: they differ in {listed(mixed, 8)}")
    return found


def _known(summary: StudySummary, elsewhere: Elsewhere) -> dict[str, tuple[str, str]]:
    """Return what is known of runs that Litmus did not train, and all that is not."""
    factors = listed(list(summary.analysis.study.factors), MOST_VALUES)
    unknown = {
        "Initialisation": "whether arms start equal within a seed",
        "Order and augmentation": "whether arms see the same samples within a seed",
        "Data": "whether all runs have the same training images",
        "Test images": "whether all runs were evaluated on the same ones, once, and which answer each got right",
        "Code": "whether all runs are of the same",
        "Plan": "whether arms, seeds and metric were chosen before the results were seen",
    }
    others = listed(elsewhere.others, MOST_VALUES)
    differing = (f"equal in all runs of an arm, but not in all arms: {others}", "no: see the columns named here")
    alike = ("no other column is equal in all runs of an arm and differs between arms", "not checked beyond the table")
    by = f"yes: by the column {elsewhere.seed}" if elsewhere.seed else "no: the table has no seeds"
    return {
        "Table": (" ".join([f"{elsewhere.table}.", *elsewhere.notes]), "yes: no arm has a seed twice"),
        f"Nothing but {factors} differs": differing if others else alike,
        "Pairs": (f"{pairing_note(summary)}.", by),
        **{name: (what, "not checked") for name, what in unknown.items()},
    }


def _batch_norm(analysis: Analysis, value: Callable[[str], str]) -> str:
    batch, per_device, over, synchronised = (value(f"normalisation.{name}") for name in NORMALISATION)
    if synchronised == "False" and value("environment.devices") == "1":
        synchronised = "nothing to do, one device"
    parts = "normalisation.accumulated_parts"
    accumulated = f"in {value(parts)} parts, whose gradients are added up; " if analysis.recorded(parts) else ""
    return (
        f"global batch {batch}, per device {per_device}, synchronised: {synchronised}; "
        f"{accumulated}statistics over {over} samples"
    )


def _differing(records: pd.DataFrame, columns: Sequence[str], within_seed: bool) -> list[str]:
    """Return those of `columns` with more than one value, of all records or of one seed's."""
    texts = records[list(columns)].map(lambda value: repr(value) if isinstance(value, list) else value)
    counts = texts.groupby(records["seed"]).nunique().max() if within_seed else texts.nunique()
    return [name for name in columns if counts[name] > 1]


def _equal(analysis: Analysis, columns: Sequence[str], within_seed: bool = False) -> str:
    """Return whether all records, or all those of a seed, have the same values in `columns`, and how many say it."""
    known = [name for name in columns if name in analysis.records and analysis.records[name].notna().any()]
    if not known:
        return "not checked: not recorded"
    found = analysis.records.dropna(subset=known)
    differing = _differing(found, known, within_seed)
    if differing:
        verb = "differs" if len(differing) == 1 else "differ"
        causes = [_causes(analysis, name) for name in differing]
        text = f"{listed(differing, 4)} {verb}"
        if not all(causes):
            return f"no: {text}"
        return f"by design: {text} with {listed(sorted({factor for each in causes for factor in each}))}"
    lacking = len(analysis.records) - len(found)
    more = f"; {lacking:,} more do not say it" if lacking else ""
    return f"yes: equal {'within each seed, ' if within_seed else ''}in {several(len(found), 'record')}{more}"


def _causes(analysis: Analysis, column: str) -> list[str]:
    """Return the factors by which a column differs between arms by design."""
    keys = [key for prefix, keys in BY_DESIGN.items() if column.startswith(prefix) for key in keys]
    return [factor for factor in analysis.study.factors if factor == column or factor.startswith(tuple(keys))]


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


def _keys_checked(analysis: Analysis) -> str:
    """Return whether the arms' records of a seed differ in keys that are neither factors, tuned nor places."""
    records = analysis.records
    differing = differing_keys(analysis)
    if differing:
        return f"no: in the records differ too: {listed(differing, 6)}"
    moving = _differing(records, _compared(analysis), within_seed=False)
    by_seed = f"; {listed(moving, 6)} {'differs' if len(moving) == 1 else 'differ'} by seed" if moving else ""
    return f"yes: before anything ran, and again in {several(len(records), 'record')}{by_seed}"


def differing_keys(analysis: Analysis, columns: Sequence[str] | None = None) -> list[str]:
    """Return those of `columns` in which runs of a seed differ; by default of all keys that the study holds equal."""
    return _differing(analysis.records, _compared(analysis) if columns is None else columns, within_seed=True)


def _compared(analysis: Analysis) -> list[str]:
    """Return the config keys that are neither factors, tuned nor places, nor come with a factor."""
    study = analysis.study
    places = [key for key, role in study.roles.items() if role in (Role.PLACE, Role.FILES)]
    allowed = {*study.factors, *places, *(study.tuning.keys if study.tuning else ())}
    brought = tuple(key for factor, keys in COMES_WITH.items() if factor in study.factors for key in keys)
    return [name for name in config_columns(analysis.records) if name not in allowed and not name.startswith(brought)]


def _initialisation(analysis: Analysis, pairing: str, scheme: str) -> tuple[str, str]:
    """Return by what parameters are paired, and whether those of the built networks were counted to start equal."""
    key = "its place among those of its shape" if pairing == "place" else "its name"
    drawn = f"each parameter drawn by (seed, {key})"
    if "," in scheme and "init.scheme" not in analysis.study.factors:
        drawn += f", each network's in its own scheme ({scheme})"
    rivals = [arm for arm in analysis.study.arms if not arm.is_baseline]
    starts = {arm.label: arm.start for arm in rivals if arm.start is not None}
    unequal = [
        f"{label}: {start.equal} of {start.shared} shared-shape parameters start equal, not {start.some_unequal()}"
        for label, start in starts.items()
        if start.unequal
    ]
    if unequal:
        drawn += f". {'; '.join(unequal)}. In every other arm all that it shares with the baseline start equal"
    elif starts:
        drawn += ": those that arms share start equal in all arms of a seed"
    if not rivals:
        checked = "not checked: nothing to compare"
    elif len(starts) < len(rivals):
        checked = f"not checked in {len(rivals) - len(starts)} of {several(len(rivals), 'arm')}"
    else:
        how = "counted on the built networks before the first run"
        checked = f"no, not all in {several(len(unequal), 'arm')}: {how}" if unequal else f"yes: {how}"
    return drawn, checked


def _user_code(analysis: Analysis) -> tuple[str, str]:
    """Return which code of the user's the runs were trained with; without a value for a study of the package."""
    if not analysis.study.codes:
        return "", ""
    hashes = ", ".join(f"{file} {digest}" for file, digest in sorted(analysis.study.codes[0].items()))
    taken = analysis.aside.taken_over
    checked = "no: see the code that differs" if taken else "yes: part of each run's identity"
    return f"{hashes}; copies in {FOLDER}/ next to this page. {taken}".strip(), checked


def plan_text(registration: Registration, claims: Sequence[Claim]) -> str:
    """Return what was planned and when, in a sentence; empty where there is nothing to say."""
    plan = registration.plan
    if plan is None or (plan.results_before and not claims):
        return ""
    when = "before the first run" if not plan.results_before else f"when {plan.results_before} runs had their result"
    how = ", looking at the results after each" if plan.looked else ""
    planned = f"{len(plan.arms)} arms × {len(plan.seeds)} seeds{how}, {several(len(plan.claims), 'claim')}"
    return f"{planned}; written {plan.time[:16].replace('T', ' ')} UTC, {when} ({plan.hash}, in plan.jsonl)"


def plan_checked(registration: Registration) -> str:
    """Return whether the plan was written before the first result."""
    plan = registration.plan
    if plan is None:
        return "not checked: no plan was written"
    if plan.results_before:
        return f"no: fixed after {several(plan.results_before, 'result')}"
    if registration.came_after:
        return f"no: written down after results on the same test images, of {registration.earlier_in_words()}"
    if plan.confirms:
        return (
            f"yes: the design and the claims of {plan.confirms}, written down before the first run of these fresh seeds"
        )
    return "yes: written down before the first run"


def image_counts(analysis: Analysis) -> str:
    """Return how many images each split has, and of what shape they are, as far as the records say it."""
    parts = []
    for split, name in (("train", "training"), ("validation", "validation"), ("test", "test")):
        counts = sorted(set(analysis.recorded(f"data.images.{split}")))
        if counts:
            parts.append(f"{' or '.join(f'{int(each):,}' for each in counts)} for {name}")
    if not parts:
        return "not recorded"
    shapes = sorted({tuple(each) for each in analysis.recorded("data.image_shape")})
    shape = " or ".join("×".join(map(str, each)) for each in shapes)
    return ", ".join(parts) + (f", each {shape}" if shape else "")


def config_columns(records: pd.DataFrame) -> list[str]:
    """Return the columns of the records that are config keys."""
    return [name for name in map(str, records) if "." in name and not name.startswith(MEASURED)]


def distinct(records: pd.DataFrame, column: str, most: int) -> str:
    """Return the different values in a column, at most `most` of them and how many more; empty where there is none."""
    texts = list(dict.fromkeys(level(value) for value in records[column].dropna())) if column in records else []
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def hyperparameters_table(analysis: Analysis) -> Table:
    """Return each config key with its value, or its values where the arms' differ."""
    records = analysis.records if analysis.elsewhere is None else pd.DataFrame()
    found = [(name, distinct(records, name, MOST_VALUES)) for name in config_columns(records)]
    return Table.of("Hyperparameters", ("key", "value, or the arms' values"), [each for each in found if each[1]])


def environments_table(analysis: Analysis) -> Table | None:
    """Return the distinct environments with the number of runs of each; None where none was recorded."""
    columns = [name for name in VERSION_COLUMNS if f"environment.{name}" in analysis.records]
    frame = analysis.records[[f"environment.{name}" for name in columns]].dropna().set_axis(columns, axis=1)
    if frame.empty:
        return None
    # Whole numbers became floats where some runs have none.
    counts = frame.map(level).value_counts().rename("runs").reset_index().astype(str)
    return Table.of("Environment", [*columns, "runs"], counts.to_numpy().tolist())
