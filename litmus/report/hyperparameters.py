"""The hyperparameters of a study in words: what each is for, what the arms chose, and what their training warns of.

A key is compared where the study varies it, tuned where each arm chooses its own value, and fixed otherwise: the
scientific, nuisance and fixed hyperparameters of Godbole et al. 2023, Deep Learning Tuning Playbook.
"""

from collections.abc import Sequence
from typing import Any

from litmus.core.formatting import listed
from litmus.evidence.claims import ArmTest
from litmus.evidence.convergence import fall_at_the_end, loss_rise
from litmus.evidence.differences import arms_of
from litmus.evidence.results import Analysis
from litmus.evidence.tuning import ArmTuning
from litmus.evidence.units import level
from litmus.records.study_record import StudyRecord, arm_label, level_name
from litmus.report.claims import ClaimRow
from litmus.report.controls import MOST_VALUES, distinct, hyperparameters_table
from litmus.report.tables import Table

NAMES = {
    "model.name": "network", "data.name": "dataset", "optim.name": "optimiser", "optim.lr": "learning rate",
    "optim.warmup": "warm-up", "optim.clip_norm": "largest norm of the gradient", "data.augment": "augmentation",
    "data.mix": "mixing of images",
}  # fmt: skip
"""Config keys whose last part is no word that a reader knows."""
OF_SECTION = {"norm": " of the norm", "init": " of the initialisation"}
MOST_ARMS = 5
"""Arms that a warning names."""


def in_words(key: str) -> str:
    """Return what a config key is called in a sentence: `learning rate`, `momentum of the norm`."""
    section, _, name = key.rpartition(".")
    return NAMES.get(key, name.replace("_", " ") + OF_SECTION.get(section, ""))


def values_in_words(values: Sequence[Any]) -> str:
    """Return a key's values as a sentence lists them; of many the number alone."""
    if len(values) > MOST_VALUES:
        return f"{len(values)} values"
    texts = [{True: "yes", False: "no"}[value] if isinstance(value, bool) else level(value) for value in values]
    return ", ".join(texts)


def levels_in_words(study: StudyRecord, key: str, with_values: bool = False) -> str:
    """Return a factor's levels as a sentence lists them; those with a name by it, and `with_values` its value too."""
    if key not in study.level_names:
        return values_in_words(study.factors[key])
    texts = []
    for value in study.factors[key]:
        name, text = level_name(key, value, study.level_names), values_in_words([value])
        texts.append(f"{name} ({text})" if name and with_values else name or text)
    return ", ".join(texts)


def fixed(analysis: Analysis, key: str) -> Any:
    """Return the value that a key has in all runs; None where they differ, or the study varies or tunes it."""
    tuning = analysis.study.tuning
    if key in analysis.study.factors or (tuning is not None and key in tuning.keys):
        return None
    found = analysis.recorded(key)
    return found[0] if found and all(value == found[0] for value in found) else None


def roles_table(analysis: Analysis, claims: Sequence[ClaimRow] = ()) -> Table | None:
    """Return which hyperparameters are scientific, tuned and fixed; None where no run recorded its config.

    A factor that a claim leaves open is both compared and chosen: the best level on validation stands for each side.
    """
    study = analysis.study
    tuned = study.tuning.space if study.tuning is not None else {}
    keys = [row["key"] for row in hyperparameters_table(analysis).rows]
    columns = [key for key in keys if key not in study.factors and key not in tuned]
    given = [key for key in columns if key in study.given]
    if not columns:
        return None
    chosen = {factor for row in claims for factor in _left_open(analysis, row)}
    rows = [
        [
            f"compared{', and chosen on validation in some claims' if key in chosen else ''}",
            key,
            levels_in_words(study, key, with_values=True),
        ]
        for key in study.factors
    ]
    rows += [["tuned: each arm chose its own", key, values] for key, values in tuned.items()]
    rows += [["fixed by the study", key, distinct(analysis.records, key, MOST_VALUES)] for key in given]
    rows.append(["fixed at the default", f"{len(columns) - len(given)} more", "see All hyperparameters"])
    note = "The conclusion is about these fixed values: at others, another arm may be the best."
    if "optim.lr" in columns:
        rate = distinct(analysis.records, "optim.lr", MOST_VALUES)
        note += f" The learning rate ({rate}) was not tuned, so an arm that needs another one is at a disadvantage."
    return Table.of("What was compared, tuned and fixed", ("role", "hyperparameter", "values"), rows, note)


def _left_open(analysis: Analysis, row: ClaimRow) -> set[str]:
    """Return the factors in which the arms differ that could stand for a side of a claim."""
    test, found = row.claim.test, set()
    if row.chooses and isinstance(test, ArmTest):
        for selector in test.arms:
            levels = [result.arm.levels for result in arms_of(analysis, selector)]
            found |= {key for key in analysis.study.factors if len({str(each.get(key)) for each in levels}) > 1}
    return found


def tuning_table(analysis: Analysis) -> Table | None:
    """Return the table of what each arm chose, None where nothing was tuned."""
    tuning = analysis.study.tuning
    if tuning is None:
        return None
    rows = []
    for each in analysis.tunings:
        chosen, score = "nothing yet: trials are missing", "–"
        if each.chosen is not None:
            chosen, score = arm_label(each.points[each.chosen]), analysis.unit.text(each.scores[each.chosen])
        rows.append([each.label, chosen, score, f"{len(each.points)}", f"{sum(each.diverged)}"])
    seeds = f"the tuning seed{'s' if len(tuning.seeds) > 1 else ''} {', '.join(map(str, tuning.seeds))}"
    note = (
        f"Before the comparison every arm tried the same {len(tuning.trials)} settings, each with {seeds}, and chose "
        "the best on the validation split; a diverged run counts as guessing. The comparison uses the chosen values "
        "and other seeds."
    )
    headings = ("arm", "chose", f"validation {analysis.metric_name}", "trials", "diverged")
    return Table.of("Tuning", headings, rows, note)


def warnings(analysis: Analysis) -> list[tuple[str, str]]:
    """Return what the arms' training and tuning warn of, as (warning, sentence); empty where there is nothing."""
    found = []
    falls = {result.label: fall_at_the_end(result) for result in analysis.arms}
    improving = [f"{label} (by {100 * fall:.0f} %)" for label, fall in falls.items() if fall is not None]
    if improving:
        text = (
            f"{listed(improving, MOST_ARMS)}: validation loss still fell within the last fifth of training. More "
            "epochs may change the comparison."
        )
        found.append(("Still improving at the end of training", text))
    overfit = []
    for result in analysis.arms:
        rise = loss_rise(result)
        if rise is not None:
            overfit.append(
                f"{result.label} (+{100 * rise.fraction:.0f} %, lowest after {100 * rise.at:.0f} % of training)"
            )
    if overfit:
        text = f"{listed(overfit, MOST_ARMS)}: validation loss rose between its lowest value and the end of training."
        found.append(("Overfitting", text))
    edges = [f"{each.label} ({', '.join(ends)})" for each in analysis.tunings if (ends := _at_the_edge(each))]
    if edges:
        text = f"{listed(edges, MOST_ARMS)}. A better value may lie beyond: tune all arms again with values beyond it."
        found.append(("Best at the edge of what was tried", text))
    return found


def _at_the_edge(tuning: ArmTuning) -> list[str]:
    """Return the chosen values that were the lowest or highest tried, in words; below zero there is nothing to try."""
    values = {} if tuning.chosen is None else tuning.points[tuning.chosen]
    ends = {(True, False): "lowest", (False, True): "highest", (True, True): "only"}
    return [
        f"{in_words(key)} {level(values[key])}, the {ends[at]}"
        for key, at in tuning.edges.items()
        if at[1] or values[key] > 0
    ]
