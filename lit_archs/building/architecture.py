"""A network family under one name: what builds it, which options it has, and which of them its name fixes."""

import dataclasses
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from litmus.core.config_keys import Keys, groups_of, keys_of_function
from litmus.core.errors import UserError
from litmus.lit_archs.building.initialisation import Scheme

INPUT_OPTIONS = ("num_classes", "in_channels", "image_size")
"""Options that follow from the data, not from the user."""


@dataclass(frozen=True)
class Architecture:
    """A network family under one name.

    `make` is the function or class that builds it: its keyword arguments are the options and their defaults, and one
    whose type is a dataclass stands for the dataclass's fields, but for those that are `hidden`. `fixed` holds the
    options that the name itself decides (`resnet20` fixes `depth=20`). `input_shape` is the (channels, height, width)
    at which the literature quotes it, None where the data alone decide. `task` is what its outputs are for:
    `classification`, one label an image, `segmentation`, one a pixel, or a task that a user registers. `scheme` is how
    its parameters start by default. `revision` counts the changes of what it computes or trains, from 1 on.
    """

    name: str
    make: Callable[..., nn.Module]
    summary: str
    input_shape: tuple[int, int, int] | None = None
    num_classes: int = 10
    fixed: Mapping[str, Any] = field(default_factory=dict)
    task: str = "classification"
    hidden: Collection[str] = ()
    scheme: Scheme = "kaiming_normal"
    revision: int = 1

    @property
    def of_the_package(self) -> bool:
        """Whether a file of this package defines it, and not a user or another library."""
        return of_the_package(self.make)

    def keys(self, section: str = "") -> Keys:
        """Return the options a user may set, by name."""
        return keys_of_function(self.make, section, skip={*INPUT_OPTIONS, *self.fixed, *self.hidden})

    def require_keys(self) -> None:
        """Raise `UserError` where an argument has no default and is neither passed by the suite nor a config key."""
        keys = self.keys()
        for name, parameter in inspect.signature(self.make).parameters.items():
            several = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            known = name in keys or name in (*INPUT_OPTIONS, *self.fixed)
            if parameter.default is parameter.empty and not several and not known:
                raise UserError(
                    f"{self.name}: its argument {name} needs a default, since no config key can have its values"
                )

    def asks_for(self, option: str) -> bool:
        """Return whether it takes one of the options that follow from the data."""
        return option in inspect.signature(self.make).parameters

    def construct(self, **options: Any) -> nn.Module:
        """Return the network with these options and those that the name fixes, options of a group in their group.

        Raises `UserError` for a value that its declaration refuses.
        """
        keys = keys_of_function(self.make, "")
        given = {
            name: keys[name].convert(value) if name in keys else value
            for name, value in {**self.fixed, **options}.items()
        }
        for parameter, (default, fields) in groups_of(self.make).items():
            of_group = {name: given.pop(name) for name in fields if name in given}
            given[parameter] = dataclasses.replace(default, **of_group)
        return self.make(**given)


def of_the_package(make: Callable[..., nn.Module]) -> bool:
    """Return whether a file of this package defines what builds a network."""
    return make.__module__.startswith("litmus.lit_archs.")
