"""What each factor does: of a full product main effects and interactions, of other designs each ingredient's effect."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from litmus.core.errors import UserError
from litmus.evidence.differences import contrast, holm, side_of_arm
from litmus.evidence.estimate import Effect
from litmus.evidence.results import Analysis, Metric, guessed
from litmus.evidence.units import level
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
    effects = [
        contrast(
            analysis,
            metric,
            [(1.0, sides[each.present]), (-1.0, sides[each.absent])],
        )
        for each in found
    ]
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


@dataclass(frozen=True)
class Term:
    """A main effect (one factor) or an interaction (several), tested.

    `df` are its degrees of freedom, `f` its F against its own interaction with the seeds, `sphericity` the factor by
    which the degrees of freedom of both are multiplied, `p_value` that of the F test. `partial_eta_squared` is its sum
    of squares over itself and its error's. Where nothing varies over the seeds the figures are NaN.
    """

    factors: tuple[str, ...]
    df: int
    f: float = math.nan
    sphericity: float = math.nan
    p_value: float = math.nan
    partial_eta_squared: float = math.nan

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

    A diverged run counts with its outcome, in steps of the fall from the mean of all finished runs, as in `contrast`. A
    seed that lacks a value in any cell is left out. Raises `UserError` with the reason where the design cannot be
    analysed: fewer than two seeds, an empty cell, no variance to test the effects against.
    """
    levels = {
        factor: list(dict.fromkeys(level(result.arm.levels.get(factor)) for result in analysis.arms))
        for factor in analysis.study.factors
    }
    levels = {factor: each for factor, each in levels.items() if len(each) > 1}
    if len(levels) < 2:
        return None
    seeds = list(dict.fromkeys(seed for result in analysis.arms for seed in result.arm.runs))
    shape = [len(each) for each in levels.values()]
    cells, steps = np.full((len(seeds), *shape), math.nan), np.zeros(shape)
    finished = [value for result in analysis.arms for value in result.values(metric).values()]
    for result in analysis.arms:
        cell = tuple(each.index(level(result.arm.levels.get(factor))) for factor, each in levels.items())
        for seed, value in result.outcomes(metric).items():
            cells[(seeds.index(seed), *cell)] = value
        if finished and guessed(metric) and result.count("diverged"):
            steps[cell] = abs(float(np.mean(finished)) - result.diverged_value)
    seen = np.isfinite(cells)
    if len(empty := np.argwhere(~seen.any(0))):
        first = ", ".join(f"{factor} {each[at]}" for (factor, each), at in zip(levels.items(), empty[0], strict=True))
        raise UserError(f"{len(empty)} of {math.prod(shape)} cells have no run with a value, {first} for one")
    whole = seen.reshape(len(seeds), -1).all(1)
    if whole.sum() < 2:
        raise UserError(f"{whole.sum()} seeds have a run with a value in every cell; two are the least")
    terms = analysis_of_variance(cells[whole], list(levels), steps)
    if all(math.isnan(term.f) for term in terms):
        raise UserError("the factors and the seed fix every run's value, which leaves no variance to test them against")
    return Factorial(tuple(terms), int(whole.sum()), int((~whole).sum()))


def analysis_of_variance(
    cells: NDArray[np.float64], factors: Sequence[str], steps: NDArray[np.float64] | float = 0.0
) -> list[Term]:
    """Return every main effect and interaction of `cells` [seeds, levels of each factor], main effects first.

    An analysis of variance with repeated measures: the seed takes part in every cell, as a subject in every condition.
    Each term is tested against the error that its own contrasts leave over the seeds, so that cells may vary unequally,
    as those do in which runs diverge. Unequal variances within a term of several degrees of freedom are corrected by
    multiplying these with Greenhouse and Geisser's estimate (1959, On Methods in the Analysis of Profile Data). `steps`
    [levels of each factor] are the steps that the cells' values come in, see `step_variance`.
    """
    seeds, *levels = cells.shape
    squared_steps = np.broadcast_to(steps, levels).ravel() ** 2
    orders = range(1, len(factors) + 1)
    terms = []
    for chosen in itertools.chain.from_iterable(itertools.combinations(range(len(factors)), order) for order in orders):
        contrasts: NDArray[np.float64] = np.ones((1, 1))
        for index, count in enumerate(levels):
            rows = _orthonormal_contrasts(count) if index in chosen else np.full((1, count), count**-0.5)
            contrasts = np.kron(contrasts, rows).astype(float)
        names, df = tuple(factors[index] for index in chosen), len(contrasts)
        values = cells.reshape(seeds, -1) @ contrasts.T
        mean = values.mean(0)
        covariance = (values - mean).T @ (values - mean) / (seeds - 1)
        covariance += (contrasts * squared_steps / 12) @ contrasts.T
        effect, error = seeds * float(mean @ mean), float(np.trace(covariance)) * (seeds - 1)
        if error <= 1e-20 * float((cells**2).sum()):
            terms.append(Term(names, df))
            continue
        f = effect / df / (error / (df * (seeds - 1)))
        sphericity = float(np.trace(covariance)) ** 2 / (df * float((covariance**2).sum()))
        p_value = float(special.fdtrc(sphericity * df, sphericity * df * (seeds - 1), f))
        terms.append(Term(names, df, f, sphericity, p_value, effect / (effect + error)))
    return terms


def _orthonormal_contrasts(count: int) -> NDArray[np.float64]:
    """Return Helmert's contrasts of so many levels, orthonormal [count − 1, count]."""
    rows = np.array([[1.0] * k + [-float(k)] + [0.0] * (count - k - 1) for k in range(1, count)])
    contrasts: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return contrasts
