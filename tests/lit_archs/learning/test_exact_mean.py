"""A mean that is the same however its values were split over batches and devices."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from litmus.lit_archs.learning.exact_mean import ExactMean


@given(st.lists(st.floats(0, 50, width=32), min_size=1, max_size=200), st.data())
def test_exact_mean_is_equal_for_every_split(values: list[float], data: st.DataObject) -> None:
    losses = torch.tensor(values)
    whole = ExactMean()
    whole.update(losses)
    order = torch.tensor(data.draw(st.permutations(range(len(values)))))
    parts = losses[order].split(data.draw(st.integers(1, len(values))))
    split = ExactMean()
    for part in parts:
        split.update(part)
    assert float(whole.compute()) == float(split.compute())
    assert float(whole.compute()) == pytest.approx(math.fsum(values) / len(values), abs=1e-6)


def test_exact_mean_of_a_loss_that_is_not_finite_is_nan() -> None:
    metric = ExactMean()
    metric.update(torch.tensor([1.0, math.inf]))
    assert math.isnan(float(metric.compute()))
