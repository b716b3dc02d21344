"""Batch norm folded into the layer before it, for inference: y = γ (Wx − μ)/σ + β is one linear map."""

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from litmus.lit_archs.layers.batch_norm import GhostBatchNorm, NoisyBatchNorm
from litmus.lit_archs.layers.sync_batch_norm import SyncBatchNorm

_FOLDABLE = (nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm, SyncBatchNorm, GhostBatchNorm, NoisyBatchNorm)
"""Norms that are a fixed scale and shift at evaluation; a subclass of another library may do more."""
_LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_OTHERS = (nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm1d, nn.InstanceNorm2d)


@dataclass(frozen=True)
class Folding:
    """A network without the norms that could be folded.

    Args:
        network: it, in evaluation mode; a layer that took a norm in has a bias, the norm is an identity.
        folded: of each norm that is gone, by name, the layer that it went into.
        left: of each norm that stays, why.
    """

    network: nn.Module
    folded: dict[str, str]
    left: dict[str, str]


def fold_batch_norm(network: nn.Module, images: Tensor) -> Folding:
    """Return a copy of `network` for inference, with each batch norm folded into the layer right before it.

    A norm can be folded where its running averages stand for the batch's statistics and all that it reads is what one
    convolution or linear layer has made, which nothing else reads. What follows what is seen in one pass over `images`
    [N, C, H, W], of any content, so that the network may be any Python. Outputs are the same to rounding (Ioffe &
    Szegedy 2015, 1502.03167, section 3.1: at inference the norm is a linear transform).
    """
    copied = copy.deepcopy(network).eval()
    seen = _observe(copied, images)
    folded: dict[str, str] = {}
    left: dict[str, str] = {}
    for name, norm in list(copied.named_modules()):
        if not isinstance(norm, (_BatchNorm, *_OTHERS)):
            continue
        why = _obstacle(norm) or seen.obstacle(norm)
        if why:
            left[name] = why
            continue
        layer, layer_name = seen.source_of(norm)
        assert isinstance(norm, _BatchNorm)
        copied.set_submodule(layer_name, _fused(layer, norm))
        copied.set_submodule(name, nn.Identity())
        folded[name] = layer_name
    return Folding(copied, folded, left)


@dataclass
class _Observed:
    """What one pass showed: what each layer made, how often modules ran and tensors were read."""

    names: Mapping[nn.Module, str]
    runs: Counter[nn.Module] = field(default_factory=Counter)
    read: dict[nn.Module, Tensor] = field(default_factory=dict)
    made: dict[nn.Module, Tensor] = field(default_factory=dict)
    readers: Counter[int] = field(default_factory=Counter)
    """By a tensor's identity; the tensors are kept, so that no identity is given twice."""
    kept: list[Tensor] = field(default_factory=list)

    def obstacle(self, norm: nn.Module) -> str:
        """Return why a norm cannot go into the layer before it; empty where it can."""
        if self.runs[norm] != 1:
            return "runs several times" if self.runs[norm] else "does not run at evaluation"
        sources = [layer for layer, output in self.made.items() if output is self.read[norm]]
        if not sources:
            return "does not read what one convolution or linear layer makes"
        (layer,) = sources
        if self.runs[layer] != 1:
            return f"{self.names[layer]} runs several times"
        if self.readers[id(self.read[norm])] != 1:
            return f"something else reads what {self.names[layer]} makes"
        if isinstance(layer, nn.Linear) and self.read[norm].dim() != 2:
            return f"the outputs of {self.names[layer]} are not the norm's channels"
        if isinstance(layer, nn.ConvTranspose2d) and layer.groups != 1:
            return f"{self.names[layer]} is transposed and in groups"
        return ""

    def source_of(self, norm: nn.Module) -> tuple[nn.Module, str]:
        """Return the layer that makes what `norm` reads, and its name."""
        layer = next(layer for layer, output in self.made.items() if output is self.read[norm])
        return layer, self.names[layer]


class _CountReaders(TorchFunctionMode):
    """Counts the calls that read a tensor and return tensors: not those that ask for its shape."""

    def __init__(self, seen: _Observed) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if any(isinstance(each, Tensor) for each in tree_leaves(result)):
            for each in tree_leaves((args, kwargs)):
                if isinstance(each, Tensor):
                    self.seen.readers[id(each)] += 1
                    self.seen.kept.append(each)
        return result


def _observe(network: nn.Module, images: Tensor) -> _Observed:
    seen = _Observed({module: name for name, module in network.named_modules()})
    with _watched(seen), torch.no_grad(), _CountReaders(seen):
        outputs = network(images)
    for each in tree_leaves(outputs):
        if isinstance(each, Tensor):
            seen.readers[id(each)] += 1
    return seen


@contextmanager
def _watched(seen: _Observed) -> Iterator[None]:
    def see(module: nn.Module, inputs: Any, output: Any) -> None:
        seen.runs[module] += 1
        seen.read[module] = inputs[0]
        if type(module) in _LAYERS:
            seen.made[module] = output

    watched = [module for module in seen.names if isinstance(module, (_BatchNorm, *_LAYERS))]
    handles = [module.register_forward_hook(see) for module in watched]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _obstacle(norm: nn.Module) -> str:
    if isinstance(norm, _OTHERS):
        return "normalises by each image's own statistics"
    assert isinstance(norm, _BatchNorm)
    if type(norm) not in _FOLDABLE:
        return f"{type(norm).__name__} may do more than normalise"
    return "normalises by the batch's statistics" if norm.running_mean is None else ""


def _fused(layer: nn.Module, norm: _BatchNorm) -> nn.Module:
    if isinstance(layer, nn.Linear):
        if norm.weight is None or norm.bias is None:
            # PyTorch's function wants both.
            norm = copy.copy(norm)
            norm.weight = nn.Parameter(torch.ones_like(norm.running_mean)) if norm.weight is None else norm.weight
            norm.bias = nn.Parameter(torch.zeros_like(norm.running_mean)) if norm.bias is None else norm.bias
        return fuse_linear_bn_eval(layer, norm)
    assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    return fuse_conv_bn_eval(layer, norm, transpose=isinstance(layer, nn.ConvTranspose2d))
