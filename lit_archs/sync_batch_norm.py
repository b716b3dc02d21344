"""Batch normalisation over the global batch of several processes, on any device."""

from typing import Any

import torch
import torch.distributed as distributed
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


class SyncBatchNorm(nn.Module):
    """Batch norm whose training statistics are those of all processes' samples together, with exact gradients.

    PyTorch's own `SyncBatchNorm` refuses CPU tensors; this one runs over any backend, and keeps the parameter and
    buffer names of the layer that it replaces. Input [N, C, ...], output of the same shape.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, layer: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        super().__init__()
        self.eps = layer.eps
        self.momentum = layer.momentum
        self.weight = layer.weight
        self.bias = layer.bias
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(layer, name))

    def forward(self, x: Tensor) -> Tensor:
        shape = (1, -1) + (1,) * (x.dim() - 2)
        if not self.training:
            mean, variance = self.running_mean, self.running_var
        else:
            axes = [axis for axis in range(x.dim()) if axis != 1]
            count = torch.full((1,), x.numel() / x.shape[1], device=x.device, dtype=x.dtype)
            sums = all_reduce(torch.cat((x.sum(axes), count)))
            total, mean = sums[-1], sums[:-1] / sums[-1]
            # A second pass around the mean: E[x²] − E[x]² cancels badly in single precision.
            variance = all_reduce((x - mean.view(shape)).square().sum(axes)) / total
            self._track(mean.detach(), variance.detach() * total.detach() / (total.detach() - 1))
        normalised = (x - mean.view(shape)) * torch.rsqrt(variance + self.eps).view(shape)
        return normalised * self.weight.view(shape) + self.bias.view(shape)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked += 1
        momentum = self.momentum if self.momentum is not None else 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)


def synchronise_batch_norm(network: nn.Module) -> nn.Module:
    """Return `network` with every batch norm layer computing its statistics over all processes.

    Raises `RuntimeError` outside an initialised process group, where the layers could not run.
    """
    if not distributed.is_initialized():
        raise RuntimeError("synchronised batch norm needs an initialised process group")
    if next(network.parameters()).is_cuda:
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    return _replace(network)


def _replace(module: nn.Module) -> Any:
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        return SyncBatchNorm(module)
    for name, child in module.named_children():
        setattr(module, name, _replace(child))
    return module
