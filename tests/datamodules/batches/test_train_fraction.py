"""Less data: nested shares of the training split, class by class."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from litmus import datamodules
from litmus.datamodules.batches.order import class_shares


@given(st.integers(1, 400), st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 3))
def test_a_smaller_share_is_part_of_a_larger_one_and_keeps_the_classes_shares(
    size: int, one: float, other: float, split_seed: int
) -> None:
    labels = torch.arange(size) ** 2 % 7
    indices = torch.arange(0, size, 2)
    smaller, larger = (class_shares(indices, labels, share, split_seed) for share in sorted((one, other)))
    assert set(smaller.tolist()) <= set(larger.tolist()) <= set(indices.tolist())
    for label in labels[indices].unique():
        count = int((labels[indices] == label).sum())
        assert int((labels[smaller] == label).sum()) == max(1, round(min(one, other) * count))
    assert torch.equal(smaller, smaller.sort().values)


def test_which_samples_are_left_depends_on_the_split_seed_alone() -> None:
    quarter, same, another = (
        datamodules.build("digits", train_fraction=0.25, split_seed=split, seed=seed, batch_size=32)
        for split, seed in ((0, 0), (0, 5), (1, 0))
    )
    whole = datamodules.build("digits", batch_size=32)
    assert torch.equal(quarter.train_indices, same.train_indices)
    assert not torch.equal(quarter.train_indices, another.train_indices)
    assert set(quarter.train_indices.tolist()) < set(whole.train_indices.tolist())
    assert torch.equal(quarter.val_indices, whole.val_indices)
    assert len(quarter.train_indices) == pytest.approx(len(whole.train_indices) / 4, abs=5)
    trained = torch.cat([batch.sample for batch in quarter.train_epoch(3) if batch.sample is not None])
    assert set(trained.tolist()) <= set(quarter.train_indices.tolist())
    assert quarter.steps_per_epoch == len(quarter.train_indices) // 32
