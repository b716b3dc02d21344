"""Probe: how much the excitations of squeeze-and-excitation depend on the class of the image."""

import lightning.pytorch as lightning
import torch
from torch import Tensor

from litmus.lit_archs.layers.squeeze_excite import SqueezeExcite
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import Probe, register, summed, undisturbed, watched


@register
class Excitations(Probe):
    """Rows of each squeeze-and-excitation at the end of training, over the validation split.

    `excitation` is the mean of its gates, from 0 to 1. `between_classes` is the share of the gates' variance over
    images that lies between the means of the classes: 0 if the gates ignore the class, 1 if they depend on nothing
    else. Variances are summed over the channels. Images without anything to do with the gates would give
    (classes − 1) / (images − 1) on average. A run that diverged has no rows.
    """

    name = "excitations"
    summary = "how far squeeze-and-excitation depends on the class (Hu et al. 2017, 1709.01507, section 7.2)"
    cost = "a validation, once"
    for_segmentation = False

    def at_end(self, trainer: lightning.Trainer, module: LitNetwork) -> None:
        network, classes = module.network, trainer.datamodule.num_classes  # type: ignore[attr-defined]
        gates = {name: each.gate for name, each in network.named_modules() if isinstance(each, SqueezeExcite)}
        entered: dict[str, Tensor] = {}
        found: dict[str, Tensor] = {}

        def see(name: str, _: Tensor, gate: Tensor) -> None:
            entered[name] = gate.flatten(1).double()

        with undisturbed(network), torch.no_grad(), watched(gates, see):
            network.eval()
            for batch in self.validation_batches(trainer):
                network.forward(batch.images)
                chosen = torch.nn.functional.one_hot(batch.labels, classes).double()
                for name, values in entered.items():
                    # By class: the number of images, the sum of their gates and that of the squares, by channel.
                    parts = (chosen.sum(0)[:, None].expand(-1, values.shape[1]), chosen.T @ values,
                             chosen.T @ values.square())  # fmt: skip
                    found[name] = found.get(name, 0) + torch.stack(parts)
        for name, sums in found.items():
            count, total, squares = summed(sums)
            images, mean = count.sum(0), total.sum(0) / count.sum(0)
            between = (count * (total / count.clamp(min=1) - mean).square()).sum()
            whole = (squares.sum(0) - images * mean.square()).sum()
            share = float(between / whole) if whole > 0 else 0.0
            layer = name.removesuffix(".gate")
            self.add(trainer.global_step, layer, excitation=float(mean.mean()), between_classes=share)
