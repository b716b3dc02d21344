"""Batch normalisation over the global batch of several processes, on any device, and with its gradient cut."""

from typing import Literal

import torch
import torch.distributed as distributed
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm

Constants = Literal["none", "mean", "both"]
"""Which of a batch's mean and variance the gradient treats as constants."""


class SyncBatchNorm(_BatchNorm):
    """Batch norm whose training statistics are those of all processes' samples together, with exact gradients.

    `torch.nn.SyncBatchNorm` refuses CPU tensors; this one runs over any backend, and is plain batch norm without a
    process group. Its parameters and buffers are named as those of `nn.BatchNorm2d`. The gradient can be
    computed as if the batch's statistics, or its mean alone, were `constants`, which is not the loss's gradient (Ioffe
    & Szegedy 2015, 1502.03167, section 2). Statistics are in single precision at least, as PyTorch's are, whatever the
    precision of the input. Input [N, C, ...], output of the same shape and precision.
    """

    synchronised: bool = True
    constants: Constants = "none"

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        together = self.synchronised and distributed.is_initialized()
        if not self.training or not (together or self.constants != "none"):
            return super().forward(input)
        given = input.dtype
        input = at_least_single(input)
        shape = (1, -1) + (1,) * (input.dim() - 2)
        axes = [axis for axis in range(input.dim()) if axis != 1]
        count = torch.full((1,), input.numel() / input.shape[1], device=input.device, dtype=input.dtype)
        sums = torch.cat((input.sum(axes), count))
        sums = all_reduce(sums) if together else sums
        total, mean = sums[-1], sums[:-1] / sums[-1]
        if not together and input.numel() == input.shape[1]:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.size()}")
        if self.constants != "none":
            mean = mean.detach()
        # A second pass around the mean: E[x²] − E[x]² cancels badly in single precision.
        squares = (input - mean.view(shape)).square().sum(axes)
        variance = (all_reduce(squares) if together else squares) / total
        if self.constants == "both":
            variance = variance.detach()
        self._track(mean.detach(), variance.detach() * total.detach() / (total.detach() - 1))
        normalised = (input - mean.view(shape)) * torch.rsqrt(variance + self.eps).view(shape)
        if self.weight is not None:
            normalised = normalised * self.weight.view(shape)
        return (normalised if self.bias is None else normalised + self.bias.view(shape)).to(given)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        momentum = self.momentum if self.momentum is not None else 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)


def at_least_single(input: Tensor) -> Tensor:
    """Return `input` in single precision, or in its own where that is higher."""
    return input.to(torch.promote_types(input.dtype, torch.float32))


def synchronise_batch_norm(network: nn.Module) -> nn.Module:
    """Return `network` with every batch norm layer computing its statistics over all processes.

    Ghost batch norm is left as it is: its statistics are those of a part of the batch by definition. Raises
    `RuntimeError` outside an initialised process group, where the layers could not run.
    """
    if not distributed.is_initialized():
        raise RuntimeError("synchronised batch norm needs an initialised process group")
    return _synchronised(network)


def _synchronised(module: nn.Module) -> nn.Module:
    if type(module) in (nn.BatchNorm1d, nn.BatchNorm2d, SyncBatchNorm):
        assert isinstance(module, _BatchNorm)
        return _replacement(module)
    if isinstance(module, SyncBatchNorm):
        module.synchronised = True
    for name, child in module.named_children():
        setattr(module, name, _synchronised(child))
    return module


def _replacement(layer: _BatchNorm) -> nn.Module:
    on_gpu = any(tensor.is_cuda for tensor in (*layer.parameters(), *layer.buffers()))
    # PyTorch's, which is faster there, has both γ and β or neither.
    usual = getattr(layer, "constants", "none") == "none" and (layer.weight is None) == (layer.bias is None)
    if on_gpu and usual:
        return nn.SyncBatchNorm.convert_sync_batchnorm(layer)
    return own_batch_norm(layer, synchronised=True)


def own_batch_norm(layer: _BatchNorm, *, synchronised: bool) -> SyncBatchNorm:
    """Return batch norm in place of `layer`, with its parameters, buffers and settings."""
    replacement = SyncBatchNorm(layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats)
    for name in ("weight", "bias"):
        replacement.register_parameter(name, getattr(layer, name))
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        replacement.register_buffer(name, getattr(layer, name))
    replacement.training = layer.training
    replacement.synchronised = synchronised
    replacement.constants = getattr(layer, "constants", "none")
    return replacement
