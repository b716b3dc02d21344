"""The order of samples: a pure function of (seed, epoch), cut into global batches."""

import torch
from torch import Tensor

from litmus.core.keyed_random import permutation


def epoch_order(size: int, seed: int, epoch: int) -> Tensor:
    """Return the order of `size` training samples in `epoch`, int64 [size].

    It does not depend on the model, the number of devices or workers, or an interruption.
    """
    return permutation(size, seed, "order", epoch)


def split_indices(size: int, validation: float, split_seed: int) -> tuple[Tensor, Tensor]:
    """Return the sorted indices of the training and of the validation samples among `size` samples."""
    order = permutation(size, split_seed, "split")
    held_out = round(validation * size)
    return order[held_out:].sort().values, order[:held_out].sort().values


def stratified_subset(indices: Tensor, labels: Tensor, fraction: float, split_seed: int) -> Tensor:
    """Return the sorted `indices` of a fraction of each class's samples, at least one of each class.

    The samples of each class are ordered by `split_seed`, and the first of them are taken: a smaller subset is
    contained in a larger one, and classes keep their proportions. `labels` int64 [N] are those of all samples; with
    labels that are numbers to predict, all samples are one class.
    """
    classes = torch.zeros_like(indices) if labels.is_floating_point() else labels.to(indices.device)[indices]
    chosen = []
    for label in classes.unique().tolist():
        members = indices[classes == label]
        count = max(1, round(fraction * len(members)))
        chosen.append(members[permutation(len(members), split_seed, "train_fraction", label)[:count]])
    return torch.cat(chosen).sort().values


def training_steps(samples: int, batch_size: int, drop_last: bool) -> int:
    """Return how many batches `train_batches` cuts of an epoch of `samples`."""
    full, rest = divmod(samples, batch_size)
    return full if drop_last or not rest else full + 1


def train_batches(order: Tensor, batch_size: int, drop_last: bool) -> list[Tensor]:
    """Cut an epoch's order into global batches; the last, shorter one is dropped or kept."""
    batches = list(order.split(batch_size))
    if drop_last and len(batches[-1]) < batch_size:
        batches.pop()
    return batches
