"""Promise 3, paired data: order and augmentation are a pure function of (seed, epoch, sample)."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from litmus import datamodules
from litmus.datamodules.batches.order import Shard, split_indices


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
