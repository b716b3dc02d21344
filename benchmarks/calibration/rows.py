"""A row of the table: a test in a world, and the share of its trials."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.calibration.studies_in_memory import Generator
from litmus.core.keyed_random import derive

SIZES = (2, 3, 5, 10)
Trial = Callable[[Generator, int], bool]


@dataclass(frozen=True)
class Row:
    """A test in a world.

    Args:
        name: both, for the table.
        trial: one study of so many seeds: whether its verdict is false, or whether it finds the effect.
        stated: the rate that the page states, in per cent; NaN for a row of power.
        plain: whether the plain paired t test finds the effect in the same study, for a row of power.
        sizes: the numbers of seeds that it is made with.
        cost: how many times as long a trial takes as most do; so many fewer are made.
    """

    name: str
    trial: Trial
    stated: float = 5.0
    plain: Trial | None = None
    sizes: Sequence[int] = SIZES
    cost: int = 1

    @property
    def is_null(self) -> bool:
        """Whether there is nothing to find."""
        return not math.isnan(self.stated)


@dataclass(frozen=True)
class Cell:
    """A share of `trials` studies."""

    share: float
    trials: int

    @property
    def error(self) -> float:
        """Its Monte Carlo error."""
        return math.sqrt(max(self.share * (1 - self.share), 1 / self.trials) / self.trials)

    def exceeds(self, stated: float) -> bool:
        """Whether it is above a stated share by more than three Monte Carlo errors of a share that is as stated."""
        return self.share > stated + 3 * math.sqrt(stated * (1 - stated) / self.trials)


def measured(row: Row, trials: int, trial: Trial, key: str = "calibration") -> dict[int, Cell]:
    """Return the share of trials by the number of seeds; the draws are keyed by the row's name and `key`."""
    return {n: cell(row, n, max(200, trials // row.cost), trial, key) for n in row.sizes}


def cell(row: Row, n: int, trials: int, trial: Trial, key: str = "calibration") -> Cell:
    """Return the share of so many trials with `n` seeds."""
    generator = np.random.default_rng(derive(0, key, row.name, n))
    return Cell(sum(trial(generator, n) for _ in range(trials)) / trials, trials)
