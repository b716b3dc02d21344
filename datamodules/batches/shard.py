"""A device's samples under DDP: its slice of a training batch, its batches of an evaluation."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Shard:
    """One device among several: `rank` of `world_size`."""

    rank: int = 0
    world_size: int = 1

    def slice_of(self, global_batch: Tensor) -> Tensor:
        """Return this device's contiguous slice of a global batch; slices differ by at most one sample."""
        return global_batch.tensor_split(self.world_size)[self.rank]

    def whole_batches(self, batches: list[Tensor]) -> list[Tensor]:
        """Return this device's batches of an evaluation, dealt out in turn: none is split, repeated or left out.

        Devices with fewer batches get an empty one, because all must take the same number of steps.
        """
        padding = [batches[0][:0]] * (-len(batches) % self.world_size)
        return [*batches, *padding][self.rank :: self.world_size]
