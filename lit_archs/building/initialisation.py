"""Paired initialisation: each parameter is drawn from a generator keyed by (seed, parameter name)."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Protocol, assert_never, runtime_checkable

import torch
from pydantic import PositiveFloat
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from litmus.core.config_keys import Config
from litmus.core.errors import UserError
from litmus.core.keyed_random import generator
from litmus.lit_archs.building.constructor_draws import initialised_by_itself

Scheme = Literal[
    "kaiming_normal", "kaiming_uniform", "kaiming_normal_out", "xavier_normal", "xavier_uniform", "normal", "vgg",
    "pytorch", "own",
]  # fmt: skip
Pairing = Literal["name", "place"]
Scaled = Literal["all", "hidden"]


@dataclass(frozen=True)
class InitConfig(Config):
    """Initialisation of the weights of convolutions and linear layers; biases start at zero.

    Args:
        scheme: one of kaiming_normal, kaiming_uniform (He et al. 2015, 1502.01852, fan-in, gain √2),
            kaiming_normal_out (the same by fan-out), xavier_normal, xavier_uniform (Glorot & Bengio 2010), normal
            (standard deviation 0.01), vgg (convolutions as kaiming_normal_out, linear layers as normal: torchvision's
            VGG), pytorch (its layers' defaults, biases included), own (what the network's constructor draws and
            sets).
        gain: factor on every drawn weight.
        scaled: which weights are multiplied by the gain: all, or hidden, those of all layers but the last.
        pairing: what pairs the initial weights of two arms: the name of a parameter, or its place among the parameters
            of its shape, for networks in which an additional layer renames others.
    """

    scheme: Scheme = "kaiming_normal"
    gain: PositiveFloat = 1.0
    pairing: Pairing = "name"
    scaled: Scaled = "all"


@runtime_checkable
class InitialisesItself(Protocol):
    """A module with special parameters; `initialise_parameters` sets those that it holds directly."""

    def initialise_parameters(self) -> None: ...


@runtime_checkable
class AdjustsInitialisation(Protocol):
    """A module whose paper starts some of its layers otherwise; called when all parameters below it are drawn.

    It may only scale or replace by constants what was drawn, so that pairing by name holds.
    """

    def adjust_parameters(self) -> None: ...


_WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_NORMS = (_BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm1d, nn.InstanceNorm2d)


def initialised(make: Callable[[], nn.Module], seed: int, config: InitConfig) -> nn.Module:
    """Return what `make` constructs with every parameter and statistic set as `config` says.

    Equal names and shapes, or equal places, get equal values for equal seeds. Raises `UserError` where that cannot be.
    """
    if config.scheme != "own":
        network = make()
        initialise(network, seed, config)
        return network
    network, drawn = initialised_by_itself(make, lambda network: draw_keys(network, config.pairing), seed)
    if config.gain != 1.0:
        last = _last_layer(network)
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                scaled = config.scaled == "all" or name.rpartition(".")[0] != last
                if name in drawn and parameter.dim() > 1 and scaled:
                    parameter.mul_(config.gain)
    return network


def draw_keys(network: nn.Module, pairing: Pairing) -> dict[str, str]:
    """Return what identifies each parameter in the key of its draw: its name, or its shape and place in that shape."""
    names = {name: parameter.shape for name, parameter in network.named_parameters()}
    if pairing == "name":
        return {name: name for name in names}
    count: Counter[torch.Size] = Counter()
    places = {}
    for name, shape in names.items():
        places[name] = f"{'x'.join(map(str, shape))} {count[shape]}"
        count[shape] += 1
    return places


@torch.no_grad()
def initialise(network: nn.Module, seed: int, config: InitConfig) -> None:
    """Set every parameter and statistic of `network`; equal names and shapes get equal values for equal seeds.

    Adding, removing or exchanging a layer therefore moves no other parameter. Raises `UserError` for a module whose
    parameters no rule covers, so that none is ever left as the global generator made it.
    """
    assert config.scheme != "own", "what a constructor draws is replaced as it is made, see initialised"
    keys = draw_keys(network, config.pairing)
    last = _last_layer(network)
    for name, module in network.named_modules():
        if isinstance(module, InitialisesItself):
            module.initialise_parameters()
        elif isinstance(module, _NORMS):
            _reset_norm(module)
        elif isinstance(module, _WEIGHTED):
            weight, bias = (f"{name}.{each}" if name else each for each in ("weight", "bias"))
            scaled = replace(config, gain=1.0) if config.scaled == "hidden" and name == last else config
            _draw(module.weight, scaled, generator(seed, "init", keys.get(weight, weight)))
            if module.bias is not None:
                _draw_bias(module.bias, module.weight, scaled, generator(seed, "init", keys.get(bias, bias)))
        elif next(module.parameters(recurse=False), None) is not None:
            raise UserError(
                f"init.scheme {config.scheme} has no rule for {name or 'the parameters'} of {type(module).__name__}; "
                "init.scheme own leaves it as its constructor draws it, or give it initialise_parameters()"
            )
    for module in network.modules():
        if isinstance(module, AdjustsInitialisation):
            module.adjust_parameters()


def _reset_norm(norm: nn.Module) -> None:
    norm.reset_parameters()  # type: ignore[operator]
    if (norm.weight is None) != (norm.bias is None):
        # With one of the two PyTorch's layers pass by both.
        for parameter, start in ((norm.weight, 1.0), (norm.bias, 0.0)):
            if isinstance(parameter, Tensor):
                parameter.fill_(start)


def _last_layer(network: nn.Module) -> str:
    """Return the name of the last layer with weights, the classifier."""
    layers = [name for name, each in network.named_modules() if isinstance(each, _WEIGHTED)]
    return layers[-1] if layers else ""


def _deviation(weight: Tensor, scheme: Scheme) -> float:
    fan_in, fan_out = _fans(weight)
    match scheme:
        case "kaiming_normal" | "kaiming_uniform":
            return math.sqrt(2.0 / fan_in)
        case "kaiming_normal_out":
            return math.sqrt(2.0 / fan_out)
        case "xavier_normal" | "xavier_uniform":
            return math.sqrt(2.0 / (fan_in + fan_out))
        case "normal":
            return 0.01
        case "vgg":
            return _deviation(weight, "kaiming_normal_out" if weight.dim() > 2 else "normal")
        case "pytorch":
            return math.sqrt(1.0 / (3.0 * fan_in))
        case "own":
            raise AssertionError("its constructor draws it")
        case _:
            assert_never(scheme)


def _draw(weight: Tensor, config: InitConfig, keyed: torch.Generator) -> None:
    deviation = _deviation(weight, config.scheme)
    if config.scheme not in ("kaiming_uniform", "xavier_uniform", "pytorch"):
        weight.copy_(torch.randn(weight.shape, generator=keyed).mul_(deviation * config.gain))
    else:
        bound = math.sqrt(3.0) * deviation * config.gain
        weight.copy_(torch.rand(weight.shape, generator=keyed).mul_(2 * bound).sub_(bound))


def _draw_bias(bias: Tensor, weight: Tensor, config: InitConfig, keyed: torch.Generator) -> None:
    if config.scheme == "pytorch":
        bound = 1.0 / math.sqrt(_fans(weight)[0])
        bias.copy_(torch.rand(bias.shape, generator=keyed).mul_(2 * bound).sub_(bound))
    else:
        bias.zero_()


def _fans(weight: Tensor) -> tuple[int, int]:
    receptive_field = math.prod(weight.shape[2:])
    return weight.shape[1] * receptive_field, weight.shape[0] * receptive_field
