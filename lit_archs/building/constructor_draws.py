"""Paired initialisation of any constructor: each random draw is keyed by the parameter that it ends in.

A constructor draws from the global generator, layer after layer, so that adding a layer moves all that follow. Here it
runs twice under a dispatch mode. The first time every random draw is followed through the operations to the parameters
that it ends in; the second time each draw comes from a generator keyed by the first of these. All else, constants,
scales, a weight copied into another, happens as the constructor says.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FrameType
from typing import Any

import torch
from torch import Tensor, UntypedStorage, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from litmus.core.errors import UserError
from litmus.core.keyed_random import derive, generators_kept, seed_generators


def initialised_by_itself(
    make: Callable[[], nn.Module], key: Callable[[nn.Module], Mapping[str, str]], seed: int
) -> tuple[nn.Module, list[str]]:
    """Return what `make` constructs, each draw made by a generator keyed by (seed, parameter), and what was drawn.

    What was drawn are the names of parameters and buffers; the constructor has set the others on purpose. `key` gives,
    for a network, what identifies each parameter in the key: its name, or its place. The global generator is neither
    read nor advanced. Raises `UserError` where a parameter has no values yet, is drawn by another generator than
    PyTorch's, or where the number of draws is not the same each time.
    """
    with generators_kept(seed, "init"):
        with _Follow() as followed:
            first = make()
        tensors = dict(_tensors(first))
        for name, tensor in tensors.items():
            if is_lazy(tensor):
                raise UserError(f"{name} of {type(first).__name__} is lazy: it has no values before the first forward")
        origins = {name: followed.origin(tensor) for name, tensor in tensors.items()}
        keys = _keys_of_draws(origins, key(first), followed.draws, seed)
        # What another generator draws is then another number, by which it is found below.
        seed_generators(seed, "init again")
        with _Replay(keys) as replayed:
            network = make()
    again = dict(_tensors(network))
    if replayed.draws != followed.draws or again.keys() != tensors.keys():
        raise UserError(
            f"{type(network).__name__} cannot start equal in all arms: its constructor draws "
            f"{followed.draws} times and then {replayed.draws} times"
        )
    for name, tensor in tensors.items():
        if not origins[name] and not torch.equal(tensor, again[name]):
            raise UserError(
                f"{name} of {type(network).__name__} cannot start equal in all arms: it is drawn by another generator "
                "than PyTorch's (NumPy's or Python's); draw it with torch.rand and the like"
            )
    return network, [name for name, origin in origins.items() if origin]


def _tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from network.named_parameters()
    yield from network.named_buffers()


def _keys_of_draws(
    origins: Mapping[str, frozenset[int]], stands_for: Mapping[str, str], draws: int, seed: int
) -> list[int]:
    """Return the seed of each draw: of the first tensor that it ends in, and how many of that one's came before."""
    owners: dict[int, str] = {}
    for name, origin in origins.items():
        for draw in origin:
            owners.setdefault(draw, stands_for.get(name, name))
    counts: dict[str, int] = defaultdict(int)
    keys = []
    for draw in range(draws):
        owner = owners.get(draw, "")
        keys.append(derive(seed, "init", owner, counts[owner]))
        counts[owner] += 1
    return keys


class _CountsDraws(TorchDispatchMode):
    """Numbers the random draws: those of one call of a function of `torch.nn.init` are one.

    Some of these draw again until every value is within bounds, a number of times that depends on the values.
    """

    def __init__(self) -> None:
        super().__init__()
        self.draws = 0
        self._call: FrameType | None = None

    def _is_new(self) -> bool:
        call = _initialising_call()
        new = call is None or call is not self._call
        self._call = call
        self.draws += new
        return new


class _Replay(_CountsDraws):
    """Seeds the global generator before each draw."""

    def __init__(self, keys: list[int]) -> None:
        super().__init__()
        self.keys = keys

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags and self._is_new() and self.draws <= len(self.keys):
            torch.default_generator.manual_seed(self.keys[self.draws - 1])
        return func(*args, **(kwargs or {}))


class _Follow(_CountsDraws):
    """Knows of every tensor's memory which draws its values come from."""

    def __init__(self) -> None:
        super().__init__()
        self._origins: dict[int, frozenset[int]] = {}
        # Kept alive, so that no other tensor's memory is taken for one of these.
        self._kept: list[UntypedStorage] = []

    def origin(self, tensor: Tensor) -> frozenset[int]:
        """Return the numbers of the draws that `tensor`'s values come from."""
        return self._origins.get(tensor.untyped_storage()._cdata, frozenset())

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        outputs = func(*args, **kwargs)
        name = func.overloadpacket.__name__
        drawn: frozenset[int] = frozenset()
        if torch.Tag.nondeterministic_seeded in func.tags:
            self._is_new()
            drawn = frozenset((self.draws - 1,))
        read = list(_tensors_among((*args, *kwargs.values())))
        written = list(_written(func, args, kwargs))
        for tensor in written:
            whole = tensor.numel() * tensor.element_size() == tensor.untyped_storage().nbytes()
            overwritten = whole and (name in _OVERWRITES or tensor is kwargs.get("out"))
            sources = [each for each in read if not (overwritten and each is tensor)]
            self._set(tensor, drawn.union(*map(self.origin, sources)))
        # Of a tensor made in another's likeness the shape is read, the values are not.
        alike = name.endswith("_like") or name.startswith("new_")
        origin = drawn if alike else drawn.union(*map(self.origin, read))
        memory = {tensor.untyped_storage()._cdata for tensor in (*read, *written)}
        for tensor in _tensors_among(outputs if isinstance(outputs, tuple | list) else (outputs,)):
            if tensor.untyped_storage()._cdata not in memory:
                self._set(tensor, origin)
        return outputs

    def _set(self, tensor: Tensor, origin: frozenset[int]) -> None:
        storage = tensor.untyped_storage()
        if origin and storage._cdata not in self._origins:
            self._kept.append(storage)
        if origin or storage._cdata in self._origins:
            self._origins[storage._cdata] = origin


_OVERWRITES = {"zero_", "fill_", "copy_", "uniform_", "normal_", "random_", "bernoulli_", "exponential_"}
_OVERWRITES |= {"cauchy_", "log_normal_", "geometric_"}
"""Operations in place that leave nothing of what was there; any other is taken to keep some of it."""


def _written(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    """Yield the tensors that an operation writes to in place."""
    for position, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from _tensors_among((args[position] if position < len(args) else kwargs.get(argument.name),))


def _tensors_among(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, tuple | list):
            yield from _tensors_among(value)


def _initialising_call() -> FrameType | None:
    """Return the outermost frame of `torch.nn.init` that is at work, None where a draw is made elsewhere."""
    frame, outermost = sys._getframe(), None
    while frame is not None:
        if frame.f_globals.get("__name__") == "torch.nn.init":
            outermost = frame
        frame = frame.f_back  # type: ignore[assignment]
    return outermost
