"""An experiment: a study with what was asked for on top of it, and the name that says so.

`attention` is the study as its file has it, `attention+optim.name=adamw` the same with another optimiser, and
`attention+paper+data=cifar100` its paper preset on other data. What makes no other experiment is no part of the name:
more seeds, how runs are executed, where files lie, and a value that the study has anyway.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from litmus.core.config_keys import Key, Role, Settings
from litmus.design.tuning import Range, Tuning

Asked = dict[str, str]
"""What was asked for on top of a study: a name and a value in words; the value is empty where the name says it all."""

SHORT = {"model.name": "model", "data.name": "data"}
FIRST, LAST = ("model", "data"), ("first_seed", "splits")
DATA_OF_A_FOLDER = ("arrays", "folder", "mask_folder")
"""Datasets that are whatever lies in `data.root`; all others are the same wherever they lie."""
LONGEST = 100
"""Characters of a folder's name."""


def experiment_name(study: str, asked: Asked) -> str:
    """Return the name of an experiment, the same for whatever order it was asked for in."""

    def place(name: str) -> tuple[bool, int, int, str]:
        first = FIRST.index(name) if name in FIRST else len(FIRST)
        return bool(asked[name]), first, name in LAST, name

    return "+".join([study, *(f"{name}={asked[name]}" if asked[name] else name for name in sorted(asked, key=place))])


def folder_name(experiment: str) -> str:
    """Return the name of an experiment's folder: its own, where every file system and shell takes that.

    Other characters are replaced and what is too long is cut off; a hash then keeps different names apart, but for `/`,
    which becomes `-`: see `require_same_experiment` in `litmus.launch.conduct`.
    """
    name = re.sub(r"[^\w.,+=-]", "_", experiment.replace("/", "-"))
    if len(name) <= LONGEST and name == experiment.replace("/", "-"):
        return name
    return f"{name[: LONGEST - 9]}-{hashlib.sha256(experiment.encode()).hexdigest()[:8]}"


def asked_settings(
    settings: Settings,
    keys: Mapping[str, Key],
    arms: Sequence[Settings],
    plain: Sequence[Settings],
    on_data: Sequence[Settings],
) -> Asked:
    """Return which settings make another experiment.

    Args:
        settings: what was asked for, by key.
        keys: the declarations of the config keys.
        arms: each arm's resolved config by dotted key.
        plain: the same without any of the settings; empty where an arm cannot be made so.
        on_data: the same with the network, the dataset and their files alone, for which the study may have settings.
    """

    def differs(key: str, others: Sequence[Settings]) -> bool:
        return not others or any(one.get(key) != other.get(key) for one, other in zip(arms, others, strict=True))

    found: Asked = {}
    for key in settings:
        role = keys[key].role if key in keys else Role.IDENTITY
        values = [arm[key] for arm in arms if key in arm]
        of_files = role is Role.FILES
        if role is Role.PLACE or not values or not differs(key, plain if of_files or key in SHORT else on_data):
            continue
        if key == "data.root":
            names = {str(arm["data.name"]) for arm in arms}
            if names & set(DATA_OF_A_FOLDER):
                found["data"] = text_of(f"{'-'.join(sorted(names))}-{Path(values[0]).resolve().name}")
        else:
            value = Path(values[0]).name if of_files and values[0] is not None else values[0]
            found.setdefault(SHORT.get(key, key), text_of(value))
    return found


def asked_levels(levels: Mapping[str, Sequence[Any]], baseline: Settings) -> Asked:
    """Return the levels of factors in words: the baseline's first, which is where the differences are taken."""
    return {
        key: _listed(values, [each for each in values if each == baseline.get(key)]) for key, values in levels.items()
    }


def asked_tuning(tuning: Tuning | None, declared: Tuning | None) -> Asked:
    """Return in words what is tuned otherwise than the study declares it."""
    if tuning is None or tuning == declared:
        return {}
    found: Asked = {}
    if declared is None or tuning.space != declared.space:
        for key, values in tuning.space.items():
            found[f"tune.{key}"] = str(values) if isinstance(values, Range) else _listed(values)
    of_study = declared or Tuning(tuning.space)
    if tuning.trials != of_study.trials:
        found["trials"] = str(tuning.trials)
    if tuning.seeds != of_study.seeds:
        found["tuning_seeds"] = str(tuning.seeds)
    return found


def text_of(value: Any) -> str:
    """Return a value in words, as a user types it."""
    if isinstance(value, list | tuple):
        return ",".join(map(text_of, value))
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    # A plus sign parts what was asked for.
    return str(value).replace("e+", "e") if isinstance(value, float) else str(value).replace("+", "%2B")


def _listed(values: Collection[Any], first: Collection[Any] = ()) -> str:
    others = [each for each in values if each not in first]
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in others)
    ordered = sorted(others) if numbers else sorted(others, key=str)
    return ",".join(map(text_of, [*first, *ordered]))
