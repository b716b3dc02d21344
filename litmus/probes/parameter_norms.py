"""Probe: how large each layer's weights and biases are."""

from typing import Any

import lightning.pytorch as lightning
import torch

from litmus.probes.base.probe import Probe, register, weight_layers


@register
class ParameterNorms(Probe):
    """Rows of a layer, before the step: `weight_norm` = ‖w‖, and `bias_norm` = ‖b‖ where the layer has a bias."""

    name = "parameter_norms"
    summary = "size of each layer's weight and bias, which norms let grow (Ioffe & Szegedy 2015, sections 2 and 3.3)"
    cost = "a norm or two a layer"

    def on_train_batch_start(self, trainer: lightning.Trainer, module: Any, batch: Any, batch_idx: int) -> None:
        if not self.due(trainer):
            return
        for name, layer in weight_layers(module.network).items():
            parameters = {"weight_norm": layer.weight, "bias_norm": layer.bias}
            self.add(
                trainer.global_step,
                name,
                **{
                    quantity: float(torch.linalg.vector_norm(parameter.detach().double()))
                    for quantity, parameter in parameters.items()
                    if parameter is not None
                },
            )
