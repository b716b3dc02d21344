"""Fair tuning: what every arm tries, with the same budget, before it is compared at what it chose.

The trials run on seeds of their own, which the study never uses again, and are chosen between on the validation split.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from litmus.core.declaration import Declared
from litmus.core.errors import UserError, require_positive
from litmus.core.keyed_random import derive

FIRST_TUNING_SEED = 1_000_000
"""Seeds from here on are for tuning alone."""

Point = dict[str, Any]
"""What a trial sets: a value of each tuned key."""


@dataclass(frozen=True)
class Range(Declared):
    """The values from `low` to `high`, both greater than zero, drawn with a uniform logarithm; 4 digits are kept."""

    low: float
    high: float

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(low=self.low)
        if not self.high > self.low:
            raise UserError(f"a range needs a lower and a higher number, got {self.low:g}..{self.high:g}")

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"

    def draw(self, position: float) -> float:
        """Return the value at `position` of the range's logarithm, 0 to 1."""
        return float(f"{math.exp(math.log(self.low) + position * math.log(self.high / self.low)):.4g}")


Space = Mapping[str, Sequence[Any] | Range]


@dataclass(frozen=True)
class Tuning(Declared):
    """What every arm tries.

    Args:
        space: dotted config keys, each with the values or the `Range` to choose from. Where all are values, every
            combination of them is a trial.
        trials: how many are drawn for each arm where a range is among them, the same for all arms.
        seeds: how many tuning seeds each trial runs with; their mean is what is chosen by. Several where arms are
            fragile: with one, a rate at which an arm trains in that seed alone can be chosen.
    """

    space: Space
    trials: int = 8
    seeds: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(trials=self.trials, tuning_seeds=self.seeds)
        for key, values in self.space.items():
            if not isinstance(values, Range) and len(set(map(repr, values))) < max(2, len(values)):
                raise UserError(f"tune {key}: needs two values or more, all different")

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """The seeds that the trials run with."""
        return tuple(range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + self.seeds))

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """What the trials set, the same for every arm."""
        if any(isinstance(values, Range) for values in self.space.values()):
            from scipy.stats import qmc  # takes most of a second to import

            # Spread evenly over the ranges by a scrambled Halton sequence: more trials go on where fewer ended.
            drawn = qmc.Halton(len(self.space), rng=derive(0, "tuning", *self.space)).random(self.trials)
            return tuple(
                {key: _value_at(at, values) for at, (key, values) in zip(row, self.space.items(), strict=True)}
                for row in drawn.tolist()
            )
        values = [list(each) for each in self.space.values() if not isinstance(each, Range)]
        return tuple(dict(zip(self.space, chosen, strict=True)) for chosen in itertools.product(*values))


def as_tuning(tune: "Tuning | Space") -> Tuning | None:
    """Return what a study's `tune` asks for: None where it is empty."""
    if isinstance(tune, Tuning):
        return tune
    return Tuning(tune) if tune else None


def _value_at(position: float, values: Sequence[Any] | Range) -> Any:
    return values.draw(position) if isinstance(values, Range) else values[int(position * len(values))]
