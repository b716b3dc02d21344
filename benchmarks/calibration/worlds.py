"""Worlds of runs: accuracies, curves and answers of arms that are alike or that differ by what is given."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.calibration.studies_in_memory import (
    CHANCE,
    MEAN,
    SD,
    Floats,
    Generator,
    SimulatedArm,
    arm,
    noise,
    study,
)
from litmus.evidence.results import Analysis

World = Callable[[Generator, int], Analysis]
Pair = Callable[[Generator, int], Floats]
"""Accuracies [2, seeds] of two arms."""


def normal(generator: Generator, n: int) -> Floats:
    return MEAN + noise(generator, 2, n)


def unequal(generator: Generator, n: int) -> Floats:
    return MEAN + noise(generator, 2, n, (SD, 5 * SD))


def heavy(generator: Generator, n: int) -> Floats:
    return MEAN + SD * generator.standard_t(3, size=(2, n))


def both_diverge(generator: Generator, n: int) -> Floats:
    return np.where(generator.random((2, n)) < 0.2, np.nan, normal(generator, n))


def one_diverges(generator: Generator, n: int) -> Floats:
    """The second arm diverges in a third of its runs; those that finish are like the first's."""
    values = normal(generator, n)
    values[1, generator.random(n) < 1 / 3] = np.nan
    return values


def small_test_set(generator: Generator, n: int) -> Floats:
    """A hundred images of which a run gets 97 right, give or take, as records keep it: in single precision."""
    return (generator.binomial(100, 0.97, size=(2, n)) / 100).astype(np.float32).astype(float)


def an_image_or_none(generator: Generator, n: int) -> Floats:
    """Runs that differ in one image of 360."""
    return ((350 + generator.integers(0, 2, size=(2, n))) / 360).astype(np.float32).astype(float)


def at_the_floor(generator: Generator, n: int) -> Floats:
    return generator.binomial(360, CHANCE, size=(2, n)) / 360


def at_the_ceiling(generator: Generator, n: int) -> Floats:
    """Nothing is wrong but, in one arm, an image of 10,000 at times."""
    return 1 - np.stack((np.zeros(n), generator.integers(0, 2, size=n))) / 10_000


def arms(values: Floats) -> list[SimulatedArm]:
    return [arm({"arm": index}, each, baseline=index == 0) for index, each in enumerate(values)]


def images_differ(generator: Generator, n: int, images: int = 300) -> Analysis:
    """Two architectures that are equally good on all images, but not on each: on other images the other is ahead."""
    shared = generator.normal(size=images)
    difficulty = np.stack([1.6 + 1.2 * shared + 1.2 * generator.normal(size=images) for _ in range(2)])
    chances = 1 / (1 + np.exp(-2 * difficulty))
    right = generator.random((2, n, images)) < chances[:, None]
    return study([arm({"arm": i}, right[i].mean(1), right=right[i], baseline=i == 0) for i in range(2)])


def selected(of: int, than: int, gain: float = 0.0) -> Callable[[Generator, int], Analysis]:
    """The arms of two sides, of which the best stands for its side."""

    def world(generator: Generator, n: int) -> Analysis:
        values = MEAN + noise(generator, of + than, n)
        values[:of] += gain
        sides = [(1, j) for j in range(of)] + [(0, j) for j in range(than)]
        return study([arm({"arm": i, "rate": j}, values[k], baseline=k == of) for k, (i, j) in enumerate(sides)])

    return world


def ladder(first: Sequence[float], second: Sequence[float]) -> Callable[[Generator, int], Analysis]:
    """Two arms over the levels of a factor, each trained with these chances by level."""

    def world(generator: Generator, n: int) -> Analysis:
        made = []
        for side, chances in enumerate((second, first)):
            for index, chance in enumerate(chances):
                trains = generator.random(n) < chance
                accuracy = np.where(trains, MEAN, CHANCE) + SD * generator.normal(size=n)
                made.append(arm({"arm": side, "rate": 0.1 * 3**index}, accuracy, baseline=not made))
        return study(made)

    return world


def curves(
    noises: tuple[float, float] = (SD, SD),
    speeds: tuple[float, float] = (1, 1),
    ends: tuple[float, float] = (MEAN, MEAN),
    spread: float = 0.1,
    steps: float = 6,
    rates: Sequence[float] = (1,),
) -> Any:
    """Return the world of two arms' curves: an exponential approach, each run at its speed, noisy evaluations.

    `steps` of 30 evaluations are what the approach takes to come 63 % of the way to the arm's end. Of several `rates`,
    times the speed, each makes an arm of either side.
    """

    def world(generator: Generator, n: int) -> Analysis:
        at = np.arange(1, 31)
        made = []
        for j, rate in enumerate(rates):
            pace = np.exp(noise(generator, 2, n, spread)) * rate
            for i in range(2):
                mean = CHANCE + (ends[i] - CHANCE) * (1 - np.exp(-at * pace[i, :, None] * speeds[i] / steps))
                seen = mean + noises[i] * generator.normal(size=mean.shape)
                made.append(arm({"arm": i, "rate": j}, seen[:, -1], curves=list(seen), baseline=not made))
        return study(made)

    return world
