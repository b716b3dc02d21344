"""Probe: how far each layer's weights move at a step, relative to their size."""

from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor

from litmus.probes.base.probe import Probe, register, weight_layers


@register
class UpdateRatio(Probe):
    """Rows: layer, `update_ratio` = ‖Δw‖ / ‖w‖ of the layer's weight over the measured step."""

    name = "update_ratio"
    summary = "‖Δw‖ / ‖w‖ of each layer's weight at a step"
    cost = "a copy of the weights and two norms a layer"

    _before: dict[str, Tensor]

    def on_train_batch_start(self, trainer: lightning.Trainer, module: Any, batch: Any, batch_idx: int) -> None:
        self._before = {}
        if self.due(trainer):
            self._step = trainer.global_step
            layers = weight_layers(module.network)
            self._before = {name: layer.weight.detach().clone() for name, layer in layers.items()}

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        layers = weight_layers(module.network) if self._before else {}
        for name, before in self._before.items():
            moved = torch.linalg.vector_norm(layers[name].weight.detach() - before)
            self.add(self._step, name, update_ratio=float(moved / torch.linalg.vector_norm(before)))
