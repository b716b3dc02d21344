"""`init.scheme own`: a constructor's own draws, equal in all arms of a seed; what it sets on purpose stays."""

import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from litmus.core.errors import UserError
from litmus.lit_archs.building.initialisation import InitConfig, initialised

OWN = InitConfig(scheme="own")


class Own(nn.Module):
    """One of each: layers of every kind, a parameter that is drawn, one that is set, layers started otherwise."""

    def __init__(self, extra: bool = False) -> None:
        super().__init__()
        if extra:
            self.extra = nn.Sequential(nn.Linear(7, 7), nn.Dropout(), nn.Conv2d(3, 3, 3))
        self.attention = nn.MultiheadAttention(8, 2)
        self.recurrent = nn.LSTM(4, 5)
        self.embedding = nn.Embedding(6, 4)
        self.volume = nn.Conv3d(2, 3, 3)
        self.slope = nn.PReLU()
        self.truncated = nn.Linear(60, 50)
        nn.init.trunc_normal_(self.truncated.weight, std=0.02, a=-0.03, b=0.03)
        self.orthogonal = nn.Linear(16, 16)
        nn.init.orthogonal_(self.orthogonal.weight)
        self.head = nn.Linear(8, 3)
        nn.init.zeros_(self.head.weight)
        nn.init.constant_(self.head.bias, 3.0)
        self.token = nn.Parameter(torch.randn(1, 9) * 0.02)
        self.register_buffer("frequencies", torch.rand(5))


def values(extra: bool = False, seed: int = 0, config: InitConfig = OWN) -> dict[str, torch.Tensor]:
    return initialised(lambda: Own(extra), seed, config).state_dict()


def test_a_layer_that_is_added_moves_no_other() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = values()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    random.seed(3)
    other = values(extra=True)
    assert one.keys() < other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def test_what_the_constructor_sets_on_purpose_stays_and_what_it_draws_keeps_its_distribution() -> None:
    own = values()
    assert own["head.weight"].eq(0).all()
    assert own["head.bias"].eq(3).all()
    assert own["slope.weight"].eq(0.25).all()
    assert own["attention.in_proj_bias"].eq(0).all()
    assert own["truncated.weight"].abs().max() <= 0.03
    assert torch.allclose(own["orthogonal.weight"] @ own["orthogonal.weight"].T, torch.eye(16), atol=1e-5)
    assert float(own["token"].std()) == pytest.approx(0.02, rel=0.5)
    bound = 1 / math.sqrt(54)
    assert 0.9 * bound < float(own["volume.weight"].abs().max()) <= bound


def test_a_seed_gives_the_same_and_another_seed_other_values_where_they_are_drawn() -> None:
    first, again, other = values(), values(), values(seed=1)
    assert all(torch.equal(first[name], again[name]) for name in first)
    layers = initialised(lambda: nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)), 0, OWN)
    assert not torch.equal(layers[0].weight, layers[1].weight)
    fixed = {name for name in first if torch.equal(first[name], other[name])}
    assert fixed == {"attention.in_proj_bias", "attention.out_proj.bias", "slope.weight", "head.weight", "head.bias"}


@settings(max_examples=10)
@given(before=st.lists(st.sampled_from(["linear", "relu", "conv"]), max_size=4), seed=st.integers(0, 2**31))
def test_paired_by_place_a_shifted_name_changes_nothing(before: list[str], seed: int) -> None:
    """Layers of other shapes go in front; the two convolutions of one shape keep their values, whatever their names."""
    kinds = {"linear": lambda: nn.Linear(3, 3), "relu": nn.ReLU, "conv": lambda: nn.Conv2d(1, 5, 1)}

    def make(front: list[str]) -> nn.Module:
        return nn.Sequential(*[kinds[kind]() for kind in front], nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(2, 4, 3))

    def ends(front: list[str], config: InitConfig) -> list[torch.Tensor]:
        network = initialised(lambda: make(front), seed, config)
        return [network[-3].weight, network[-1].weight]

    for scheme in ("own", "kaiming_normal"):
        place = InitConfig(scheme=scheme, pairing="place")
        assert all(map(torch.equal, ends([], place), ends(before, place)))
        if before:
            name = InitConfig(scheme=scheme)
            assert not any(map(torch.equal, ends([], name), ends(before, name)))


class DrawnByNumpy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mask = nn.Parameter(torch.from_numpy(np.random.rand(3)))


def test_what_cannot_start_equal_is_refused() -> None:
    for make, message in (
        (DrawnByNumpy, "mask of DrawnByNumpy cannot start equal in all arms: it is drawn by another generator"),
        (lambda: nn.Sequential(nn.LazyLinear(3)), "0.weight of Sequential is lazy"),
    ):
        with pytest.raises(UserError, match=message):
            initialised(make, 0, OWN)
