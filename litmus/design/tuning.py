"""Fair tuning: what every arm tries, with the same budget, before it is compared at what it chose.

The trials run on seeds of their own, which the study never uses again, and are chosen between on the validation split.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from litmus.core.errors import UserError, require_at_least, require_positive
from litmus.core.keyed_random import derive

FIRST_TUNING_SEED = 1_000_000
"""Seeds from here on are for tuning alone."""

Point = dict[str, Any]
"""What a trial sets: a value of each tuned key."""


@dataclass(frozen=True)
class Range:
    """The values from `low` to `high`, both greater than zero, drawn with a uniform logarithm; 4 digits are kept."""

    low: float
    high: float

    def __post_init__(self) -> None:
        require_positive(low=self.low)
        if not self.high > self.low:
            raise UserError(f"a range goes from a lower to a higher number, got {self.low:g}..{self.high:g}")

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"

    def draw(self, share: float) -> float:
        """Return the value at `share` of the range's logarithm, 0 to 1."""
        return float(f"{math.exp(math.log(self.low) + share * math.log(self.high / self.low)):.4g}")


Space = Mapping[str, Sequence[Any] | Range]


@dataclass(frozen=True)
class Tuning:
    """What every arm tries.

    Args:
        space: dotted config keys, each with the values or the `Range` to choose from. Where all are values, every
            combination of them is a trial.
        trials: how many are drawn for each arm where a range is among them, the same for all arms.
        seeds: how many tuning seeds each trial runs with; their mean is what is chosen by.
        extend: how often the space is extended where an arm's best trial lies at its edge; for all arms alike.
    """

    space: Space
    trials: int = 8
    seeds: int = 1
    extend: int = 0
    points: tuple[Point, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        require_positive(trials=self.trials, tuning_seeds=self.seeds)
        require_at_least(0, extend=self.extend)
        for key, values in self.space.items():
            if not isinstance(values, Range) and len(set(map(repr, values))) < max(2, len(values)):
                raise UserError(f"tune {key}: needs two values or more, all different")
        if not self.points:
            object.__setattr__(self, "points", self._points())

    @property
    def seed_numbers(self) -> tuple[int, ...]:
        """The seeds that the trials run with."""
        return tuple(range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + self.seeds))

    def extended(self, edges: Mapping[str, Sequence[bool]]) -> "Tuning":
        """Return the tuning with a wider space and what is to be tried in it, after the trials that it had.

        `edges` says for a key whether the best lies at its low, and at its high end. A key that has no order is left
        as it is.
        """
        wider: dict[str, Sequence[Any] | Range] = dict(self.space)
        new: list[Point] = []
        for key, (at_low, at_high) in edges.items():
            values = wider[key]
            if isinstance(values, Range):
                wider[key], parts = _wider_range(values, at_low, at_high)
                for part in parts:
                    new += self._drawn(math.ceil(self.trials / 2), {**wider, key: part}, len(self.points) + len(new))
            else:
                added = _beyond(values, at_low, at_high)
                wider[key] = [*values, *added]
                if not any(isinstance(each, Range) for each in wider.values()):
                    continue
                for value in added:
                    new += self._drawn(1, {**wider, key: [value]}, len(self.points) + len(new))
        if not any(isinstance(each, Range) for each in wider.values()):
            new = [point for point in _grid(wider) if point not in self.points]
        return replace(self, space=wider, extend=self.extend - 1, points=(*self.points, *new))

    def _points(self) -> tuple[Point, ...]:
        if any(isinstance(values, Range) for values in self.space.values()):
            return tuple(self._drawn(self.trials, self.space, 0))
        return tuple(_grid(self.space))

    def _drawn(self, count: int, space: Space, first: int) -> list[Point]:
        return [
            {key: _drawn_value(key, values, index) for key, values in space.items()}
            for index in range(first, first + count)
        ]


def as_tuning(tune: "Tuning | Space") -> Tuning | None:
    """Return what a study's `tune` asks for: None where it is empty."""
    if isinstance(tune, Tuning):
        return tune
    return Tuning(tune) if tune else None


def _grid(space: Space) -> list[Point]:
    values = [list(each) for each in space.values() if not isinstance(each, Range)]
    return [dict(zip(space, chosen, strict=True)) for chosen in itertools.product(*values)]


def _drawn_value(key: str, values: Sequence[Any] | Range, index: int) -> Any:
    share = np.random.default_rng(derive(0, "tuning", key, index)).random()
    return values.draw(share) if isinstance(values, Range) else values[int(share * len(values))]


def _wider_range(values: Range, at_low: bool, at_high: bool) -> tuple[Range, list[Range]]:
    """Return a range half as long again, on a logarithm, at each end that asks for it, and the parts that are new."""
    step = math.sqrt(values.high / values.low)
    low = float(f"{values.low / step:.4g}") if at_low else values.low
    high = float(f"{values.high * step:.4g}") if at_high else values.high
    parts = [Range(low, values.low)] if at_low else []
    return Range(low, high), parts + ([Range(values.high, high)] if at_high else [])


def _beyond(values: Sequence[Any], at_low: bool, at_high: bool) -> list[float]:
    """Return the next value below and above, at the distance of the last two: as a ratio where all are positive."""
    ordered = sorted(values)
    found = []
    for asked, edge, inner in ((at_low, ordered[0], ordered[1]), (at_high, ordered[-1], ordered[-2])):
        if asked:
            value = edge * edge / inner if ordered[0] > 0 else edge + (edge - inner)
            found.append(type(edge)(round(value)) if isinstance(edge, int) else float(f"{value:.4g}"))
    return [value for value in found if value not in values]
