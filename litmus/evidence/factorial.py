"""What each ingredient of a design contributes."""

import itertools
from dataclasses import dataclass

from litmus.evidence.differences import contrast, holm, side_of_arm
from litmus.evidence.estimate import Effect
from litmus.evidence.results import Analysis, Metric
from litmus.records.study_record import ArmRecord, StudyRecord, arm_label


@dataclass(frozen=True)
class Ingredient:
    """A factor's level that is not the baseline's, and the two arms whose difference is its effect.

    Args:
        name: the level, as arms are called.
        present: label of the arm that has it.
        absent: label of the arm without it, with which it is compared.
    """

    name: str
    present: str
    absent: str


@dataclass(frozen=True)
class Contribution:
    """What an ingredient adds; `p_holm` is the effect's p after Holm's correction over the study's ingredients."""

    ingredient: Ingredient
    effect: Effect
    p_holm: float


def contributions(analysis: Analysis, metric: Metric) -> list[Contribution]:
    """Return each ingredient's effect on `metric`: the arm with it less the arm without, by seed.

    Over the seeds that both arms have, with an interval over seeds and test images.
    """
    found = ingredients(analysis.study)
    sides = {result.label: side_of_arm(result) for result in analysis.arms}
    effects = [contrast(analysis, metric, [(1.0, sides[each.present]), (-1.0, sides[each.absent])]) for each in found]
    corrected = holm([effect.p_value for effect in effects])
    return [Contribution(*each) for each in zip(found, effects, corrected, strict=True)]


def ingredients(study: StudyRecord) -> list[Ingredient]:
    """Return the ingredients of a study's design; none where it is the full product or the study names its arms."""
    others = [arm for arm in study.arms if not arm.is_baseline]
    if study.design == "one_at_a_time":
        pairs = [(arm, study.baseline) for arm in others]
    elif study.design == "leave_one_out":  # whose baseline is the full recipe
        pairs = [(study.baseline, arm) for arm in others]
    elif study.design == "ladder":
        pairs = [(arm, before) for before, arm in itertools.pairwise(study.arms)]
    else:
        return []
    return [Ingredient(_changed(arm, other), arm.label, other.label) for arm, other in pairs]


def _changed(arm: ArmRecord, other: ArmRecord) -> str:
    return arm_label({key: level for key, level in arm.levels.items() if other.levels[key] != level})
