"""The hyperparameters of a study in words: what each is for, what the arms chose, and what their training warns of.

A key is scientific where the study compares its values, tuned where each arm chooses its own, and fixed otherwise: the
scientific, nuisance and fixed hyperparameters of Godbole et al. 2023, Deep Learning Tuning Playbook.
"""

from collections.abc import Sequence
from typing import Any

from litmus.core.formatting import listed
from litmus.evidence.convergence import fall_at_the_end, loss_rise
from litmus.evidence.results import Analysis
from litmus.evidence.tuning import ArmTuning
from litmus.evidence.units import level
from litmus.records.study_record import StudyRecord, arm_label, level_name
from litmus.report.controls import MOST_VALUES, distinct, hyperparameters
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


def roles_table(analysis: Analysis) -> Table | None:
    """Return which hyperparameters are scientific, tuned and fixed; None where no run recorded its config."""
    study = analysis.study
    tuned = study.tuning.space if study.tuning is not None else {}
    columns = [key for key, _ in hyperparameters(analysis) if key not in study.factors and key not in tuned]
    given = [key for key in columns if key in study.given]
    if not columns:
        return None
    rows = [["scientific: compared", key, levels_in_words(study, key, with_values=True)] for key in study.factors]
    rows += [["tuned: each arm chose its own", key, values] for key, values in tuned.items()]
    rows += [["fixed by the study", key, distinct(analysis.records, key, MOST_VALUES)] for key in given]
    rows.append(["fixed at the default", f"{len(columns) - len(given)} more", "see All hyperparameters"])
    limit = "The conclusion is about these fixed values: at others, another arm may be the best."
    if "optim.lr" in columns:
        rate = distinct(analysis.records, "optim.lr", MOST_VALUES)
        limit += f" The learning rate ({rate}) was not tuned, so an arm that needs another one is at a disadvantage."
    note = (
        "Scientific, tuned (nuisance) and fixed hyperparameters, as in the Deep Learning Tuning Playbook of Godbole et "
        f"al. {limit}"
    )
    return Table("What was compared, tuned and fixed", note, ("role", "hyperparameter", "values"), rows)


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
    return Table("Tuning", note, ("arm", "chose", f"validation {analysis.metric_name}", "trials", "diverged"), rows)


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
