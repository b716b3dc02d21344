"""What each layer of a network makes and costs, measured on the meta device: no weights, no arithmetic."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from torch.utils.weak import WeakTensorKeyDictionary

from litmus.lit_archs.building.registry import ARCHITECTURES, construct

BYTES_PER_ELEMENT = 4
"""Of single precision, in which memory is given."""


@dataclass(frozen=True)
class LayerProfile:
    """One layer on one image, in eval mode, without the layers within it.

    `flops` counts a multiply-add as one, as `Cost` does; `activations` are the output's elements of convolutions and
    linear layers; `memory` is the bytes of parameters and output in single precision; `receptive_field` is the side,
    in pixels of the image, of what one output can depend on, at most the image's; `uncounted` are the operations whose
    FLOPs nobody has a formula for.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    flops: int
    activations: int
    memory: int
    receptive_field: int
    uncounted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """Cost of a network on one image, in eval mode.

    `flops` are those of matrix products and convolutions, by PyTorch's formulas, and of norms and average pooling. A
    multiply-add counts as one, as in the papers; for PyTorch's own `FlopCounterMode` it is two. All other operations
    cost nothing by this count, except the `uncounted` ones, which do arithmetic that it misses. `activations` is the
    number of elements of all convolutions' and linear layers' outputs (Radosavovic et al. 2020, 2003.13678).
    """

    parameters: int
    flops: int
    activations: int
    uncounted: tuple[str, ...] = ()


@dataclass
class _Reach:
    """Receptive field and distance between neighbouring outputs, in pixels of the image."""

    field: float
    step: float


_POINTWISE = {getattr(torch.Tag, name, None) for name in ("pointwise", "reduction", "view_copy")} - {None}
_FREE = {
    "_adaptive_avg_pool2d", "_local_scalar_dense", "_log_softmax", "_pack_padded_sequence", "_safe_softmax", "_softmax",
    "_to_copy", "_unsafe_view", "adaptive_max_pool2d", "arange", "avg_pool2d", "bernoulli", "cat", "channel_shuffle",
    "clone", "col2im", "constant_pad_nd", "copy", "embedding", "empty", "eye", "flip", "full", "gather", "im2col",
    "index", "index_put", "index_select", "lift_fresh", "linspace", "masked_select", "max_pool2d_with_indices",
    "native_dropout", "nonzero", "ones", "pixel_shuffle", "pixel_unshuffle", "rand", "randn", "randperm",
    "reflection_pad2d", "repeat", "replication_pad2d", "roll", "scalar_tensor", "scatter", "slice_scatter", "sort",
    "stack", "topk", "tril", "triu", "upsample_bicubic2d", "upsample_bilinear2d", "upsample_nearest2d", "where",
    "zeros", "zero", "fill", "as_strided", "set", "resize", "max", "min", "amax", "amin", "argmax", "argmin",
    "mean", "sum", "std", "var", "var_mean", "prod", "any", "all", "linalg_vector_norm", "cumsum",
}  # fmt: skip
"""Operations that move numbers, or do a few steps of arithmetic for each: they cost nothing by the count."""


class _Observer(TorchDispatchMode):
    """Follows every operation: counts it, and what its output can depend on."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.side = max(image.shape[-2:])
        self.flops = 0
        self.activations = 0
        self.uncounted: dict[str, None] = {}
        self.reaches = WeakTensorKeyDictionary()
        self.reaches[image] = _Reach(1, 1)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        outputs = func(*args, **(kwargs or {}))
        first = outputs[0] if isinstance(outputs, tuple | list) else outputs
        name = func.overloadpacket.__name__
        if isinstance(first, Tensor):
            if func.overloadpacket in flop_registry:
                # They count a multiply-add as two.
                self.flops += flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=outputs) // 2
            elif not self._counts(name, args) and not _is_free(func, name):
                self.uncounted[name if func.namespace == "aten" else func._schema.name] = None
            if name in ("convolution", "addmm", "mm"):
                self.activations += first.numel()
            reach = self._reach(name, args)
            for output in outputs if isinstance(outputs, tuple | list) else (outputs,):
                if reach is not None and isinstance(output, Tensor):
                    self.reaches[output] = reach
        return outputs

    def _counts(self, name: str, args: tuple[Any, ...]) -> bool:
        """Count what PyTorch's counter leaves out, and return whether this is such an operation."""
        if name in ("mv", "dot", "vdot"):
            self.flops += args[0].numel()
        elif name == "addmv":
            self.flops += args[1].numel()
        elif name in ("native_batch_norm", "cudnn_batch_norm", "_native_batch_norm_legit_no_training"):
            self.flops += args[0].numel() * (2 if args[1] is not None else 1)
        elif name in ("native_group_norm", "native_layer_norm"):
            weight = args[1] if name == "native_group_norm" else args[2]
            self.flops += args[0].numel() * (5 if weight is not None else 4)
        elif name in ("_adaptive_avg_pool2d", "mean"):
            self.flops += args[0].numel()
        else:
            return False
        return True

    def _reach(self, name: str, args: tuple[Any, ...]) -> _Reach | None:
        inputs = [self.reaches[tensor] for tensor in _tensors(args) if tensor in self.reaches]
        if not inputs:
            return None
        reach = _Reach(max(each.field for each in inputs), max(each.step for each in inputs))
        if name in ("addmm", "mm", "bmm", "baddbmm", "mv", "mean", "_adaptive_avg_pool2d", "adaptive_max_pool2d"):
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


def _is_free(func: Any, name: str) -> bool:
    plain = name.removesuffix("_").removesuffix("_like").removeprefix("new_")
    return func.namespace in ("aten", "prims") and (
        func.is_view or plain in _FREE or name in _FREE or not _POINTWISE.isdisjoint(func.tags)
    )


def _tensors(args: Any) -> list[Tensor]:
    nested = [item for arg in args for item in (arg if isinstance(arg, tuple | list) else (arg,))]
    return [item for item in nested if isinstance(item, Tensor)]


@dataclass
class _Call:
    """A module that runs: the counts when it began, and those of the modules within it."""

    flops: int
    activations: int
    outside: dict[str, None]
    inner_flops: int = 0
    inner_activations: int = 0


def profile(network: nn.Module, input_shape: tuple[int, int, int]) -> list[LayerProfile]:
    """Return the profile of every layer of `network` on one image (channels, height, width), in order of execution.

    The layers are the modules without children, those that hold parameters, and those that compute something outside
    their children; parameters that evaluation does not use are the network's. It may be on the meta device, see
    `profile_of`.
    """
    image = torch.zeros(1, *input_shape, device=next((each.device for each in network.parameters()), None))
    observer = _Observer(image)
    layers: list[LayerProfile] = []
    calls: list[_Call] = []
    names = {module: name for name, module in network.named_modules()}
    seen: set[nn.Parameter] = set()

    def before(module: nn.Module, inputs: Any) -> None:
        calls.append(_Call(observer.flops, observer.activations, observer.uncounted))
        observer.uncounted = {}

    def after(module: nn.Module, inputs: Any, output: Any) -> None:
        call = calls.pop()
        uncounted, observer.uncounted = tuple(observer.uncounted), call.outside
        flops, activations = observer.flops - call.flops, observer.activations - call.activations
        if calls:
            calls[-1].inner_flops += flops
            calls[-1].inner_activations += activations
        flops, activations = flops - call.inner_flops, activations - call.inner_activations
        of_its_own = list(module.parameters(recurse=False))
        # A layer may use its children's parameters without calling them.
        below = module.parameters() if module is network or of_its_own else of_its_own
        new = [parameter for parameter in below if parameter not in seen]
        is_layer = not isinstance(module, nn.Identity) and next(module.children(), None) is None
        if not (is_layer or new or flops or uncounted):
            return
        seen.update(new)
        made = (_tensors(output.values() if isinstance(output, dict) else (output,)) or [image])[0]
        parameters = sum(parameter.numel() for parameter in new)
        reach = observer.reaches.get(made, _Reach(1, 1))
        layers.append(
            LayerProfile(
                name=names[module],
                kind=type(module).__name__,
                output_shape=tuple(made.shape[1:]),
                parameters=parameters,
                flops=flops,
                activations=activations,
                memory=BYTES_PER_ELEMENT * (parameters + made.numel()),
                receptive_field=min(round(reach.field), observer.side),
                uncounted=uncounted,
            )
        )

    hooks = [module.register_forward_pre_hook(before) for module in names]
    hooks += [module.register_forward_hook(after) for module in names]
    was_training, fast = network.training, torch.backends.mha.get_fastpath_enabled()
    try:
        # Fused attention is one operation, its parts are products that can be counted.
        torch.backends.mha.set_fastpath_enabled(False)
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), observer:
            network.eval()(image)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return layers


def profile_of(make: Callable[[], nn.Module], input_shape: tuple[int, int, int]) -> list[LayerProfile]:
    """Return the profile of the network that `make` constructs: on the meta device, without weights or arithmetic, or
    on the CPU where its code looks at values.
    """
    try:
        with torch.device("meta"):
            return profile(make(), input_shape)
    except (NotImplementedError, RuntimeError, TypeError):
        return profile(make(), input_shape)


def total(layers: Sequence[LayerProfile]) -> Cost:
    """Return the cost of a network whose layers these are."""
    parameters, flops, activations = (
        sum(getattr(layer, key) for layer in layers) for key in ("parameters", "flops", "activations")
    )
    uncounted = dict.fromkeys(name for layer in layers for name in layer.uncounted)
    return Cost(parameters, flops, activations, tuple(uncounted))


def native_profile(name: str) -> list[LayerProfile]:
    """Return the profile of the architecture `name` with its defaults, at the size the literature quotes it at."""
    entry = ARCHITECTURES[name]
    assert entry.input_shape is not None, "the literature quotes every network of the package at some size"
    channels, size, _ = entry.input_shape
    options: dict[str, Any] = {"num_classes": entry.num_classes, "in_channels": channels, "image_size": size}
    return profile_of(lambda: construct(name, **options), entry.input_shape)


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
