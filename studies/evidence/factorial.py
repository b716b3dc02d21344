"""Studies that are a full product of factors: main effects and interactions, with the seed as block."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from litmus.errors import UserError
from studies.evidence.results import Analysis, Metric
from studies.evidence.units import level

SEED, VALUE = "seed", "value"
"""Columns of a tidy frame beside the factors'."""


@dataclass(frozen=True)
class Term:
    """A main effect (one factor) or an interaction (several), tested.

    `df` are its degrees of freedom, `f` its F, `p_value` that of the F test. `partial_eta_squared` is its sum of
    squares over itself and the residual's.
    """

    factors: tuple[str, ...]
    df: int
    f: float
    p_value: float
    partial_eta_squared: float

    @property
    def name(self) -> str:
        """The term in words: `model.norm × optim.lr`."""
        return " × ".join(self.factors)


@dataclass(frozen=True)
class Factorial:
    """The terms of a factorial study, main effects first, over `runs` runs; `dropped` more have no value."""

    terms: tuple[Term, ...]
    residual_df: int
    runs: int
    dropped: int


def tidy(analysis: Analysis, metric: Metric) -> pd.DataFrame:
    """Return a row for each planned run: its level of every factor that has several, its seed and its value.

    The value is NaN for a run that diverged or has no result.
    """
    levels = {
        factor: [level(result.arm.levels.get(factor)) for result in analysis.arms] for factor in analysis.study.factors
    }
    varied = [factor for factor, each in levels.items() if len(set(each)) > 1]
    rows: list[dict[str, Any]] = []
    for index, result in enumerate(analysis.arms):
        values = result.values(metric)
        own = {factor: levels[factor][index] for factor in varied}
        rows += [{**own, SEED: seed, VALUE: values.get(seed, math.nan)} for seed in result.arm.runs]
    return pd.DataFrame(rows, columns=[*varied, SEED, VALUE])


def analysis_of_variance(frame: pd.DataFrame, factors: Sequence[str]) -> Factorial:
    """Return every main effect and interaction of a tidy frame by least squares with the seed as block.

    Sums of squares are of type II, so that cells may hold unequal numbers of runs; where they are equal this is the
    textbook's randomised block design. Raises `UserError` with the reason where the design cannot be analysed: fewer
    than two factors, an empty cell, no degree of freedom or no variance left for the residual.
    """
    from statsmodels.stats.anova import anova_lm

    prepared = _prepare(frame, factors)
    model = prepared.fit_least_squares()
    table = anova_lm(model, typ=2)
    residual = float(table.loc["Residual", "sum_sq"])
    terms = tuple(
        Term(
            names,
            int(table.loc[key, "df"]),
            float(table.loc[key, "F"]),
            float(table.loc[key, "PR(>F)"]),
            float(table.loc[key, "sum_sq"]) / (float(table.loc[key, "sum_sq"]) + residual),
        )
        for key, names in prepared.terms.items()
    )
    return Factorial(terms, prepared.residual_df, len(prepared.data), prepared.dropped)


@dataclass(frozen=True)
class _Prepared:
    """A frame with safe names (`factor0`, ...), without the runs that have no value."""

    data: pd.DataFrame
    factors: tuple[str, ...]
    dropped: int

    @property
    def terms(self) -> dict[str, tuple[str, ...]]:
        """The factors' own names by the formula's name of the term."""
        return {
            ":".join(f"C(factor{index})" for index in chosen): tuple(self.factors[index] for index in chosen)
            for order in range(1, len(self.factors) + 1)
            for chosen in itertools.combinations(range(len(self.factors)), order)
        }

    @property
    def residual_df(self) -> int:
        """Degrees of freedom that the cells and the seeds leave."""
        cells = self.data.groupby(self._columns).ngroups
        return len(self.data) - cells - (self.data[SEED].nunique() - 1)

    @property
    def _columns(self) -> list[str]:
        return [f"factor{index}" for index in range(len(self.factors))]

    def fit_least_squares(self) -> Any:
        import statsmodels.formula.api as formulas

        if self.residual_df <= 0:
            raise UserError(
                f"{len(self.data)} runs leave no degree of freedom for the residual; "
                "run at least two seeds of each cell"
            )
        model = formulas.ols(f"{VALUE} ~ {' + '.join(self.terms)} + C({SEED})", self.data).fit()
        spread = float(((self.data[VALUE] - self.data[VALUE].mean()) ** 2).sum())
        if model.ssr <= 1e-20 * max(spread, float((self.data[VALUE] ** 2).sum())):
            raise UserError(
                "the factors and the seed fix every run's value, which leaves no variance to hold them against"
            )
        return model


def _prepare(frame: pd.DataFrame, factors: Sequence[str]) -> _Prepared:
    if len(factors) < 2:
        raise UserError(f"main effects and interactions need two factors or more, got {len(factors)}")
    names = {factor: f"factor{index}" for index, factor in enumerate(factors)}
    # Levels of several types, or with quotes in them, become plain numbers.
    data = pd.DataFrame({name: pd.factorize(frame[factor].map(repr))[0] for factor, name in names.items()})
    data[SEED], data[VALUE] = frame[SEED].to_numpy(), frame[VALUE].to_numpy(dtype=float)
    if data.duplicated([*names.values(), SEED]).any():
        raise UserError("a cell has the same seed twice")
    levels: Mapping[str, int] = {name: int(data[name].nunique()) for name in names.values()}
    for factor, name in names.items():
        if levels[name] < 2:
            raise UserError(f"{factor} has one level only")
    kept = data[np.isfinite(data[VALUE])].reset_index(drop=True)
    planned = math.prod(levels.values()) * int(data[SEED].nunique())
    present = set(map(tuple, kept[list(names.values())].to_numpy().tolist()))
    empty = [cell for cell in itertools.product(*(range(count) for count in levels.values())) if cell not in present]
    if empty:
        first = ", ".join(
            f"{factor} {level(frame.loc[(data[name] == code).to_numpy(), factor].iloc[0])}"
            for (factor, name), code in zip(names.items(), empty[0], strict=True)
        )
        raise UserError(f"{len(empty)} of {math.prod(levels.values())} cells have no run with a value, {first} for one")
    return _Prepared(kept, tuple(factors), planned - len(kept))
