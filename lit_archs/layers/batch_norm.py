"""Batch normalisation over parts of the batch, and batch normalisation disturbed by noise."""

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from litmus.lit_archs.layers.sync_batch_norm import SyncBatchNorm, at_least_single


class GhostBatchNorm(_BatchNorm):
    """Batch norm whose training statistics are those of virtual batches (Hoffer et al. 2017, 1705.08741, alg. 1).

    The batch is cut into as many virtual batches of at least `virtual_batch_size` samples as it holds, each of which
    is normalised by itself and moves the running averages in turn. A smaller batch is one virtual batch. Input
    [N, C, ...], output of the same shape.
    """

    virtual_batch_size: int = 32

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        ghosts = max(1, len(input) // self.virtual_batch_size)
        return torch.cat([super(GhostBatchNorm, self).forward(ghost) for ghost in input.tensor_split(ghosts)])


class NoisyBatchNorm(SyncBatchNorm):
    """Batch norm followed, in training, by noise of non-zero mean and non-unit variance that changes at every step.

    Santurkar et al. 2018 (1805.11604, appendix, algorithm 1): for each channel a mean in U(−`noise_mean`,
    `noise_mean`) and a scale in U(1, `noise_scale`) are drawn at each step; around them, for each activation, a shift
    in U(mean ± `noise_mean_range`) and a factor in N(scale, `noise_scale_deviation`). Draws come from the global
    generator, as those of dropout do. Input [N, C, ...], output of the same shape.
    """

    synchronised = False
    noise_mean: float = 0.5
    noise_scale: float = 1.25
    noise_mean_range: float = 0.1
    noise_scale_deviation: float = 0.1

    def forward(self, input: Tensor) -> Tensor:
        normalised = super().forward(input)
        if not self.training:
            return normalised
        normalised = at_least_single(normalised)
        channel = normalised.new_empty((1, input.shape[1]) + (1,) * (input.dim() - 2))
        mean = torch.empty_like(channel).uniform_(-self.noise_mean, self.noise_mean)
        scale = torch.empty_like(channel).uniform_(1.0, self.noise_scale)
        spread = torch.empty_like(normalised).uniform_(-self.noise_mean_range, self.noise_mean_range)
        deviation = torch.randn_like(normalised) * self.noise_scale_deviation
        return (normalised * (scale + deviation) + (mean + spread)).to(input.dtype)
