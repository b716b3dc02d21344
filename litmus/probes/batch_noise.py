"""Probe: how much the output for one image depends on the other images of its batch."""

import lightning.pytorch as lightning
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from litmus.core.batch import Batch
from litmus.core.keyed_random import permutation, seed_generators
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.batches.shard import Shard
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import Probe, gathered, register, undisturbed

IMAGES = 512
"""Training images whose logits are compared, or four batches where these are more."""

COMPOSITIONS = 8
"""Random divisions of the images into batches."""


@register
class BatchNoise(Probe):
    """Rows of the network (layer ""): the spread of one image's logits over random batches that contain it.

    Up to 512 training images as they are, evenly spaced, are divided into batches of the run's size in 8 random ways.
    Batch norms use each batch's statistics, as in training; all else is as in evaluation, so that only the other images
    of the batch make a difference. `logit_noise`: the root mean square of the logits' standard deviation over
    the 8 ways, relative to that over the images of their means. `changed_answers`: the share of answers that are not
    the class of the image's mean logits. Both are 0 without batch norm.
    """

    name = "batch_noise"
    summary = "spread of one image's logits over its batch's other images (Ioffe & Szegedy 2015, section 3.4)"
    cost = "8 forward passes of 512 images, or of 4 batches"
    for_segmentation = False

    def before_step(self, trainer: lightning.Trainer, module: LitNetwork, batch: Batch) -> None:
        data: ImageDataModule = trainer.datamodule  # type: ignore[attr-defined]
        size = data.config.batch_size // trainer.accumulate_grad_batches
        images = self._images(trainer, data, max(IMAGES, 4 * size))
        size = min(size, len(images))
        images = images[: len(images) // size * size]
        shard = Shard(trainer.global_rank, trainer.world_size)
        with undisturbed(module.network), torch.no_grad():
            seed_generators(self.seed, "probe", trainer.global_step, trainer.global_rank)
            module.network.eval()
            for layer in module.network.modules():
                if isinstance(layer, _BatchNorm):
                    layer.train()
            logits = torch.stack([self._logits(module, images, size, shard, way) for way in range(COMPOSITIONS)])
        noise, changed = spread_over_batches(logits)
        self.add(trainer.global_step, "", logit_noise=noise, changed_answers=changed)

    def _images(self, trainer: lightning.Trainer, data: ImageDataModule, limit: int) -> Tensor:
        """Return the training images [N, C, H, W], the same on every device, in the order of their numbers."""
        local = [trainer.precision_plugin.convert_input(each) for each in data.fit_batches(limit)]
        sample = gathered(torch.cat([each.sample for each in local]))
        return gathered(torch.cat([each.images for each in local]))[sample.argsort()]

    def _logits(self, module: LitNetwork, images: Tensor, size: int, shard: Shard, way: int) -> Tensor:
        """Return the logits [N, classes] of the images, which are divided into batches of `size` in one random way."""
        order = permutation(len(images), self.seed, self.name, way).to(images.device)
        outputs = [gathered(module.network.forward(images[shard.slice_of(each)])) for each in order.split(size)]
        return torch.cat(outputs)[order.argsort()]


def spread_over_batches(logits: Tensor) -> tuple[float, float]:
    """Return the noise of `logits` [ways, N, classes] relative to their spread over images, and the changed answers."""
    values = logits.double()
    means = values.mean(0)
    noise = values.var(0).mean().sqrt()
    spread = means.var(0).mean().sqrt()
    changed = (values.argmax(2) != means.argmax(1)).double().mean()
    return float(noise / spread), float(changed)
