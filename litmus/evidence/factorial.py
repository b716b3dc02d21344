"""Studies that are a full product of factors: main effects and interactions, with the seed as block."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from litmus.core.errors import UserError
from litmus.evidence.differences import contrast, holm
from litmus.evidence.estimate import Effect
from litmus.evidence.results import Analysis, Metric, guessed
from litmus.evidence.sides import Side
from litmus.evidence.units import level
from litmus.records.study_record import ArmRecord, StudyRecord, arm_label, short_name


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


SEED, VALUE, STEP = "seed", "value", "step"
"""Columns of a tidy frame beside the factors'."""


@dataclass(frozen=True)
class Term:
    """A main effect (one factor) or an interaction (several), tested.

    `df` are its degrees of freedom, `f` its F against its own interaction with the seeds, `sphericity` the factor by
    which the degrees of freedom of both are multiplied, `p_value` that of the F test. `partial_eta_squared` is its sum
    of squares over itself and its error's. Where nothing varies over the seeds the figures are NaN.
    """

    factors: tuple[str, ...]
    df: int
    f: float
    sphericity: float
    p_value: float
    partial_eta_squared: float

    @property
    def name(self) -> str:
        """The term in words: `model.norm × optim.lr`."""
        return " × ".join(self.factors)


@dataclass(frozen=True)
class Factorial:
    """The terms of a factorial study, main effects first, over `seeds` seeds; `dropped` more lack a run's value."""

    terms: tuple[Term, ...]
    seeds: int
    dropped: int


def factorial_effects(analysis: Analysis, metric: Metric) -> Factorial | None:
    """Return the main effects and interactions of a study's factors; None where fewer than two have several levels.

    Raises `UserError` as `analysis_of_variance` does.
    """
    frame = tidy(analysis, metric)
    factors = [column for column in frame.columns if column in analysis.study.factors]
    if len(factors) < 2:
        return None
    return analysis_of_variance(frame, factors)


def tidy(analysis: Analysis, metric: Metric) -> pd.DataFrame:
    """Return a row for each planned run: its level of every factor that has several, its seed and its value.

    A diverged run counts with its outcome; the value is NaN for one that has none. Beside it the step in which an arm
    with diverged runs has its values: the fall from the mean of all finished runs to that outcome, see `contrast`.
    """
    levels = {
        factor: [level(result.arm.levels.get(factor)) for result in analysis.arms] for factor in analysis.study.factors
    }
    varied = [factor for factor, each in levels.items() if len(set(each)) > 1]
    rows: list[dict[str, Any]] = []
    finished = [value for result in analysis.arms for value in result.values(metric).values()]
    for index, result in enumerate(analysis.arms):
        values = result.outcomes(metric)
        fallen = bool(finished) and guessed(metric) and result.count("diverged") > 0
        step = abs(float(np.mean(finished)) - result.diverged_value) if fallen else 0.0
        own = {factor: levels[factor][index] for factor in varied}
        rows += [{**own, SEED: seed, VALUE: values.get(seed, math.nan), STEP: step} for seed in result.arm.runs]
    return pd.DataFrame(rows, columns=[*varied, SEED, VALUE, STEP])


def analysis_of_variance(frame: pd.DataFrame, factors: Sequence[str]) -> Factorial:
    """Return every main effect and interaction of a tidy frame, each held against its own variation over the seeds.

    An analysis of variance with repeated measures: the seed takes part in every cell, as a subject in every condition.
    Each term has the error that its own contrasts leave over the seeds, so that cells may vary unequally, as those do
    in which runs diverge; what is left of unequal variances within a term of several degrees of freedom is corrected by
    multiplying these with Greenhouse and Geisser's estimate (1959, On Methods in the Analysis of Profile Data). A seed
    that lacks a value in any cell is left out. Raises `UserError` with the reason where the design cannot be analysed:
    fewer than two factors or seeds, an empty cell, no variance to hold the effects against.
    """
    cells, steps, dropped = _by_seed(frame, factors)
    seeds, *levels = cells.shape
    terms = []
    for order in range(1, len(factors) + 1):
        for chosen in itertools.combinations(range(len(factors)), order):
            terms.append(_term(cells, steps, levels, chosen, tuple(factors[index] for index in chosen)))
    if all(math.isnan(term.f) for term in terms):
        raise UserError("the factors and the seed fix every run's value, which leaves no variance to hold them against")
    return Factorial(tuple(terms), seeds, dropped)


def _term(
    cells: NDArray[np.float64],
    steps: NDArray[np.float64],
    levels: Sequence[int],
    chosen: Sequence[int],
    names: tuple[str, ...],
) -> Term:
    contrasts: NDArray[np.float64] = np.ones((1, 1))
    for index, count in enumerate(levels):
        own = _orthonormal_contrasts(count) if index in chosen else np.full((1, count), count**-0.5)
        contrasts = np.kron(contrasts, own).astype(float)
    seeds, df = len(cells), len(contrasts)
    values = cells.reshape(seeds, -1) @ contrasts.T
    mean = values.mean(0)
    covariance = (values - mean).T @ (values - mean) / (seeds - 1)
    covariance += (contrasts * steps.ravel() ** 2 / 12) @ contrasts.T
    effect, error = seeds * float(mean @ mean), float(np.trace(covariance)) * (seeds - 1)
    if error <= 1e-20 * float((cells**2).sum()):
        return Term(names, df, math.nan, math.nan, math.nan, math.nan)
    f = effect / df / (error / (df * (seeds - 1)))
    sphericity = float(np.trace(covariance)) ** 2 / (df * float((covariance**2).sum()))
    p_value = float(stats.f.sf(f, sphericity * df, sphericity * df * (seeds - 1)))
    return Term(names, df, f, sphericity, p_value, effect / (effect + error))


def _orthonormal_contrasts(count: int) -> NDArray[np.float64]:
    """Return Helmert's contrasts of so many levels, orthonormal [count − 1, count]."""
    rows = np.array([[1.0] * k + [-float(k)] + [0.0] * (count - k - 1) for k in range(1, count)])
    contrasts: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return contrasts


def _by_seed(frame: pd.DataFrame, factors: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Return the values of the seeds that have all cells [seeds, levels of each factor], and of the rest the number.

    Between them the cells' steps [levels of each factor].
    """
    if len(factors) < 2:
        raise UserError(f"main effects and interactions need two factors or more, got {len(factors)}")
    # Levels may be of several types.
    codes = [pd.factorize(frame[factor].map(repr))[0] for factor in factors]
    counts = [int(code.max()) + 1 for code in codes]
    for factor, count in zip(factors, counts, strict=True):
        if count < 2:
            raise UserError(f"{factor} has one level only")
    seeds, names = pd.factorize(frame[SEED])
    if pd.MultiIndex.from_arrays([*codes, seeds]).has_duplicates:
        raise UserError("a cell has the same seed twice")
    cells = np.full((len(names), *counts), math.nan)
    cells[(seeds, *codes)] = frame[VALUE].to_numpy(dtype=float)
    steps = np.zeros(counts)
    steps[tuple(codes)] = frame[STEP].to_numpy(dtype=float) if STEP in frame else 0.0
    seen = np.isfinite(cells)
    if not seen.any(0).all():
        empty = np.argwhere(~seen.any(0))
        first = ", ".join(
            f"{factor} {level(frame[factor].iloc[int(np.argmax(code == index))])}"
            for factor, code, index in zip(factors, codes, empty[0], strict=True)
        )
        raise UserError(f"{len(empty)} of {math.prod(counts)} cells have no run with a value, {first} for one")
    whole = seen.reshape(len(names), -1).all(1)
    if whole.sum() < 2:
        raise UserError(f"{whole.sum()} seeds have a run with a value in every cell; two are the least")
    return cells[whole], steps, int((~whole).sum())
