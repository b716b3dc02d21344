"""Promise 3, paired data: order and augmentation are a pure function of (seed, epoch, sample)."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from litmus import datamodules
from litmus.datamodules.batches.order import Shard, epoch_order, split_indices, train_batches


@given(st.integers(1, 300), st.integers(1, 64), st.integers(1, 8), st.integers(0, 5), st.integers(0, 5), st.booleans())
def test_devices_shares_make_up_the_global_batch(
    size: int, batch_size: int, world_size: int, seed: int, epoch: int, drop_last: bool
) -> None:
    batches = train_batches(epoch_order(size, seed, epoch), batch_size, drop_last)
    for batch in batches:
        shares = [Shard(rank, world_size).share(batch) for rank in range(world_size)]
        assert torch.equal(torch.cat(shares), batch)
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
    seen = torch.cat(batches) if batches else torch.tensor([], dtype=torch.int64)
    assert len(seen.unique()) == len(seen) == (size // batch_size * batch_size if drop_last else size)


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
