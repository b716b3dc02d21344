"""How often verdicts, p-values and intervals err where the truth is known, and how often they find what is there.

    python -m benchmarks.calibration [--trials 1200] [--json FILE] [--only TEXT]

The first table: worlds with no effect. A cell is the share of studies with a false verdict, in per cent, with its Monte
Carlo error; `!` marks one above the rate that is stated by more than three of these errors. The second: worlds with an
effect, the share of studies that find it, over that of the plain paired t test on the same numbers.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.worlds import CHANCE, MEAN, SD, Floats, Generator, SimulatedArm, arm, noise, study
from litmus.derive import derive
from litmus.errors import UserError
from studies.evidence.anytime import Sampling
from studies.evidence.arm_table import arm_statistics
from studies.evidence.claim_tests import alike, exceeds, interaction, more, near, trend
from studies.evidence.claims import ArmTest, Claim
from studies.evidence.contrast import best_against_baseline
from studies.evidence.divergence import risk_difference
from studies.evidence.estimate import effect_of
from studies.evidence.factorial import factorial_effects
from studies.evidence.family import headline
from studies.evidence.progress_tests import higher_limit, sooner
from studies.evidence.results import Analysis

SIZES = (2, 3, 5, 10)
Trial = Callable[[Generator, int], bool]
Pair = Callable[[Generator, int], Floats]
"""Accuracies [2, seeds] of two arms."""
MORE = more("test_top1", {"arm": 1}, than={"arm": 0})


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


# The worlds of two arms with no difference.


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


def decided(test: ArmTest, analysis: Analysis, threshold: float = 0.0) -> bool:
    return test(analysis, threshold).verdict != "inconclusive"


def supported(test: ArmTest, analysis: Analysis, threshold: float = 0.0) -> bool:
    return test(analysis, threshold).verdict == "supported"


def of_pair(world: Pair, test: ArmTest = MORE) -> Trial:
    return lambda generator, n: decided(test, study(arms(world(generator, n))))


def table(world: Pair) -> Trial:
    def trial(generator: Generator, n: int) -> bool:
        _, second = arm_statistics(study(arms(world(generator, n))), "test_top1")
        return second.comparison is not None and second.comparison.p_value < 0.05

    return trial


def table_after_holm(comparisons: int) -> Trial:
    """Whether any of so many arms that are alike is said to differ."""

    def trial(generator: Generator, n: int) -> bool:
        found = arm_statistics(study(arms(MEAN + noise(generator, comparisons + 1, n))), "test_top1")
        return any(each.comparison is not None and each.comparison.p_holm < 0.05 for each in found)

    return trial


def images_differ(generator: Generator, n: int, images: int = 300) -> Analysis:
    """Two architectures that are equally good on all images, but not on each: on other images the other is ahead."""
    shared = generator.normal(size=images)
    difficulty = np.stack([1.6 + 1.2 * shared + 1.2 * generator.normal(size=images) for _ in range(2)])
    chances = 1 / (1 + np.exp(-2 * difficulty))
    right = generator.random((2, n, images)) < chances[:, None]
    return study([arm({"arm": i}, right[i].mean(1), right=right[i], baseline=i == 0) for i in range(2)])


def factorial(values: Floats) -> Analysis:
    """Return the study of accuracies [first factor, second factor, seeds]."""
    return study(
        [
            arm({"first": i, "second": j}, values[i, j], baseline=i == j == 0)
            for i in range(values.shape[0])
            for j in range(values.shape[1])
        ]
    )


def selected(of: int, than: int, gain: float = 0.0) -> Callable[[Generator, int], Analysis]:
    """The arms of two sides, of which the best stands for its side."""

    def world(generator: Generator, n: int) -> Analysis:
        values = MEAN + noise(generator, of + than, n)
        values[:of] += gain
        sides = [(1, j) for j in range(of)] + [(0, j) for j in range(than)]
        return study([arm({"arm": i, "rate": j}, values[k], baseline=k == of) for k, (i, j) in enumerate(sides)])

    return world


def headline_of(count: int) -> Trial:
    def trial(generator: Generator, n: int) -> bool:
        found = best_against_baseline(study(arms(MEAN + noise(generator, count + 1, n))))
        return found is not None and found.effect.excludes_zero

    return trial


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


HIGHER = higher_limit("rate", {"arm": 1}, than={"arm": 0})
SOONER = sooner({"arm": 1}, than={"arm": 0})


def curves(noises: tuple[float, float], speeds: tuple[float, float] = (1, 1), spread: float = 0.1) -> Any:
    """Return the world of two arms' curves: an exponential approach, each run at its speed, noisy evaluations."""

    def world(generator: Generator, n: int) -> Analysis:
        pace = np.exp(noise(generator, 2, n, spread))
        steps = np.arange(1, 31)
        made = []
        for i in range(2):
            mean = CHANCE + (MEAN - CHANCE) * (1 - np.exp(-steps / (6 / (pace[i] * speeds[i])[:, None])))
            seen = mean + noises[i] * generator.normal(size=mean.shape)
            made.append(arm({"arm": i}, seen[:, -1], curves=list(seen), baseline=i == 0))
        return study(made)

    return world


def anova(values: Callable[[Generator, int], Floats], name: str) -> Trial:
    def trial(generator: Generator, n: int) -> bool:
        try:
            found = factorial_effects(factorial(values(generator, n)), "test_top1")
        except UserError:  # the report says why there is none
            return False
        assert found is not None
        return any(term.name == name and term.p_value < 0.05 for term in found.terms)

    return trial


def alike_cells(first: int, second: int) -> Callable[[Generator, int], Floats]:
    return lambda generator, n: MEAN + noise(generator, first * second, n).reshape(first, second, n)


def diverging_cells(first: int, second: int) -> Callable[[Generator, int], Floats]:
    """The last level's runs diverge half of the time at either level of the first factor: no effect of the first."""

    def values(generator: Generator, n: int) -> Floats:
        made = alike_cells(first, second)(generator, n)
        made[:, -1][generator.random((first, n)) < 0.5] = np.nan
        return made

    return values


def wide_cells(first: int, second: int) -> Callable[[Generator, int], Floats]:
    """The last level's spread is twenty times that of the others; there is no effect at all."""
    sds = [SD] * (second - 1) + [20 * SD]
    return lambda generator, n: MEAN + noise(generator, first * second, n, sds * first).reshape(first, second, n)


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


def many_claims(count: int) -> Trial:
    """Whether the headline names any of so many claims that are all false."""
    claims = [Claim(f"{i}", more("test_top1", {"arm": i + 1}, than={"arm": 0})) for i in range(count)]

    def trial(generator: Generator, n: int) -> bool:
        analysis = study(arms(MEAN + noise(generator, count + 1, n)))
        found = [(claim, claim.find(analysis)) for claim in claims]
        return any(verdict != "inconclusive" for verdict in headline(found))

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


INTERACTION = interaction("test_top1", of=({"arm": 0}, {"arm": 1}), than=({"arm": 2}, {"arm": 3}))
TREND = trend("test_top1", "arm")


def several(count: int, test: ArmTest, sds: Sequence[float] | float = SD) -> Trial:
    return lambda generator, n: decided(test, study(arms(MEAN + noise(generator, count, n, sds))))


def no_effect() -> Iterator[Row]:
    """Yield the rows without an effect."""
    for name, world in (
        ("normal", normal), ("sd of one arm x5", unequal), ("heavy tails", heavy),
        ("both diverge, 20 %", both_diverge), ("100 test images", small_test_set),
        ("an image or none", an_image_or_none), ("at the floor", at_the_floor), ("at the ceiling", at_the_ceiling),
    ):  # fmt: skip
        yield Row(f"more: {name}", of_pair(world))
    yield Row("more: one diverges, for it", lambda g, n: supported(MORE, study(arms(one_diverges(g, n)))), 2.5)
    yield Row("more: effect at threshold", at_threshold(normal, MORE, 0.02))
    yield Row("more: images differ", lambda g, n: decided(MORE, images_differ(g, n)), cost=2)
    for of, than in ((6, 1), (6, 6)):
        made = selected(of, than)
        yield Row(f"more: best of {of} against {than}", lambda g, n, made=made: decided(MORE, made(g, n)), cost=3)
    yield Row("headline: best of 11", headline_of(11), cost=4)
    yield Row("looks 3 to 10", with_looks(3, 10, planned=False), sizes=(10,), cost=4)
    yield Row("looks 3 to 20", with_looks(3, 20, planned=False), sizes=(20,), cost=8)
    yield Row("plan of 3, then looks to 10", with_looks(3, 10, planned=True), 10.0, sizes=(10,), cost=4)
    yield Row("plan of 5, then looks to 20", with_looks(5, 20, planned=True), 10.0, sizes=(20,), cost=8)
    yield Row("exceeds", lambda g, n: decided(exceeds("test_top1", {"arm": 0}), study(arms(normal(g, n))), MEAN))
    yield Row(
        "near: value at margin",
        lambda g, n: supported(near("test_top1", {"arm": 0}, MEAN - 0.02), study(arms(normal(g, n))), 0.02),
        2.5,
    )
    yield Row("alike: difference at margin", margin, 2.5)
    yield Row("trend: normal", several(4, TREND))
    yield Row("trend: last level's sd x20", several(4, TREND, (SD, SD, SD, 20 * SD)))
    yield Row("interaction: normal", several(4, INTERACTION))
    yield Row("interaction: a pair at the floor", floored_interaction)
    for name, profile in (
        ("1 1 1 .87 0 0", (1, 1, 1, 0.87, 0, 0)), ("1 1 .5 .5 0 0", (1, 1, 0.5, 0.5, 0, 0)),
        ("1 .9 .7 .5 .3 .1", (1, 0.9, 0.7, 0.5, 0.3, 0.1)), ("1 1 .2 .2 .2 .2", (1, 1, 0.2, 0.2, 0.2, 0.2)),
    ):  # fmt: skip
        made = ladder(profile, profile)
        yield Row(f"higher_limit: {name}", lambda g, n, made=made: decided(HIGHER, made(g, n)), cost=2)
    for one, other in ((1, 1), (2, 1), (3, 1), (1, 3)):
        made = curves((other * SD, one * SD))
        yield Row(f"sooner: noise {one} to {other}", lambda g, n, made=made: decided(SOONER, made(g, n)), cost=3)
    for name, world in (("normal", normal), ("sd of one arm x5", unequal), ("both diverge, 20 %", both_diverge),
                        ("100 test images", small_test_set), ("an image or none", an_image_or_none)):  # fmt: skip
        yield Row(f"table p: {name}", table(world))
    yield Row("table p, Holm: any of 5", table_after_holm(5), cost=2)
    yield Row("table p, Holm: any of 29", table_after_holm(29), cost=10)
    yield Row("claims, Holm: any of 6", many_claims(6), cost=4)
    yield Row("risk of divergence", risks, cost=2)
    for first, second in ((2, 3), (2, 6)):
        for name, cells in (("alike", alike_cells), ("last sd x20", wide_cells), ("last diverges", diverging_cells)):
            yield Row(f"ANOVA {first}x{second}, {name}: first", anova(cells(first, second), "first"), cost=3)
            if name != "last diverges":
                yield Row(f"ANOVA {first}x{second}, {name}: second", anova(cells(first, second), "second"), cost=3)
            yield Row(f"ANOVA {first}x{second}, {name}: both", anova(cells(first, second), "first × second"), cost=3)


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
        return second.comparison is not None and second.comparison.p_value < 0.05

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
        made = curves((SD, SD), (1, speed))
        yield Row(f"sooner: {speed} times", lambda g, n, made=made: supported(SOONER, made(g, n)), nothing, cost=6)
    cells = alike_cells(2, 3)

    def split(generator: Generator, n: int) -> Floats:
        values = cells(generator, n)
        values[1] += 3 * SD / math.sqrt(3)
        return values

    def split_plain(generator: Generator, n: int) -> bool:
        values = split(generator, n)
        return plain_t(values[1].mean(0) - values[0].mean(0))

    yield Row("ANOVA 2x3, first: 3 sd", anova(split, "first"), nothing, split_plain, cost=3)


def _crossed(generator: Generator, n: int) -> Floats:
    values = MEAN + noise(generator, 4, n)
    values[0] += 3 * SD * math.sqrt(2)
    return values


def measured(row: Row, trials: int, trial: Trial) -> dict[int, Cell]:
    """Return the share of trials by the number of seeds; the draws are keyed by the row's name."""
    found = {}
    for n in row.sizes:
        generator = np.random.default_rng(derive(0, "calibration", row.name, n))
        count = max(200, trials // row.cost)
        found[n] = Cell(sum(trial(generator, n) for _ in range(count)) / count, count)
    return found


def shown(cell: Cell, mark: str = "") -> str:
    return f"{100 * cell.share:5.1f}±{100 * cell.error:.1f}{mark or ' '}"


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1200, help="studies a cell; costly rows have fewer")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    arguments = parser.parse_args()
    start, kept = time.process_time(), []
    print("False verdicts in per cent, by the number of seeds\n")
    print(f"{'test and world':33}{'stated':>6}" + "".join(f"{n:>9} " for n in SIZES))
    above = 0
    for row in (each for each in no_effect() if arguments.only in each.name):
        cells = measured(row, arguments.trials, row.trial)
        marks = {n: "!" if cell.exceeds(row.stated / 100) else "" for n, cell in cells.items()}
        above += sum(map(bool, marks.values()))
        # One column where the number of seeds is the row's own.
        text = "".join(shown(cell, marks[n]).rjust(10) for n, cell in cells.items())
        print(f"{row.name:33}{row.stated:6.1f}{text}", flush=True)
        kept += [_kept(row, n, cell) for n, cell in cells.items()]
    print("\nEffects found, in per cent; below, over what the plain paired t test finds\n")
    for row in (each for each in effects() if arguments.only in each.name):
        cells = measured(row, arguments.trials, row.trial)
        print(f"{row.name:39}" + "".join(shown(cell).rjust(10) for cell in cells.values()), flush=True)
        kept += [_kept(row, n, cell) for n, cell in cells.items()]
        if row.plain is not None:
            plain = measured(row, arguments.trials, row.plain)
            ratios = [100 * cells[n].share / plain[n].share if plain[n].share else math.nan for n in cells]
            print(f"{'  of the plain t test':39}" + "".join(f"{ratio:8.0f} %" for ratio in ratios))
            for record, (n, cell) in zip(kept[-len(cells) :], plain.items(), strict=True):
                assert record["seeds"] == n
                record["plain_t"] = cell.share
    print(f"\n{above} cells above their stated rate; {(time.process_time() - start) / 60:.1f} minutes of one CPU core.")
    if arguments.json:
        arguments.json.write_text(json.dumps(kept, indent=1) + "\n")


def _kept(row: Row, n: int, cell: Cell) -> dict[str, Any]:
    stated = None if math.isnan(row.stated) else row.stated / 100
    return {
        "name": row.name, "seeds": n, "stated": stated, "share": cell.share, "error": cell.error,
        "trials": cell.trials,
    }  # fmt: skip


if __name__ == "__main__":
    main()
