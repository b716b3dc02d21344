"""Probe: the distribution of the input of each activation, and the fractions of dead and saturated units."""

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn

from litmus.core.batch import Batch
from litmus.lit_archs.layers.norm_activation import ACTIVATION_LAYERS, ScaledTanh
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import Probe, count_by_unit, gathered, register, summed, training_pass, watched

QUANTILES = (0.15, 0.5, 0.85)
UNITS = 16
"""Number of units whose median and spread are followed."""

SATURATION = 0.95
"""A sigmoid is saturated beyond this part of the way from its middle to a limit."""

_MIDDLE_AND_REACH: dict[type[nn.Module], tuple[float, float]] = {
    nn.Sigmoid: (0.5, 0.5), nn.Tanh: (0.0, 1.0), ScaledTanh: (0.0, 1.7159)
}  # fmt: skip


@register
class Activations(Probe):
    """Rows of an activation layer, over the global batch in training mode.

    Of the input over all units and positions: `mean`, `sd`. Of the input of unit 0, the fixed typical unit of Ioffe &
    Szegedy 2015, figure 1: `p15`, `p50`, `p85`. Of each of the first 16 units k: `median_of_unit_k` and
    `spread_of_unit_k` = p85 − p15, by which the wandering of many units over time can be judged. The unit of a feature
    map is a channel at the map's centre. Of the output: `dead_fraction`, the share of a ReLU's units (channels, of a
    map) that are zero for the whole batch; `saturated_fraction`, the share of a sigmoid's or tanh's outputs that lie
    within 5 % of a limit, measured from the middle.
    """

    name = "activations"
    summary = "input quantiles, dead and saturated share of each activation (Ioffe & Szegedy 2015, figure 1)"
    cost = "a forward pass and sorting 16 units a layer"

    def before_step(self, trainer: lightning.Trainer, module: LitNetwork, batch: Batch) -> None:
        layers = {name: each for name, each in module.network.named_modules() if isinstance(each, ACTIVATION_LAYERS)}

        def see(name: str, entering: Tensor, leaving: Tensor) -> None:
            # At once, so that no two layers' activations are held together.
            self.add(
                trainer.global_step, name, **_input_statistics(entering), **_output_statistics(layers[name], leaving)
            )

        with training_pass(module, self.seed), torch.no_grad(), watched(layers, see):
            module.network.forward(batch.images)


def _input_statistics(entering: Tensor) -> dict[str, float]:
    values = entering.double()
    count, total = summed(torch.stack((values.new_tensor(values.numel()), values.sum()))).tolist()
    mean = total / count
    variance = float(summed((values - mean).square().sum())) / count
    units = entering[:, :UNITS]
    for size in entering.shape[:1:-1]:
        units = units[..., size // 2]
    units = gathered(units.contiguous()).double()
    low, middle, high = torch.quantile(units, units.new_tensor(QUANTILES), dim=0).tolist()
    statistics = {"mean": mean, "sd": variance**0.5, "p15": low[0], "p50": middle[0], "p85": high[0]}
    for unit in range(len(middle)):
        statistics[f"median_of_unit_{unit}"] = middle[unit]
        statistics[f"spread_of_unit_{unit}"] = high[unit] - low[unit]
    return statistics


def _output_statistics(layer: nn.Module, leaving: Tensor) -> dict[str, float]:
    if isinstance(layer, nn.ReLU):
        return {"dead_fraction": float((summed(count_by_unit(leaving != 0)) == 0).double().mean())}
    if type(layer) in _MIDDLE_AND_REACH:
        middle, reach = _MIDDLE_AND_REACH[type(layer)]
        saturated = ((leaving - middle).abs() > SATURATION * reach).sum().double()
        share, count = summed(torch.stack((saturated, saturated.new_tensor(leaving.numel())))).tolist()
        return {"saturated_fraction": share / count}
    return {}
