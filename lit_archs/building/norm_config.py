"""How the norm layers of a network work, whichever network it is: placement, statistics, momentum, scale."""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from litmus.core.config_keys import Config
from litmus.core.errors import UserError
from litmus.lit_archs.layers.batch_norm import GhostBatchNorm, NoisyBatchNorm
from litmus.lit_archs.layers.norm_activation import LayerNormOfMap, NormActivation, group_count
from litmus.lit_archs.layers.shift import shift_by_itself
from litmus.lit_archs.layers.sync_batch_norm import Constants, SyncBatchNorm, at_least_single, own_batch_norm

Placement = Literal["before", "after"]
Statistics = Literal["running", "batch", "population"]
Gradient = Literal["full", "mean_stopped", "stopped"]

_CONSTANTS: dict[Gradient, Constants] = {"full": "none", "mean_stopped": "mean", "stopped": "both"}
"""What of a batch's statistics the gradient takes for constants."""


@dataclass(frozen=True)
class NormConfig(Config):
    """Details of the norm layers; which layer it is, is the network's option `norm`.

    Args:
        placement: before or after the activation; a norm at the end of a residual branch, which has no activation,
            keeps its place.
        affine: whether norms have a trainable scale and shift; without, the shift of a channel is the bias of the
            convolution before, or follows a norm that reads a sum or a concatenation. Batch norm subtracts such
            a bias with the mean: with it, affine=false is scale=false and shift=false in effect.
        scale: whether norms have a trainable scale, γ; only with `affine`.
        shift: whether norms have a trainable shift, β; nothing replaces it.
        gradient: gradient of batch norm: full, or with constant statistics, both (stopped) or only the mean
            (mean_stopped); Ioffe & Szegedy 2015 (1502.03167), section 2.
        eps: added to the variance before the root; null keeps each layer's default, mostly 1e-5.
        momentum: weight of the newest batch in batch norm's running averages.
        evaluation_statistics: statistics of batch norm in an evaluation: running averages, those of the evaluated
            batch, or population, the means over the batches of up to 10,000 training images, computed anew before each
            evaluation (Ioffe & Szegedy 2015, algorithm 2).
        virtual_batch_size: samples of a virtual batch of ghost_batch (Hoffer et al. 2017, 1705.08741).
        groups: groups of group norm; fewer in layers that they would leave with less than two channels a group.
        noise_mean: of noisy_batch, largest mean of a channel's shift (Santurkar et al. 2018, 1805.11604, appendix).
        noise_scale: of noisy_batch, largest mean of a channel's factor, at least 1.
        noise_mean_range: of noisy_batch, half-width of the shifts around their mean.
        noise_scale_deviation: of noisy_batch, standard deviation of the factors around their mean.
    """

    placement: Placement = "before"
    affine: bool = True
    scale: bool = True
    shift: bool = True
    gradient: Gradient = "full"
    eps: PositiveFloat | None = None
    momentum: PositiveFloat = 0.1
    evaluation_statistics: Statistics = "running"
    virtual_batch_size: Annotated[int, Ge(2)] = 32
    groups: PositiveInt = 32
    noise_mean: NonNegativeFloat = 0.5
    noise_scale: Annotated[float, Ge(1)] = 1.25
    noise_mean_range: NonNegativeFloat = 0.1
    noise_scale_deviation: NonNegativeFloat = 0.1


_NORMS = (_BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)


def configure_norms(network: nn.Module, config: NormConfig) -> None:
    """Make every norm layer of `network` work as `config` says, where that differs from the default.

    The default config changes nothing, whatever the layers of a network that is not ours were built with.
    """
    default = NormConfig()
    changed = {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != getattr(default, field.name)
    }
    if config.gradient != default.gradient:
        _take_for_constants(network, config.gradient)
    for module in network.modules():
        if isinstance(module, NormActivation):
            module.placement = config.placement
        if not config.affine:
            shift_by_itself(module)
            if isinstance(module, NormActivation):
                module.shift_by_itself()
        if isinstance(module, _NORMS):
            _keep_affine(module, scale=config.affine and config.scale, shift=config.affine and config.shift)
            if config.eps is not None:
                module.eps = config.eps
        if isinstance(module, _BatchNorm):
            _configure_batch_norm(module, changed)
        elif isinstance(module, nn.GroupNorm) and not isinstance(module, LayerNormOfMap) and "groups" in changed:
            module.num_groups = group_count(module.num_channels, config.groups)


def _configure_batch_norm(layer: _BatchNorm, changed: dict[str, Any]) -> None:
    layer.momentum = changed.get("momentum", layer.momentum)
    if changed.get("evaluation_statistics") == "batch":
        layer.track_running_stats = False
        layer.running_mean = layer.running_var = layer.num_batches_tracked = None
    if isinstance(layer, GhostBatchNorm):
        layer.virtual_batch_size = changed.get("virtual_batch_size", layer.virtual_batch_size)
    if isinstance(layer, NoisyBatchNorm):
        for name in ("noise_mean", "noise_scale", "noise_mean_range", "noise_scale_deviation"):
            setattr(layer, name, changed.get(name, getattr(layer, name)))


def _take_for_constants(network: nn.Module, gradient: Gradient) -> None:
    """Replace batch norms by ones whose gradient treats the statistics as constants, under the same names."""
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) in (nn.BatchNorm1d, nn.BatchNorm2d):
                assert isinstance(layer, _BatchNorm)
                layer = own_batch_norm(layer, synchronised=False)
                setattr(parent, name, layer)
            if isinstance(layer, SyncBatchNorm):
                layer.constants = _CONSTANTS[gradient]
            elif isinstance(layer, _BatchNorm):
                raise UserError(f"norm.gradient {gradient} is for batch norm; {type(layer).__name__} has only full")


def _keep_affine(layer: Any, *, scale: bool, shift: bool) -> None:
    """Take scale or shift from `layer`, which keeps the name of the other."""
    if scale and shift:
        return
    layer.weight = layer.weight if scale else None
    layer.bias = layer.bias if shift else None
    setattr(layer, "elementwise_affine" if isinstance(layer, nn.LayerNorm) else "affine", False)
    if shift and isinstance(layer, nn.GroupNorm | nn.LayerNorm):
        # On the CPU PyTorch's gradient of an input in half precision needs a scale beside the shift.
        layer.register_forward_pre_hook(_in_single_precision)


def _in_single_precision(layer: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
    return at_least_single(inputs[0])
