"""Probes: how large each layer's weights and biases are, and how far a step moves the weights."""

from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor

from litmus.core.batch import Batch
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import Probe, register, weight_layers


@register
class ParameterNorms(Probe):
    """Rows of a layer, before the step: `weight_norm` = ‖w‖, and `bias_norm` = ‖b‖ where the layer has a bias."""

    name = "parameter_norms"
    summary = "size of each layer's weight and bias, which norms let grow (Ioffe & Szegedy 2015, sections 2 and 3.3)"
    cost = "a norm or two a layer"

    def before_step(self, trainer: lightning.Trainer, module: LitNetwork, batch: Batch) -> None:
        for name, layer in weight_layers(module.network).items():
            for quantity, parameter in (("weight_norm", layer.weight), ("bias_norm", layer.bias)):
                if parameter is not None:
                    length = float(torch.linalg.vector_norm(parameter.detach().double()))
                    self.add(trainer.global_step, name, **{quantity: length})


@register
class UpdateRatio(Probe):
    """Rows of a layer: `update_ratio` = ‖Δw‖ / ‖w‖ of its weight over the measured step."""

    name = "update_ratio"
    summary = "‖Δw‖ / ‖w‖ of each layer's weight at a step"
    cost = "a copy of the weights and two norms a layer"

    _before: dict[str, Tensor] | None = None

    def before_step(self, trainer: lightning.Trainer, module: LitNetwork, batch: Batch) -> None:
        self._step = trainer.global_step
        layers = weight_layers(module.network)
        self._before = {name: layer.weight.detach().clone() for name, layer in layers.items()}

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        for name, before in (self._before or {}).items():
            moved = torch.linalg.vector_norm(module.network.get_parameter(f"{name}.weight").detach() - before)
            self.add(self._step, name, update_ratio=float(moved / torch.linalg.vector_norm(before)))
        self._before = None
