"""Trials: one study in a world, and whether a test finds an effect in it."""

from collections.abc import Sequence

import numpy as np

from benchmarks.calibration.rows import Trial
from benchmarks.calibration.studies_in_memory import MEAN, SD, Generator, noise, study
from benchmarks.calibration.worlds import Pair, arms, at_the_floor, normal
from litmus.evidence.claim_tests import alike, higher_limit, interaction, more, trend
from litmus.evidence.claims import ArmTest, Claim, after_holm
from litmus.evidence.estimate import Sampling, risk_difference
from litmus.evidence.learning_curves import sooner
from litmus.evidence.results import Analysis
from litmus.evidence.summary import arm_statistics

MORE = more("test_top1", {"arm": 1}, than={"arm": 0})
HIGHER = higher_limit("rate", {"arm": 1}, than={"arm": 0})
SOONER = sooner({"arm": 1}, than={"arm": 0})
TO_THE_BEST = sooner({"arm": 1}, than={"arm": 0}, share=1.0)
FASTEST = sooner({"arm": 1}, than={"arm": 0}, choose="speed")
FASTEST_TO_THE_BEST = sooner({"arm": 1}, than={"arm": 0}, share=1.0, choose="speed")
INTERACTION = interaction("test_top1", of=({"arm": 0}, {"arm": 1}), than=({"arm": 2}, {"arm": 3}))
TREND = trend("test_top1", "arm")


def decided(test: ArmTest, analysis: Analysis, threshold: float = 0.0) -> bool:
    return test(analysis, threshold).verdict != "inconclusive"


def supported(test: ArmTest, analysis: Analysis, threshold: float = 0.0) -> bool:
    return test(analysis, threshold).verdict == "supported"


def of_pair(world: Pair, test: ArmTest = MORE) -> Trial:
    return lambda generator, n: decided(test, study(arms(world(generator, n))))


def table(world: Pair) -> Trial:
    def trial(generator: Generator, n: int) -> bool:
        _, second = arm_statistics(study(arms(world(generator, n))), "test_top1")
        return second.comparison is not None and second.comparison.difference.p_value < 0.05

    return trial


def table_after_holm(comparisons: int) -> Trial:
    """Whether any of so many arms that are alike is said to differ."""

    def trial(generator: Generator, n: int) -> bool:
        found = arm_statistics(study(arms(MEAN + noise(generator, comparisons + 1, n))), "test_top1")
        return any(each.comparison is not None and each.comparison.p_holm < 0.05 for each in found)

    return trial


def headline_of(count: int) -> Trial:
    """Whether the arm that is best on the validation split is said to differ, where all are alike."""

    def trial(generator: Generator, n: int) -> bool:
        analysis = study(arms(MEAN + noise(generator, count + 1, n)))
        best, found = analysis.best(), arm_statistics(analysis, "test_top1")
        return any(each.arm is best and each.comparison and each.comparison.p_holm < 0.05 for each in found)

    return trial


def with_looks(first: int, last: int, *, planned: bool) -> Trial:
    """Whether any look from the `first` to the `last` seed brings a false verdict.

    Where `first` seeds were `planned` and judged as such, and others added after; else it was said that there will be
    looks.
    """

    def trial(generator: Generator, n: int) -> bool:
        values = normal(generator, last)
        sampling = Sampling(first, looked=not planned)
        return any(decided(MORE, study(arms(values[:, :k]), sampling=sampling)) for k in range(first, last + 1))

    return trial


def sharing_splits(seeds_a_split: int) -> Trial:
    """Whether arms that are alike are said to differ where each split favours one of them, over `n` splits."""

    def trial(generator: Generator, n: int) -> bool:
        values = normal(generator, n * seeds_a_split)
        values[1] += np.repeat(2 * SD * generator.normal(size=n), seeds_a_split)
        split_of_seed = {seed: seed // seeds_a_split for seed in range(values.shape[1])}
        return decided(MORE, study(arms(values), split_of_seed=split_of_seed))

    return trial


def many_claims(count: int) -> Trial:
    """Whether the headline names any of so many claims that are all false."""
    claims = [Claim(f"{i}", more("test_top1", {"arm": i + 1}, than={"arm": 0})) for i in range(count)]

    def trial(generator: Generator, n: int) -> bool:
        analysis = study(arms(MEAN + noise(generator, count + 1, n)))
        found = [(claim, claim.find(analysis)) for claim in claims]
        return any(finding.verdict != "inconclusive" for finding in after_holm(found))

    return trial


def risks(generator: Generator, n: int) -> bool:
    diverged = generator.binomial(n, 0.5, size=2)
    return risk_difference(int(diverged[0]), n, int(diverged[1]), n).excludes_zero


def at_threshold(world: Pair, test: ArmTest, threshold: float) -> Trial:
    """The true difference is exactly the threshold: neither above nor below is right."""

    def trial(generator: Generator, n: int) -> bool:
        values = world(generator, n)
        values[1] += threshold
        return decided(test, study(arms(values)), threshold)

    return trial


def margin(generator: Generator, n: int) -> bool:
    """The true difference is exactly the margin within which two arms would be alike."""
    values = normal(generator, n)
    values[1] += 0.02
    return supported(alike("test_top1", {"arm": 1}, {"arm": 0}), study(arms(values)), 0.02)


def floored_interaction(generator: Generator, n: int) -> bool:
    """Where one pair of arms is at the floor, no interaction can be seen."""
    values = np.concatenate((MEAN + noise(generator, 2, n), at_the_floor(generator, n)))
    values[0] += 0.1
    pairs = ({"arm": 0}, {"arm": 1}), ({"arm": 2}, {"arm": 3})
    return decided(interaction("test_top1", of=pairs[0], than=pairs[1]), study(arms(values)))


def several(count: int, test: ArmTest, sds: Sequence[float] | float = SD) -> Trial:
    return lambda generator, n: decided(test, study(arms(MEAN + noise(generator, count, n, sds))))
