"""Probe: the ReLUs that no training image makes positive."""

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn

from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import Probe, count_by_unit, register, summed, undisturbed, watched

IMAGES = 10_000
"""Most training images that are evaluated."""


@register
class DeadUnits(Probe):
    """Rows of each ReLU and leaky ReLU at the end of each epoch: `dead_units`, the share that no image makes positive.

    In evaluation mode, over up to 10,000 training images, evenly spaced. A unit of a map is a channel; one positive
    position in one image is enough. The gradient of such a ReLU is zero for every image; a leaky one
    passes its small slope. The probe `activations` counts a ReLU's over the batches that it is trained on.
    """

    name = "dead_units"
    summary = "share of each layer's ReLUs that are zero for all training images (CS231n notes, Neural networks 1)"
    cost = "a forward pass over the training images at the end of each epoch"

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        network = module.network
        layers = {name: each for name, each in network.named_modules() if isinstance(each, nn.ReLU | nn.LeakyReLU)}
        positive: dict[str, Tensor] = {}

        def see(name: str, entering: Tensor, _: Tensor) -> None:
            positive[name] = positive.get(name, 0) + count_by_unit(entering > 0)

        with undisturbed(network), torch.no_grad(), watched(layers, see):
            network.eval()
            for each in trainer.datamodule.fit_batches(IMAGES):  # type: ignore[attr-defined]
                batch = trainer.precision_plugin.convert_input(each)
                network.forward(batch.images)
        for name, counts in positive.items():
            self.add(trainer.global_step, name, dead_units=float((summed(counts) == 0).double().mean()))
