"""Steps to a target with censored runs, against published figures and by simulation; areas against numpy."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litmus.evidence.progress_tests import NEVER, Arrival, area_under_curve, arrival, arrivals, median_arrival, race
from synthetic_records import Truth, synthetic

from litmus.design.plan import Arm
from litmus.design.study import Study

RUNS = st.dictionaries(
    st.integers(0, 6), st.one_of(st.builds(Arrival, st.integers(1, 5).map(float), st.booleans()), st.just(NEVER))
)


def reached(*steps: float) -> list[Arrival]:
    return [Arrival(each, True) for each in steps]


def censored(*steps: float) -> list[Arrival]:
    return [Arrival(each, False) for each in steps]


def test_the_median_is_kaplan_and_meiers_for_published_data() -> None:
    # Freireich et al. 1963, remission under 6-mercaptopurine; the median of 23 weeks is in every textbook.
    result = median_arrival(
        reached(6, 6, 6, 7, 10, 13, 16, 22, 23) + censored(6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
    )
    assert (result.steps, result.low, result.high) == (23, 13, math.inf)
    assert (result.reached, result.n) == (9, 21)


def test_the_median_without_censoring_is_the_middle_run() -> None:
    assert median_arrival(reached(30, 10, 20)).steps == 20


@pytest.mark.parametrize("half", range(1, 12))
def test_a_median_that_half_of_the_runs_do_not_reach_is_infinite(half: int) -> None:
    assert median_arrival(reached(*range(1, half + 1)) + [NEVER] * half).steps == math.inf
    assert median_arrival(reached(*range(1, half + 2)) + [NEVER] * half).steps == half + 1


def test_no_runs_and_no_arrivals() -> None:
    assert math.isnan(median_arrival([]).steps)
    nobody = median_arrival([*censored(10, 20), NEVER])
    assert (nobody.steps, nobody.reached, nobody.n) == (math.inf, 0, 3)
    together = median_arrival(reached(10, 10, 10))
    assert together.steps == 10
    assert math.isnan(together.low)


def test_a_diverged_run_is_no_run_that_was_stopped_early() -> None:
    assert median_arrival([*reached(10, 20), NEVER]).steps == 20
    assert median_arrival([*reached(10, 20), NEVER, NEVER]).steps == math.inf
    assert median_arrival(reached(10, 20) + censored(5, 5)).steps == 20


def test_censoring_does_not_bias_the_median_as_dropping_or_imputing_does() -> None:
    rng = np.random.default_rng(0)
    truth, watched = rng.exponential(100, 4000), rng.uniform(0, 200, 4000)
    median = 100 * math.log(2)
    runs = [Arrival(min(a, b), bool(a <= b)) for a, b in zip(truth, watched, strict=True)]
    assert median_arrival(runs).steps == pytest.approx(median, rel=0.05)
    assert np.median([run.steps for run in runs if run.reached]) < 0.8 * median
    assert np.median([run.steps for run in runs]) < 0.8 * median


def test_the_interval_of_the_median_covers_it() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        truth, watched = rng.exponential(100, 40), rng.uniform(20, 300, 40)
        result = median_arrival([Arrival(min(a, b), bool(a <= b)) for a, b in zip(truth, watched, strict=True)])
        covered += result.low <= 100 * math.log(2) <= result.high
    # The standard error of a share of 0.95 over 400 is 0.011.
    assert covered / 400 == pytest.approx(0.95, abs=3 * 0.011)


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        (Arrival(10, True), Arrival(20, True), "first"),
        (Arrival(20, True), Arrival(10, True), "second"),
        (Arrival(10, True), Arrival(10, True), "ties"),
        (Arrival(10, True), Arrival(20, False), "first"),
        (Arrival(10, True), Arrival(10, False), "first"),
        (Arrival(20, True), Arrival(10, False), "unknown"),
        (Arrival(10, False), Arrival(20, True), "unknown"),
        (Arrival(20, False), Arrival(10, True), "second"),
        (Arrival(10, False), Arrival(20, False), "ties"),
        (Arrival(10, True), NEVER, "first"),
        (NEVER, Arrival(10**9, True), "second"),
        (NEVER, Arrival(10, False), "ties"),
    ],
)
def test_the_order_of_a_pair(one: Arrival, other: Arrival, outcome: str) -> None:
    result = race({0: one}, {0: other})
    counts = {name: getattr(result, name) for name in ("first", "second", "ties", "unknown")}
    assert counts == {**dict.fromkeys(counts, 0), outcome: 1}


@given(RUNS, RUNS)
def test_a_race_seen_from_the_other_side(one: dict[int, Arrival], other: dict[int, Arrival]) -> None:
    result, mirrored = race(one, other), race(other, one)
    assert (result.first, result.second, result.ties) == (mirrored.second, mirrored.first, mirrored.ties)
    assert result.first + result.second + result.ties + result.unknown == len(one.keys() & other.keys())
    if result.probability_first.n:
        assert result.probability_first.mean == pytest.approx(1 - mirrored.probability_first.mean)


def test_the_sign_test_is_exact_and_ties_have_no_say_in_it() -> None:
    fast, slow = dict(enumerate(reached(1, 1, 1, 1, 1))), dict(enumerate(reached(2, 2, 2, 2, 2)))
    result = race(fast, slow)
    assert result.p_value == pytest.approx(2 / 2**5)
    assert (result.probability_first.mean, result.probability_first.n) == (1, 5)
    tied = race({**fast, 5: NEVER}, {**slow, 5: NEVER})
    assert tied.p_value == result.p_value
    assert tied.probability_first.mean == pytest.approx(5.5 / 6)
    assert math.isnan(race({0: NEVER}, {0: NEVER}).p_value)


def test_arms_watched_for_unequal_times_race_fairly() -> None:
    rng = np.random.default_rng(2)
    times = rng.exponential(100, (4000, 2))
    budgets = (60.0, 300.0)
    arms = [
        {seed: Arrival(min(row[arm], budgets[arm]), bool(row[arm] <= budgets[arm])) for seed, row in enumerate(times)}
        for arm in range(2)
    ]
    result = race(*arms)
    # The arms are alike, so each is first in half of the decided pairs: standard error below 0.01.
    assert result.first / (result.first + result.second) == pytest.approx(0.5, abs=0.03)
    imputed = np.mean([arms[0][seed].steps < arms[1][seed].steps for seed in arms[0]])
    assert imputed > 0.6


def curve(steps: list[int], values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"step": steps, "val_top1": values})


def test_an_arrival_is_where_the_smoothed_curve_passes_the_target() -> None:
    rows = curve([5, 10, 15, 20, 30], [math.nan, 0.5, 0.8, 0.7, math.nan])
    # 0.8 and 0.7 fall, and are smoothed to 0.75 each.
    assert arrival(rows, 0.6) == Arrival(pytest.approx(12.0), True)  # type: ignore[arg-type]
    assert arrival(rows, 0.75) == Arrival(pytest.approx(15.0), True)  # type: ignore[arg-type]
    assert arrival(rows, 0.5) == Arrival(10, True)
    assert arrival(rows, 0.8) == Arrival(20, False)
    assert arrival(curve([5], [math.nan]), 0.5) is None


def test_noise_makes_no_arrival_earlier() -> None:
    """The first evaluation above the target comes the earlier the noisier evaluations are; the smoothed curve not."""
    rng = np.random.default_rng(5)
    steps = np.arange(1, 31)
    rising = 0.1 + 0.7 * (1 - np.exp(-steps / 6))
    found: dict[float, list[float]] = {0.01: [], 0.03: []}
    first: dict[float, list[float]] = {0.01: [], 0.03: []}
    for sd, arrived in found.items():
        for _ in range(300):
            noisy = rising + rng.normal(0, sd, 30)
            at = arrival(curve(list(steps), list(noisy)), 0.76)
            assert at is not None
            arrived.append(at.steps)
            first[sd].append(float(steps[np.argmax(noisy >= 0.76)]))
    assert np.mean(found[0.03]) == pytest.approx(np.mean(found[0.01]), abs=0.6)
    assert np.mean(first[0.03]) < np.mean(first[0.01]) - 1


def test_the_area_is_numpys_trapezoid_over_the_steps() -> None:
    rng = np.random.default_rng(3)
    steps, values = np.sort(rng.choice(np.arange(1, 500), 30, replace=False)), rng.uniform(0, 1, 30)
    expected = np.trapezoid([0.1, *values], [0, *steps]) / steps[-1]
    assert area_under_curve(curve(list(steps), list(values)), chance=0.1) == pytest.approx(expected)
    shuffled = rng.permutation(30)
    assert area_under_curve(curve(list(steps[shuffled]), list(values[shuffled])), 0.1) == pytest.approx(expected)


def test_the_area_is_a_mean_accuracy_over_the_budget() -> None:
    flat = curve([0, 10, 40], [0.7, 0.7, 0.7])
    assert area_under_curve(flat) == pytest.approx(0.7)
    assert area_under_curve(flat, budget=25) == pytest.approx(0.7)
    rising = curve([0, 100], [0.0, 1.0])
    assert area_under_curve(rising, budget=50) == pytest.approx(0.25)
    assert math.isnan(area_under_curve(flat, budget=50))
    assert math.isnan(area_under_curve(curve([5], [math.nan])))


def test_the_arrivals_of_an_arm_know_what_diverged(tmp_path: Path) -> None:
    study = Study(
        name="speeds",
        question="Which is faster?",
        base={"model.name": "lenet5", "data.name": "digits"},
        factors={"model.norm": ["none", "batch"]},
        baseline={"model.norm": "none"},
    )

    def truth(arm: Arm, seed: int) -> Truth:
        if arm.is_baseline and seed:
            return "diverged" if seed == 1 else "missing"
        rows = [{"step": step, "val_top1": step / 100} for step in (20, 40, 60)]
        return {"test_top1": 0.6, "val_top1": 0.6, "curve": rows}

    analysis = synthetic(tmp_path / "speeds", study, truth, seeds=3)
    batch = next(result for result in analysis.arms if not result.arm.is_baseline)
    assert arrivals(analysis.baseline, 0.4) == {0: Arrival(pytest.approx(40.0), True), 1: NEVER}  # type: ignore[arg-type]
    assert arrivals(batch, 0.9) == dict.fromkeys(range(3), Arrival(60, False))
