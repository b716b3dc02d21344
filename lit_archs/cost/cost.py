"""What a network costs: parameters, floating-point operations, activations."""

import logging
import warnings
from collections import Counter
from dataclasses import dataclass

import torch
from torch import nn

with warnings.catch_warnings():
    # fvcore scripts a function as it is imported, which PyTorch warns of.
    warnings.simplefilter("ignore", FutureWarning)
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis


@dataclass(frozen=True)
class Cost:
    """Cost of a network; `flops` counts one multiply-add as one, as fvcore and the papers do, for one image."""

    parameters: int
    flops: int
    activations: int


def cost(network: nn.Module, input_shape: tuple[int, int, int]) -> Cost:
    """Return the cost of `network` on one image of `input_shape` (channels, height, width), in eval mode.

    `activations` is the number of elements of all convolutions' and linear layers' outputs (Radosavovic et al. 2020,
    2003.13678). The network is left as it was.
    """
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    image = torch.zeros(1, *input_shape, device=device)
    logging.getLogger("fvcore.nn.jit_analysis").setLevel(logging.ERROR)
    flops = FlopCountAnalysis(network, image).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    activations = ActivationCountAnalysis(network, image).unsupported_ops_warnings(False)
    result = Cost(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        flops=_total(flops.by_operator()),
        activations=_total(activations.uncalled_modules_warnings(False).by_operator()),
    )
    network.train(was_training)
    return result


def _total(counts: Counter[str]) -> int:
    return int(sum(counts.values()))
