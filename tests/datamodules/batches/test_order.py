"""Promise 3, paired data: splits, fractions and order are a pure function of (seed, epoch, sample)."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from litmus import datamodules
from litmus.datamodules.batches.order import split_indices, stratified_subset
from litmus.datamodules.batches.shard import Shard


@given(st.integers(1, 500), st.integers(1, 100), st.integers(1, 8))
def test_evaluation_deals_out_every_batch_once(size: int, batch_size: int, world_size: int) -> None:
    batches = list(torch.arange(size).split(batch_size))
    dealt = [Shard(rank, world_size).whole_batches(batches) for rank in range(world_size)]
    assert len({len(share) for share in dealt}) == 1  # all devices take as many steps
    assert torch.equal(torch.cat([batch for share in dealt for batch in share]).sort().values, torch.arange(size))


@given(st.integers(2, 2000), st.floats(0.05, 0.9), st.integers(0, 9))
def test_split_parts_the_training_set(size: int, validation: float, split_seed: int) -> None:
    train, held_out = split_indices(size, validation, split_seed)
    assert torch.equal(torch.cat((train, held_out)).sort().values, torch.arange(size))
    assert len(held_out) == round(validation * size)


def test_without_reshuffling_every_epoch_repeats_the_first_ones_order() -> None:
    def orders(seed: int = 3, **options: bool) -> list[torch.Tensor]:
        data = datamodules.build("digits", seed=seed, **options)
        return [torch.cat([batch.sample for batch in data.train_epoch(epoch)]) for epoch in (0, 1)]

    first, second = orders(reshuffle=False)
    assert torch.equal(first, second)
    assert torch.equal(first, orders()[0])
    assert not torch.equal(*orders())
    assert not torch.equal(first, orders(seed=4)[0])


@given(st.integers(1, 400), st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 3))
def test_a_smaller_share_is_part_of_a_larger_one_and_keeps_the_classes_shares(
    size: int, one: float, other: float, split_seed: int
) -> None:
    labels = torch.arange(size) ** 2 % 7
    indices = torch.arange(0, size, 2)
    smaller, larger = (stratified_subset(indices, labels, share, split_seed) for share in sorted((one, other)))
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
