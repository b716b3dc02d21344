"""Probe: gradients of each layer, and the factor by which they shrink or grow from layer to layer going backwards."""

import math
from collections.abc import Sequence

import lightning.pytorch as lightning
import torch
from torch import Tensor

from litmus.core.batch import Batch
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import Probe, partial_loss, register, summed, training_pass, watched, weight_layers

SIDE_PATHS = ("shortcut", "auxiliary", "squeeze_excite")
"""Parts of the names of layers that are not on the main path."""


@register
class GradientNorms(Probe):
    """Rows of a layer: `weight_gradient_norm` = ‖∂L/∂w‖, `output_gradient_rms` = root mean square of ∂L/∂output,
    `input_gradient_rms` that of ∂L/∂input, summed over all layers that read this input; the first layer has none.

    Rows of the network (layer ""): `decay_factor`, see the function, over the hidden layers of the main path, without
    layers on shortcuts and the last layer; `decay_layers`, the number of layers that it was fitted to. L is the mean
    loss of the global batch.
    """

    name = "gradient_norms"
    summary = "gradient of each layer, and its factor per layer going backwards (Bengio et al. 1994; Hochreiter 1991)"
    cost = "a forward and a backward pass"

    def before_step(self, trainer: lightning.Trainer, module: LitNetwork, batch: Batch) -> None:
        by_weight, by_output, by_input = self._gradients(module, batch)
        rms: dict[str, float] = {}
        for name, gradient in by_weight.items():
            norm = float(summed(gradient).double().norm())
            rms[name] = _root_mean_square(by_output[name])
            entering = {"input_gradient_rms": _root_mean_square(by_input[name])} if name in by_input else {}
            self.add(trainer.global_step, name, weight_gradient_norm=norm, output_gradient_rms=rms[name], **entering)
        main = [name for name in rms if not any(part in name for part in SIDE_PATHS)]
        factor, count = decay_factor([rms[name] for name in main[:-1]])
        self.add(trainer.global_step, "", decay_factor=factor, decay_layers=count)

    def _gradients(self, module: LitNetwork, batch: Batch) -> tuple[dict[str, Tensor], ...]:
        """Return the loss's gradients by each layer's weight, by its output, and by its input where that has one."""
        layers = weight_layers(module.network)
        inputs: dict[str, Tensor] = {}
        outputs: dict[str, Tensor] = {}

        def see(name: str, entering: Tensor, leaving: Tensor) -> None:
            outputs[name] = leaving
            if entering.requires_grad:
                inputs[name] = entering

        with training_pass(module, self.seed), torch.enable_grad(), watched(layers, see):
            loss = partial_loss(module, batch)
            weights = {name: layers[name].weight for name in layers if name in outputs}
            by_layer = (weights, {name: outputs[name] for name in weights}, inputs)
            wanted = [tensor for tensors in by_layer for tensor in tensors.values()]
            found = torch.autograd.grad(loss, wanted, allow_unused=True)
        filled = iter(torch.zeros_like(by) if each is None else each for each, by in zip(found, wanted, strict=True))
        return tuple({name: next(filled) for name in tensors} for tensors in by_layer)


def _root_mean_square(gradient: Tensor) -> float:
    values = gradient.double()
    squares, count = summed(torch.stack((values.square().sum(), values.new_tensor(values.numel())))).tolist()
    return math.sqrt(squares / count)


def decay_factor(magnitudes: Sequence[float]) -> tuple[float, int]:
    """Return the factor by which gradients change from a layer to the one before it, and the number of layers used.

    `magnitudes` are those of the gradients in forward order. The factor is exp of the negative slope of the
    least-squares line through their logarithms against the layer's number: 0.9 where the gradient of layer i − n is
    0.9ⁿ that of layer i. Gradients that are zero or not finite have no logarithm and are left out; with less than two
    others the factor is NaN.
    """
    points = [(index, math.log(value)) for index, value in enumerate(magnitudes) if 0.0 < value < math.inf]
    if len(points) < 2:
        return math.nan, len(points)
    x, y = torch.tensor(points, dtype=torch.float64).T
    x = x - x.mean()
    return math.exp(-float((x * y).sum() / x.square().sum())), len(points)
