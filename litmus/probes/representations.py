"""Probe: the similarity of each layer's representation during training to its final one."""

from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor

from litmus.core.batch import Batch
from litmus.core.keyed_random import derive, uniform
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import Probe, register, undisturbed, watched, weight_layers

POINTS = 500
"""Data points of a layer: outputs for images of the validation split, of maps at random places."""

VARIANCE = 0.99
"""Fraction of the variance that the compared directions explain, as in the paper."""


@register
class Representations(Probe):
    """Rows of a layer, written at the end: `similarity_to_final`, that of its outputs at a step and after training.

    Outputs are those for 500 images of the validation split, or all of it if it is smaller. From maps, as many places
    of each image are taken as make about 500 points; they are drawn by the seed and the same at every step. The
    similarity is that of SVCCA: the mean canonical correlation of the directions that explain 99 % of each variance, 1
    if one is an affine map of the other. A run that diverged has no rows.

    The outputs of every measured step are part of the checkpoint: about 500 numbers a channel.
    """

    name = "representations"
    summary = "similarity of each layer's outputs to its final ones, by SVCCA (Raghu et al. 2017, 1706.05806)"
    cost = "an evaluation of 500 images, and their outputs in the checkpoint"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.kept: dict[int, dict[str, Tensor]] = {}

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "kept": self.kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.kept = dict(state_dict["kept"])

    def before_step(self, trainer: lightning.Trainer, module: LitNetwork, batch: Batch) -> None:
        self.kept[trainer.global_step] = self._points(trainer, module)

    def at_end(self, trainer: lightning.Trainer, module: LitNetwork) -> None:
        final = self._points(trainer, module)
        for step, points in self.kept.items():
            for layer, outputs in points.items():
                self.add(step, layer, similarity_to_final=svcca(outputs, final[layer]))
        self.kept = {}

    def _points(self, trainer: lightning.Trainer, module: LitNetwork) -> dict[str, Tensor]:
        """Return each layer's outputs, float32 [points, channels]; every device computes all of them."""
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        images = data.val_indices[:POINTS]
        places = max(1, POINTS // len(images))
        found: dict[str, list[Tensor]] = {}
        layers = weight_layers(module.network)
        with undisturbed(module.network), torch.no_grad():
            module.network.eval()
            for chunk in images.split(data.config.eval_batch_size):
                batch = trainer.precision_plugin.convert_input(data.batch_of(chunk))

                def see(name: str, _: Any, output: Tensor, sample: Tensor = batch.sample) -> None:
                    found.setdefault(name, []).append(self._at_places(output, sample, places).float().cpu())

                with watched(layers, see):
                    module.network.forward(batch.images)
        return {name: torch.cat(points) for name, points in found.items()}

    def _at_places(self, outputs: Tensor, sample: Tensor, count: int) -> Tensor:
        """Return [points, channels] of outputs [N, C] or [N, C, ...]: of maps, at `count` random places of each image.

        The places depend on the seed, the image's number in `sample` [N] and the map's size alone.
        """
        if outputs.dim() == 2:
            return outputs
        maps = outputs.flatten(2)
        channels, places = maps.shape[1:]
        drawn = uniform(derive(self.seed, self.name, places), sample, places)
        chosen = drawn.argsort(1)[:, :count]
        return maps.gather(2, chosen[:, None, :].expand(-1, channels, -1)).transpose(1, 2).flatten(0, 1)


def svcca(one: Tensor, other: Tensor) -> float:
    """Return the mean canonical correlation of the main directions of two sets of outputs [points, channels].

    Each is reduced to the directions of the largest variance that hold 99 % of it together (Raghu et al. 2017, section
    2.1); the mean is over as many correlations as the smaller of the two has directions. NaN where one is constant.
    """
    bases = [_main_directions(outputs) for outputs in (one, other)]
    if not all(basis.shape[1] for basis in bases):
        return float("nan")
    return float(torch.linalg.svdvals(bases[0].T @ bases[1]).mean())


def _main_directions(outputs: Tensor) -> Tensor:
    centred = outputs.double() - outputs.double().mean(0)
    left, values, _ = torch.linalg.svd(centred, full_matrices=False)
    variances = values.square()
    if not variances.sum() > 0:
        return left[:, :0]
    held = variances.cumsum(0) / variances.sum()
    return left[:, : int((held < VARIANCE).sum()) + 1]
