"""Probe: internal covariate shift, as a change of each layer's gradient by the update of the layers before it."""

from typing import Any

import lightning.pytorch as lightning
from torch import Tensor
from torch.nn.functional import cosine_similarity

from litmus.core.batch import Batch
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import (
    Probe,
    WeightLayer,
    distance,
    loss_and_gradients,
    norm,
    register,
    set_values,
    weight_layers,
)

LAYERS = 8
"""Number of layers measured at most, for each costs a pass."""


@register
class CovariateShift(Probe):
    """Rows of a layer: `shift` = ‖G − G′‖, `relative_shift` = ‖G − G′‖ / ‖G‖, `cosine` of the angle between the two.

    G is the gradient of the loss by the layer's weight before the step. G′ is the same, of the same batch, when all
    parameters defined before that weight have made the step, and it and all behind it have not. The first layer, for
    which G = G′, is left out; of the others at most 8 are measured, evenly chosen, the last among them. Where G is
    zero the ratios are NaN.
    """

    name = "covariate_shift"
    summary = "gradient change by the update of the layers before (Santurkar et al. 2018, definition 2.1)"
    cost = "up to 9 forward and backward passes, a copy of all weights"

    _before: list[Tensor] | None = None

    def before_step(self, trainer: lightning.Trainer, module: LitNetwork, batch: Batch) -> None:
        self._step = trainer.global_step
        self._before = [parameter.detach().clone() for parameter in module.network.parameters()]

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(module, LitNetwork)
        if self._before is None:
            return
        before, self._before = self._before, None
        parameters = list(module.network.parameters())
        after = [parameter.detach().clone() for parameter in parameters]
        layers = evenly_chosen(weight_layers(module.network), LAYERS)
        place = {name: index for index, (name, _) in enumerate(module.network.named_parameters())}
        places = [place[f"{name}.weight"] for name in layers]
        try:
            set_values(parameters, before)
            _, gradients = loss_and_gradients(module, batch, self.seed, [parameters[index] for index in places])
            for name, index, gradient in zip(layers, places, gradients, strict=True):
                set_values(parameters[:index], after[:index])
                _, (shifted,) = loss_and_gradients(module, batch, self.seed, [parameters[index]])
                shift, size = distance([gradient], [shifted]), norm([gradient])
                cosine = cosine_similarity(gradient.double().flatten(), shifted.double().flatten(), dim=0)
                ratios = (shift / size, float(cosine)) if size > 0 else (float("nan"), float("nan"))
                self.add(self._step, name, shift=shift, relative_shift=ratios[0], cosine=ratios[1])
        finally:
            set_values(parameters, after)


def evenly_chosen(layers: dict[str, WeightLayer], count: int) -> dict[str, WeightLayer]:
    """Return at most `count` of `layers` without the first, evenly chosen by their order, the last among them."""
    names = list(layers)[1:]
    if len(names) > count:
        names = [names[len(names) * (number + 1) // count - 1] for number in range(count)]
    return {name: layers[name] for name in names}
