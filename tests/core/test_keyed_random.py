"""Keyed randomness is a pure function of its key."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from litmus.core.keyed_random import derive, permutation, uniform


def test_derive_is_the_same_in_every_version() -> None:
    # Were this to change, old records would claim an initialisation that no longer exists.
    assert derive(0, "init", "conv1.weight") == 5359647454993400048


@given(st.integers(0, 2**62), st.lists(st.integers(0, 10**6), min_size=1, max_size=64, unique=True), st.data())
def test_uniform_depends_on_the_sample_alone(key: int, samples: list[int], data: st.DataObject) -> None:
    index = torch.tensor(samples)
    whole = uniform(key, index, 3)
    assert whole.min() >= 0
    assert whole.max() < 1
    order = torch.tensor(data.draw(st.permutations(range(len(samples)))))
    assert torch.equal(uniform(key, index[order], 3), whole[order])
    cut = data.draw(st.integers(0, len(samples)))
    assert torch.equal(torch.cat((uniform(key, index[:cut], 3), uniform(key, index[cut:], 3))), whole)


def test_uniform_is_uniform_and_its_columns_independent() -> None:
    draws = uniform(derive(0, "test"), torch.arange(200_000), 2).double()
    # Standard errors: 0.2887 / √200000 = 0.00065 of the mean, 0.0022 of a correlation.
    assert abs(draws.mean(0) - 0.5).max() < 0.003
    assert abs(draws.var(0) - 1 / 12).max() < 0.002
    assert abs(torch.corrcoef(draws.T)[0, 1]) < 0.01
    assert abs(torch.corrcoef(torch.stack((draws[:-1, 0], draws[1:, 0])))[0, 1]) < 0.01
    histogram = torch.histc(draws[:, 0], 64, 0, 1)
    chi_squared = float(((histogram - 200_000 / 64) ** 2 / (200_000 / 64)).sum())
    assert chi_squared < 120  # 63 degrees of freedom: p = 2e-5


def test_permutation_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = permutation(100, 1, "order", 2)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, permutation(100, 1, "order", 2))
    assert not torch.equal(first, permutation(100, 1, "order", 3))
    assert torch.equal(first.sort().values, torch.arange(100))
