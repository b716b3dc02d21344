"""Architectures by name: what each is built by, which options it has, and which of them its name fixes."""

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from lit_archs.building.initialisation import InitConfig, initialise
from lit_archs.building.norm_config import NormConfig, configure_norms
from litmus.config_keys import Keys, groups_of, keys_of_function
from litmus.errors import UserError, unknown_name
from litmus.metrics import task_named
from litmus.registry import Registry

INPUT_OPTIONS = ("num_classes", "in_channels", "image_size")
"""Options that follow from the data, not from the user."""


@dataclass(frozen=True)
class Architecture:
    """A network family under one name.

    `make` is the function that builds it: its keyword arguments are the options and their defaults, and one whose type
    is a dataclass stands for the dataclass's fields, but for those that are `hidden`. `fixed` holds the options that
    the name itself decides (`resnet20` fixes `depth=20`). `input_shape` is the (channels, height, width) at which the
    literature quotes it. `task` is what its logits are for: `classification`, one label an image, or `segmentation`,
    one a pixel.
    """

    name: str
    make: Callable[..., nn.Module]
    summary: str
    input_shape: tuple[int, int, int]
    num_classes: int
    fixed: Mapping[str, Any] = field(default_factory=dict)
    task: str = "classification"
    hidden: Collection[str] = ()

    def keys(self, section: str = "") -> Keys:
        """Return the options a user may set, by name."""
        return keys_of_function(self.make, section, skip={*INPUT_OPTIONS, *self.fixed, *self.hidden})

    def construct(self, **options: Any) -> nn.Module:
        """Return the network with these options and those that the name fixes, options of a group in their group."""
        given = {**self.fixed, **options}
        for parameter, (default, fields) in groups_of(self.make).items():
            own = {name: given.pop(name) for name in fields if name in given and name not in self.hidden}
            given[parameter] = dataclasses.replace(default, **own)
        return self.make(**given)


class _Architectures(Registry[Architecture]):
    """The registry, which also knows families with one name for each depth (`resnet{6n+2}`)."""

    def __init__(self) -> None:
        super().__init__("architecture", "lit_archs")
        self.patterns: dict[str, Callable[[str], Architecture]] = {}

    def __getitem__(self, name: str) -> Architecture:
        if name not in self:
            for pattern, entry in self.patterns.items():
                if re.fullmatch(pattern, name):
                    return entry(name)
        return super().__getitem__(name)


ARCHITECTURES = _Architectures()


def register(
    *names: str,
    input_shape: tuple[int, int, int],
    num_classes: int = 10,
    fixed: Mapping[str, Mapping[str, Any]] | None = None,
    pattern: str | None = None,
    task: str = "classification",
    hidden: Collection[str] = (),
) -> Callable[[Callable[..., nn.Module]], Callable[..., nn.Module]]:
    """Register the decorated builder under `names`; the first line of its docstring is what `litmus list` shows.

    `fixed` gives, for a name, the options that it decides. `pattern` is a regular expression with one group for an
    integer option, e.g. `resnet(?P<depth>\\d+)`: every name that it matches is built with that option fixed. `hidden`
    are fields of the builder's groups of options that this family does not have. Raises `UserError` where a name is
    taken, and for an unknown task.
    """
    task_named(task)

    def decorate(make: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
        summary = (make.__doc__ or "").strip().splitlines()[0] if make.__doc__ else ""

        def entry(name: str, options: Mapping[str, Any]) -> Architecture:
            return Architecture(name, make, summary, input_shape, num_classes, options, task, hidden)

        for name in names:
            ARCHITECTURES.add(name, entry(name, (fixed or {}).get(name, {})), make.__module__)
        if pattern is not None:

            def from_pattern(name: str) -> Architecture:
                match = re.fullmatch(pattern, name)
                assert match is not None
                return entry(name, {key: int(value) for key, value in match.groupdict().items()})

            ARCHITECTURES.patterns[pattern] = from_pattern
        return make

    return decorate


def names() -> list[str]:
    """Return the name of every registered architecture."""
    return ARCHITECTURES.names()


def build(
    name: str,
    *,
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: int | None = None,
    seed: int = 0,
    init: InitConfig | None = None,
    norm_config: NormConfig | None = None,
    **options: Any,
) -> nn.Module:
    """Build the architecture `name` and draw its parameters, each from a generator keyed by (seed, parameter name).

    The network maps float images [N, in_channels, image_size, image_size] to logits, [N, num_classes], or
    [N, num_classes, image_size, image_size] where its task is segmentation. `image_size` defaults to the
    architecture's native size; `norm_config` says how its norm layers work. The global random generator is neither
    read nor advanced. Raises `UserError` for a wrong name, a wrong option or a value that the architecture cannot be
    built with.
    """
    architecture = ARCHITECTURES[name]
    size = architecture.input_shape[1] if image_size is None else image_size
    network = construct(
        name,
        num_classes=num_classes,
        in_channels=in_channels,
        image_size=size,
        norm_config=norm_config,
        **options,
    )
    initialise(network, seed, init or InitConfig())
    return network


def construct(name: str, *, norm_config: NormConfig | None = None, **options: Any) -> nn.Module:
    """Build the network `name` without drawing its parameters, as `build` does; also works on the meta device."""
    architecture = ARCHITECTURES[name]
    for key, value in architecture.fixed.items():
        if options.pop(key, value) != value:
            raise UserError(f"{key} cannot be set: the name {name} fixes it to {value}")
    valid = architecture.keys()
    for key in options:
        if key not in valid and key not in INPUT_OPTIONS:
            raise unknown_name(f"option of {name}", key, valid)
    # PyTorch's layers draw from the global generator as they are made; those draws are replaced in any case.
    with torch.random.fork_rng(devices=[]):
        network = architecture.construct(**options)
    configure_norms(network, norm_config or NormConfig())
    return network
