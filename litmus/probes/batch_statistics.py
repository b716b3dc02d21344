"""Probe: how far batch norm's running statistics are from those of the batch."""

import lightning.pytorch as lightning
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from litmus.core.batch import Batch
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import Probe, register, summed, training_pass, watched


@register
class BatchStatistics(Probe):
    """Rows of a batch-norm layer, before the measured step moves its running statistics.

    `mean_distance`: root mean square over the channels of (batch mean − running mean) / running sd.
    `variance_log_ratio`: mean over the channels of |log(batch variance / running variance)|. The batch is the global
    one, its variance the unbiased one, as the running variance is; eps is added to each variance. Layers that keep no
    running statistics have no rows.
    """

    name = "batch_statistics"
    summary = "distance of batch norm's running mean and variance from the batch's (Ioffe & Szegedy 2015, 3.1)"
    cost = "a forward pass"

    def before_step(self, trainer: lightning.Trainer, module: LitNetwork, batch: Batch) -> None:
        layers = {name: each for name, each in module.network.named_modules() if isinstance(each, _BatchNorm)}
        # The pass itself moves the running statistics.
        running = {
            name: (layer.running_mean.clone(), layer.running_var.clone())
            for name, layer in layers.items()
            if layer.running_mean is not None and layer.running_var is not None
        }

        def see(name: str, entering: Tensor, _: Tensor) -> None:
            mean, variance = _statistics(entering)
            running_mean, running_variance = (each.double() for each in running[name])
            running_variance, variance = running_variance + layers[name].eps, variance + layers[name].eps
            distance = ((mean - running_mean).square() / running_variance).mean().sqrt()
            ratio = (variance / running_variance).log().abs().mean()
            self.add(trainer.global_step, name, mean_distance=float(distance), variance_log_ratio=float(ratio))

        watched_layers = {name: layers[name] for name in running}
        if watched_layers:
            with training_pass(module, self.seed), torch.no_grad(), watched(watched_layers, see):
                module.network.forward(batch.images)


def _statistics(entering: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and unbiased variance of each channel of [N, C, ...] over all devices, float64 [C]."""
    values = entering.double().transpose(0, 1).flatten(1)
    count = float(summed(values.new_tensor(values.shape[1])))
    mean = summed(values.sum(1)) / count
    return mean, summed((values - mean[:, None]).square().sum(1)) / (count - 1)
