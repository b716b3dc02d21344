"""The rows of worlds with an effect: how often it is found, beside the plain paired t test."""

import math
from collections.abc import Iterator

import numpy as np

from benchmarks.calibration.rows import Row, Trial
from benchmarks.calibration.studies_in_memory import MEAN, SD, Floats, Generator, arm, noise, study
from benchmarks.calibration.trials import (
    FASTEST_TO_THE_BEST,
    HIGHER,
    INTERACTION,
    MORE,
    SOONER,
    TO_THE_BEST,
    TREND,
    supported,
)
from benchmarks.calibration.worlds import Pair, arms, curves, ladder, normal, selected
from litmus.evidence.estimate import Sampling, effect_of
from litmus.evidence.summary import arm_statistics


def plain_t(values: Floats) -> bool:
    return effect_of(list(values)).excludes_zero


def gain(sds: float, second: Pair = normal) -> tuple[Trial, Trial]:
    """Return whether an arm that is better by so many sds of the differences is found, by us and by the plain test."""
    of_differences = SD * math.sqrt(2 * (1 - 0.5))

    def values(generator: Generator, n: int) -> Floats:
        made = second(generator, n)
        made[1] += sds * of_differences
        return made

    return (
        lambda generator, n: supported(MORE, study(arms(values(generator, n)))),
        lambda generator, n: plain_t(np.subtract(*values(generator, n)[::-1])),
    )


def discrete_gain(generator: Generator, n: int) -> Floats:
    return np.round(normal(generator, n) * 1000) / 1000


def effects() -> Iterator[Row]:
    """Yield the rows with an effect: how often it is found."""
    nothing = math.nan
    for sds in (1, 2, 3):
        ours, plain = gain(sds)
        yield Row(f"more: {sds} sd", ours, nothing, plain)
    ours, plain = gain(3, discrete_gain)
    yield Row("more: 3 sd, 1000 test images", ours, nothing, plain)
    for sds in (2, 3):
        made = selected(6, 1, sds * SD)
        yield Row(
            f"more: {sds} sd, best of 6 to 1", lambda g, n, made=made: supported(MORE, made(g, n)), nothing,
            gain(sds)[1], cost=3,
        )  # fmt: skip

    def table_finds(generator: Generator, n: int) -> bool:
        values = normal(generator, n) + np.array([[0], [3 * SD]])
        _, second = arm_statistics(study(arms(values)), "test_top1")
        return second.comparison is not None and second.comparison.difference.p_value < 0.05

    yield Row("table p: 3 sd", table_finds, nothing, gain(3)[1])

    def known_images(generator: Generator, n: int) -> bool:
        """The arms differ in their seeds alone: each run misses its own images, at random."""
        accuracy = normal(generator, n) + np.array([[0], [3 * SD]])
        right = generator.random((2, n, 10_000)) < accuracy[:, :, None]
        made = [arm({"arm": i}, right[i].mean(1), right=right[i], baseline=i == 0) for i in range(2)]
        return supported(MORE, study(made))

    yield Row("more: 3 sd, 10,000 images known", known_images, nothing, gain(3)[1], cost=10)

    def trended(generator: Generator, n: int) -> bool:
        values = MEAN + noise(generator, 4, n) + SD * np.arange(4)[:, None]
        return supported(TREND, study(arms(values)))

    def trended_plain(generator: Generator, n: int) -> bool:
        values = MEAN + noise(generator, 4, n) + SD * np.arange(4)[:, None]
        return plain_t(np.array([-0.9, -0.3, 0.3, 0.9]) @ values)

    yield Row("trend: 3 sd over 4 levels", trended, nothing, trended_plain)

    def interacts(generator: Generator, n: int) -> bool:
        return supported(INTERACTION, study(arms(_crossed(generator, n))))

    def interacts_plain(generator: Generator, n: int) -> bool:
        return plain_t(np.array([1, -1, -1, 1]) @ _crossed(generator, n))

    yield Row("interaction: 3 sd", interacts, nothing, interacts_plain)

    def ran_on(generator: Generator, n: int) -> bool:
        values = normal(generator, n) + np.array([[0], [3 * SD]])
        sampling = Sampling(5, looked=True)
        return any(supported(MORE, study(arms(values[:, :k]), sampling=sampling)) for k in range(2, n + 1))

    yield Row("looks after every seed: 3 sd", ran_on, nothing, gain(3)[1], cost=3)
    first, second = (1, 1, 1, 0.9, 0.1, 0), (1, 1, 0.9, 0.1, 0, 0)
    yield Row("higher_limit: a level", lambda g, n: supported(HIGHER, ladder(first, second)(g, n)), nothing, cost=3)
    first = (1, 1, 1, 1, 0.9, 0.1)
    yield Row("higher_limit: two levels", lambda g, n: supported(HIGHER, ladder(first, second)(g, n)), nothing, cost=3)
    for speed in (1.3, 2):
        made = curves(speeds=(1, speed))
        yield Row(f"sooner: {speed} times", lambda g, n, made=made: supported(SOONER, made(g, n)), nothing, cost=6)
    for name, test, made in (
        ("to the best: 1.3 times", TO_THE_BEST, curves(speeds=(1, 1.3), steps=20)),
        ("to the best: 2 times", TO_THE_BEST, curves(speeds=(1, 2), steps=20)),
        ("to the best: 1.3 times, 5 points better", TO_THE_BEST, curves(speeds=(1, 1.3), ends=(MEAN, MEAN + 0.05))),
        ("the fastest of 3, to the best: 2 times", FASTEST_TO_THE_BEST,
         curves(speeds=(1, 2), steps=20, rates=(1, 0.8, 0.6))),
    ):  # fmt: skip
        yield Row(f"sooner, {name}", lambda g, n, t=test, made=made: supported(t, made(g, n)), nothing, cost=6)


def _crossed(generator: Generator, n: int) -> Floats:
    values = MEAN + noise(generator, 4, n)
    values[0] += 3 * SD * math.sqrt(2)
    return values
