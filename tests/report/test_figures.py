"""What the figures show: thinned curves keep their extremes, and none beats an arm on the Pareto front."""

import math

from hypothesis import given
from hypothesis import strategies as st

from litmus.report.figures.arms import pareto_front
from litmus.report.figures.curves import thinned


@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=1, max_size=400), st.integers(4, 60))
def test_a_thinned_curve_keeps_its_extremes_and_ends(values: list[float], most: int) -> None:
    kept = thinned(values, most)
    assert kept == sorted(set(kept))
    assert len(kept) <= max(most, 3)
    assert {0, len(values) - 1} <= set(kept)
    finite = [value for value in values if not math.isnan(value)]
    if finite:
        left = [values[index] for index in kept if not math.isnan(values[index])]
        assert (min(left), max(left)) == (min(finite), max(finite))


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=20), st.booleans())
def test_none_is_cheaper_and_better_than_an_arm_on_the_front(points: list[tuple[int, int]], higher: bool) -> None:
    sign = 1 if higher else -1
    front = {points[index] for index in pareto_front(points, higher)}

    def beaten(point: tuple[int, int]) -> bool:
        cost, value = point
        return any(
            (c <= cost and sign * v >= sign * value) and (c < cost or sign * v > sign * value) for c, v in points
        )

    assert front == {point for point in points if not beaten(point)}
