"""What each layer of a network makes and costs, measured on the meta device: no weights, no arithmetic."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from litmus.lit_archs.building.registry import ARCHITECTURES, construct

BYTES_PER_ELEMENT = 4
"""Of single precision, in which memory is given."""


@dataclass(frozen=True)
class LayerProfile:
    """One layer on one image, in eval mode.

    `flops` counts a multiply-add as one, as `cost` does; `activations` are the output's elements of convolutions and
    linear layers; `memory` is the bytes of parameters and output in single precision; `receptive_field` is the side,
    in pixels of the image, of what one output can depend on, at most the image's.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    flops: int
    activations: int
    memory: int
    receptive_field: int


@dataclass
class _Reach:
    """Receptive field and distance between neighbouring outputs, in pixels of the image."""

    field: float
    step: float


class _Observer(TorchDispatchMode):
    """Follows every operation: counts it, and what its output can depend on."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.side = max(image.shape[-2:])
        self.flops = 0
        self.activations = 0
        self.reaches = WeakTensorKeyDictionary()
        self.reaches[image] = _Reach(1, 1)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        outputs = func(*args, **(kwargs or {}))
        first = outputs[0] if isinstance(outputs, tuple | list) else outputs
        name = func.overloadpacket.__name__
        if isinstance(first, Tensor):
            self._count(name, args, first)
            reach = self._reach(name, args)
            for output in outputs if isinstance(outputs, tuple | list) else (outputs,):
                if reach is not None and isinstance(output, Tensor):
                    self.reaches[output] = reach
        return outputs

    def _count(self, name: str, args: tuple[Any, ...], output: Tensor) -> None:
        if name == "convolution":
            image, weight, transposed = args[0], args[1], args[6]
            positions = math.prod((image if transposed else output).shape[2:])
            self.flops += len(output) * weight.numel() * positions
            self.activations += output.numel()
        elif name in ("addmm", "mm"):
            left, right = args[-2], args[-1]
            self.flops += left.shape[0] * left.shape[1] * right.shape[1]
            self.activations += output.numel()
        elif name in ("native_batch_norm", "cudnn_batch_norm", "_native_batch_norm_legit_no_training"):
            self.flops += args[0].numel() * (2 if args[1] is not None else 1)
        elif name in ("native_group_norm", "native_layer_norm"):
            weight = args[1] if name == "native_group_norm" else args[2]
            self.flops += args[0].numel() * (5 if weight is not None else 4)
        elif name in ("_adaptive_avg_pool2d", "mean"):
            self.flops += args[0].numel()

    def _reach(self, name: str, args: tuple[Any, ...]) -> _Reach | None:
        inputs = [self.reaches[tensor] for tensor in _tensors(args) if tensor in self.reaches]
        if not inputs:
            return None
        reach = _Reach(max(each.field for each in inputs), max(each.step for each in inputs))
        if name in ("addmm", "mm", "mean", "_adaptive_avg_pool2d", "adaptive_max_pool2d"):
            return _Reach(self.side, self.side)
        if name == "convolution":
            size, stride, dilation, transposed = args[1].shape[-1], args[3][-1], args[5][-1], args[6]
            if transposed:
                return _Reach(reach.field + (math.ceil(size / stride) - 1) * reach.step, reach.step / stride)
        elif name in ("max_pool2d_with_indices", "avg_pool2d"):
            size, dilation = args[1][-1], 1
            stride = args[2][-1] if len(args) > 2 and args[2] else size
        else:
            return reach
        return _Reach(reach.field + dilation * (size - 1) * reach.step, reach.step * stride)


def _tensors(args: tuple[Any, ...]) -> list[Tensor]:
    nested = [item for arg in args for item in (arg if isinstance(arg, tuple | list) else (arg,))]
    return [item for item in nested if isinstance(item, Tensor)]


def profile(network: nn.Module, input_shape: tuple[int, int, int]) -> list[LayerProfile]:
    """Return the profile of every layer of `network` on one image (channels, height, width), in order of execution.

    `network` is on the meta device (`with torch.device("meta"): construct(...)`). What a block computes outside its
    layers, an addition or a concatenation, costs nothing by this count.
    """
    image = torch.zeros(1, *input_shape, device="meta")
    observer = _Observer(image)
    layers: list[LayerProfile] = []
    started: dict[str, tuple[int, int]] = {}
    names = _layers(network)
    seen: set[nn.Parameter] = set()

    def before(module: nn.Module, inputs: Any) -> None:
        started[names[module]] = (observer.flops, observer.activations)

    def after(module: nn.Module, inputs: Any, output: Tensor) -> None:
        name = names[module]
        flops, activations = started.pop(name)
        new = [parameter for parameter in module.parameters() if parameter not in seen]
        seen.update(new)
        parameters = sum(parameter.numel() for parameter in new)
        reach = observer.reaches.get(output, _Reach(1, 1))
        layers.append(
            LayerProfile(
                name=name,
                kind=type(module).__name__,
                output_shape=tuple(output.shape[1:]),
                parameters=parameters,
                flops=observer.flops - flops,
                activations=observer.activations - activations,
                memory=BYTES_PER_ELEMENT * (parameters + output.numel()),
                receptive_field=min(round(reach.field), observer.side),
            )
        )

    hooks = [module.register_forward_pre_hook(before) for module in names]
    hooks += [module.register_forward_hook(after) for module in names]
    was_training = network.training
    try:
        with torch.no_grad(), observer:
            network.eval()(image)
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return layers


def native_profile(name: str) -> list[LayerProfile]:
    """Return the profile of the architecture `name` with its defaults, at the size the literature quotes it at."""
    entry = ARCHITECTURES[name]
    assert entry.input_shape is not None, "the literature quotes every network of the package at some size"
    channels, size, _ = entry.input_shape
    with torch.device("meta"):
        network = construct(name, num_classes=entry.num_classes, in_channels=channels, image_size=size)
    return profile(network, entry.input_shape)


def _layers(network: nn.Module, name: str = "") -> dict[nn.Module, str]:
    """Return the modules that hold parameters themselves or have no children, by name; identities are none."""
    holds_parameters = next(network.parameters(recurse=False), None) is not None
    children = list(network.named_children())
    if isinstance(network, nn.Identity):
        return {}
    if holds_parameters or not children:
        return {network: name}
    prefix = f"{name}." if name else ""
    return {layer: path for child, module in children for layer, path in _layers(module, prefix + child).items()}


def throughput(
    network: nn.Module,
    input_shape: tuple[int, int, int],
    batch_size: int,
    seconds: float = 2.0,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Return the images per second that `network` classifies in eval mode on its device, after one warm-up batch."""
    device = next(network.parameters()).device
    images = torch.zeros(batch_size, *input_shape, device=device)

    def synchronise() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    was_training = network.training
    with torch.no_grad():
        network.eval()(images)
        synchronise()
        start, batches = clock(), 0
        while batches == 0 or clock() - start < seconds:
            network(images)
            synchronise()
            batches += 1
        elapsed = clock() - start
    network.train(was_training)
    return batches * batch_size / elapsed
