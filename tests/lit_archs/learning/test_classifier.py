"""LitClassifier: exact evaluation, schedules, divergence."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lit_archs.learning.exact_mean import ExactMean
from lit_archs.learning.loss import classification_loss
from lit_archs.learning.optimiser import OptimConfig, lr_factor
from litmus.errors import UserError


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


def test_multistep_divides_at_the_milestones() -> None:
    config = OptimConfig(schedule="multistep", milestones=(0.5, 0.75), decay_factor=0.1)
    factors = [lr_factor(step, 64_000, config) for step in (0, 31_999, 32_000, 47_999, 48_000, 63_999)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_cosine_falls_from_one_to_zero_after_warmup() -> None:
    config = OptimConfig(schedule="cosine", warmup=0.1)
    factors = [lr_factor(step, 1000, config) for step in range(1000)]
    assert factors[:100] == pytest.approx([(step + 1) / 100 for step in range(100)])
    assert factors[100] == 1.0
    assert factors[550] == pytest.approx(0.5)
    assert factors[100:] == sorted(factors[100:], reverse=True)
    assert factors[-1] < 1e-4


def test_exponential_decay_ends_at_the_factor() -> None:
    config = OptimConfig(schedule="exponential", decay_factor=0.25)
    assert [lr_factor(step, 100, config) for step in (0, 50, 100)] == pytest.approx([1.0, 0.5, 0.25])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": 0.0}, "lr must be greater than zero"),
        ({"momentum": 1.0}, "momentum must be at least 0 and below 1"),
        ({"name": "sdg"}, "did you mean 'sgd'"),
        ({"milestones": (0.75, 0.5)}, "milestones must be rising"),
        ({"nesterov": True, "momentum": 0.0}, "nesterov needs sgd"),
        ({"weight_decay": -1e-4}, "weight_decay must be at least 0"),
    ],
)
def test_impossible_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        OptimConfig(**settings)


def test_a_network_with_a_loss_of_its_own_is_recognised_by_it() -> None:
    class Own(torch.nn.Linear):
        def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return logits.sum(1)

    logits, labels = torch.arange(6.0).view(2, 3), torch.tensor([0, 1])
    assert float(classification_loss(Own(3, 3), logits, labels)) == 7.5
    plain = classification_loss(torch.nn.Linear(3, 3), logits, labels)
    assert float(plain) == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)))
