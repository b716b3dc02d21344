"""What probes measure with: the loss and gradients of a global batch, and tensors brought together over devices."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as distributed
from torch import Tensor, nn

from lit_archs.learning.lit_network import LitNetwork
from litmus.batch import Batch
from litmus.derive import derive
from studies.probes.base.probe import undisturbed


def summed(value: Tensor) -> Tensor:
    """Return the sum of `value` over the devices; every one has to call this."""
    if not distributed.is_initialized():
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total


def gathered(rows: Tensor) -> Tensor:
    """Return the devices' `rows` [n, ...] one after the other, by rank; `n` may differ, the rest may not."""
    if not distributed.is_initialized():
        return rows
    devices = distributed.get_world_size()
    count = torch.tensor([len(rows)], device=rows.device)
    counts = [torch.empty_like(count) for _ in range(devices)]
    distributed.all_gather(counts, count)
    sizes = [int(each) for each in counts]
    # Collective operations want equal shapes.
    padded = rows.new_zeros((max(sizes), *rows.shape[1:]))
    padded[: len(rows)] = rows
    parts = [torch.empty_like(padded) for _ in range(devices)]
    distributed.all_gather(parts, padded)
    return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])


@contextlib.contextmanager
def watched(layers: Mapping[str, nn.Module], see: Callable[[str, Any, Any], None]) -> Iterator[None]:
    """Call `see(name, input, output)` whenever one of `layers` has run."""
    handles = [
        layer.register_forward_hook(lambda _, inputs, output, name=name: see(name, inputs[0], output))
        for name, layer in layers.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def training_pass(module: LitNetwork, seed: int) -> Iterator[None]:
    """Let a probe run the network as the step at hand does, in training mode, and leave no trace.

    Dropout and the like draw from a generator of the probe's own, which starts the same at every pass of a step, so
    that two passes differ in nothing but what the probe changed. Arithmetic is that of the parameters, without mixed
    precision; the network is not the compiled one, which does not call hooks.
    """
    with undisturbed(module.network):
        torch.manual_seed(derive(seed, "probe", module.global_step, module.trainer.global_rank))
        module.network.train()
        yield


def shared_loss(module: LitNetwork, batch: Batch) -> Tensor:
    """Return this device's part of the mean loss of the global batch: the sum over the devices is that mean."""
    outputs = module.network.forward(batch.images)
    return module.loss(outputs, batch) * (len(batch.labels) / batch.global_size)


def loss_and_gradients(
    module: LitNetwork, batch: Batch, seed: int, parameters: Sequence[nn.Parameter]
) -> tuple[float, list[Tensor]]:
    """Return the mean loss of the global batch and its gradient by each of `parameters`, zero where it has no part."""
    with training_pass(module, seed), torch.enable_grad():
        loss = shared_loss(module, batch)
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    filled = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)]
    return float(summed(loss.detach())), [summed(gradient) for gradient in filled]


def norm(tensors: Sequence[Tensor]) -> float:
    """Return the Euclidean norm of all elements of `tensors` together, in double precision."""
    return float(torch.stack([tensor.double().square().sum() for tensor in tensors]).sum().sqrt())


def distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """Return the Euclidean distance of two lists of tensors of equal shapes."""
    return norm([first.double() - second.double() for first, second in zip(one, other, strict=True)])
