"""What an arm chooses of its trials, and what a budget can be expected to reach."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litmus.evidence.tuning import choice, edges_of, expected_performance

POINTS = [{"optim.lr": lr} for lr in (0.1, 0.3, 1.0)]
scores = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@given(scores)
def test_the_expected_best_is_that_of_all_draws_with_replacement(values: list[float]) -> None:
    count = min(len(values), 3)
    expected = expected_performance(values)[:count]
    for n, value in enumerate(expected, start=1):
        draws = [max(drawn) for drawn in itertools.product(values, repeat=n)]
        assert value == pytest.approx(sum(draws) / len(draws))


def test_where_less_is_better_the_expected_best_is_a_minimum() -> None:
    assert expected_performance([1.0, 3.0], higher_is_better=False) == pytest.approx([2.0, 1.5])


def test_the_best_trial_is_chosen_and_of_several_alike_one_off_the_edge() -> None:
    assert choice(POINTS, [0.7, 0.8, 0.9], higher_is_better=True) == 2
    assert choice(POINTS, [0.9, 0.9, 0.9], higher_is_better=True) == 1
    assert choice(POINTS, [0.7, 0.8, 0.9], higher_is_better=False) == 0


def test_nothing_is_chosen_while_a_trial_is_missing() -> None:
    assert choice(POINTS, [0.7, float("nan"), 0.9], higher_is_better=True) is None


def test_edges_are_those_of_numbers() -> None:
    points = [{"optim.lr": lr, "model.norm": norm} for lr in (0.1, 1.0, 0.3) for norm in ("none", "batch")]
    assert edges_of(points, points[0]) == {"optim.lr": (True, False)}
    assert edges_of(points, points[2]) == {"optim.lr": (False, True)}
    assert edges_of(points, points[4]) == {}
