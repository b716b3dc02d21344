"""How the levels of a study's factors are combined into arms: all of them, or a design of fewer arms.

Each design is a function of the factors' levels, each factor's level in the baseline first, and of the names that some
have. It returns the arms by label; the first arm is the one that the others are held against.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from litmus.core.errors import UserError
from litmus.records.study_record import LevelNames, arm_label

Factors = Mapping[str, Sequence[Any]]
Arms = dict[str, dict[str, Any]]

BASELINE, RECIPE = "baseline", "full recipe"
"""What the first arm is called where a design has one of its own."""


def full(factors: Factors, names: LevelNames) -> Arms:
    """Return all combinations of the levels."""
    combinations = [dict(zip(factors, levels, strict=True)) for levels in itertools.product(*factors.values())]
    return _labelled([(arm_label(levels, names) or "single arm", levels) for levels in combinations])


def one_at_a_time(factors: Factors, names: LevelNames) -> Arms:
    """Return the baseline, and for each other level of each factor the baseline with that level alone."""
    baseline = _baseline(factors)
    arms = [(BASELINE, baseline)]
    for key, (_, *others) in factors.items():
        arms += [(arm_label({key: level}, names), {**baseline, key: level}) for level in others]
    return _labelled(arms)


def leave_one_out(factors: Factors, names: LevelNames) -> Arms:
    """Return the full recipe, every factor at the level that is not the baseline's, and it with one taken back each."""
    _require_two_levels("leave_one_out", factors)
    recipe = {key: levels[1] for key, levels in factors.items()}
    arms = [(RECIPE, recipe)]
    arms += [
        (f"{RECIPE}, {arm_label({key: levels[0]}, names)}", {**recipe, key: levels[0]})
        for key, levels in factors.items()
    ]
    return _labelled(arms)


def ladder(factors: Factors, names: LevelNames) -> Arms:
    """Return the baseline, and arms that each add one factor's other level to the arm before, in the factors' order."""
    _require_two_levels("ladder", factors)
    levels = _baseline(factors)
    arms = [(BASELINE, levels)]
    for key, (_, other) in factors.items():
        levels = {**levels, key: other}
        arms.append((f"+ {arm_label({key: other}, names)}", levels))
    return _labelled(arms)


DESIGNS: dict[str, Callable[[Factors, LevelNames], Arms]] = {
    design.__name__: design for design in (full, one_at_a_time, leave_one_out, ladder)
}
"""Every design by its name."""


def _baseline(factors: Factors) -> dict[str, Any]:
    return {key: levels[0] for key, levels in factors.items()}


def _require_two_levels(design: str, factors: Factors) -> None:
    for key, levels in factors.items():
        if len(levels) != 2:
            raise UserError(
                f"design {design} needs two levels of each factor, the baseline's and another; {key} has {len(levels)}"
                f" ({', '.join(map(str, levels))})"
            )


def _labelled(arms: Sequence[tuple[str, dict[str, Any]]]) -> Arms:
    labelled = dict(arms)
    if len(labelled) < len(arms):
        raise UserError("two arms have the same label")
    return labelled
