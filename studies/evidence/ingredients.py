"""What each ingredient contributes in a study whose design is not the full product: an effect per factor."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studies.evidence.contrast import contrast
from studies.evidence.estimate import Effect
from studies.evidence.paired import holm
from studies.evidence.results import Analysis, Metric
from studies.evidence.selection import Side
from studies.records.arm_label import arm_label, short_name
from studies.records.study_record import ArmRecord, StudyRecord


@dataclass(frozen=True)
class Ingredient:
    """A factor's level that is not the baseline's, and the arms that tell its effect.

    Args:
        name: the level, as arms are called.
        present: labels of the arms that have it.
        absent: labels of the arms that it is held against, which have not.
        aliases: the interactions of two factors that the design cannot tell from it; where one comes in with the
            opposite sign, a minus says so.
    """

    name: str
    present: tuple[str, ...]
    absent: tuple[str, ...]
    aliases: tuple[str, ...] = ()


def ingredients(study: StudyRecord) -> list[Ingredient]:
    """Return the ingredients of a study's design; none where it is the full product or the study names its arms."""
    return _OF_DESIGN[study.design](study) if study.design in _OF_DESIGN else []


@dataclass(frozen=True)
class Contribution:
    """What an ingredient adds; `p_holm` is the effect's p after Holm's correction over the study's ingredients."""

    ingredient: Ingredient
    effect: Effect
    p_holm: float


def contributions(analysis: Analysis, metric: Metric) -> list[Contribution]:
    """Return each ingredient's effect on `metric`: the mean of the arms with it less that of the arms without, by seed.

    Over the seeds that all these arms have, with an interval over seeds and test images.
    """
    found = ingredients(analysis.study)
    sides = {result.label: Side(dict.fromkeys(result.arm.runs, result)) for result in analysis.arms}
    effects = [
        contrast(
            analysis,
            metric,
            [(1 / len(each.present), sides[label]) for label in each.present]
            + [(-1 / len(each.absent), sides[label]) for label in each.absent],
        )
        for each in found
    ]
    corrected = holm([effect.p_value for effect in effects])
    return [Contribution(*each) for each in zip(found, effects, corrected, strict=True)]


def _one_at_a_time(study: StudyRecord) -> list[Ingredient]:
    return [
        Ingredient(_changed(arm, study.baseline), (arm.label,), (study.baseline.label,))
        for arm in study.arms
        if not arm.is_baseline
    ]


def _leave_one_out(study: StudyRecord) -> list[Ingredient]:
    recipe = study.baseline
    return [
        Ingredient(_changed(recipe, arm), (recipe.label,), (arm.label,)) for arm in study.arms if not arm.is_baseline
    ]


def _ladder(study: StudyRecord) -> list[Ingredient]:
    return [
        Ingredient(_changed(arm, before), (arm.label,), (before.label,))
        for before, arm in itertools.pairwise(study.arms)
    ]


def _fractional(study: StudyRecord) -> list[Ingredient]:
    baseline = study.baseline.levels
    signs = {key: tuple(1 if arm.levels[key] != baseline[key] else -1 for arm in study.arms) for key in study.factors}
    found = []
    for key, own in signs.items():
        present = [arm for arm, sign in zip(study.arms, own, strict=True) if sign > 0]
        absent = [arm.label for arm, sign in zip(study.arms, own, strict=True) if sign < 0]
        name = arm_label({key: present[0].levels[key]})
        found.append(Ingredient(name, tuple(arm.label for arm in present), tuple(absent), _aliases(key, signs)))
    return found


def _aliases(key: str, signs: Mapping[str, Sequence[int]]) -> tuple[str, ...]:
    own = tuple(signs[key])
    others = [other for other in signs if other != key]
    products = {
        (a, b): tuple(x * y for x, y in zip(signs[a], signs[b], strict=True))
        for a, b in itertools.combinations(others, 2)
    }
    opposite = tuple(-sign for sign in own)
    return tuple(
        f"{'' if product == own else '−'}{short_name(a)} × {short_name(b)}"
        for (a, b), product in products.items()
        if product in (own, opposite)
    )


def _changed(arm: ArmRecord, other: ArmRecord) -> str:
    return arm_label({key: level for key, level in arm.levels.items() if other.levels[key] != level})


_OF_DESIGN = {
    "one_at_a_time": _one_at_a_time,
    "leave_one_out": _leave_one_out,
    "ladder": _ladder,
    "fractional": _fractional,
    "fractional_4": _fractional,
}
