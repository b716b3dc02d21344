"""Architectures by name: registering them, and building them."""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from torch import nn

from litmus.core.config_keys import REQUIRED, Keys, keys_of_function
from litmus.core.errors import UserError, unknown_name
from litmus.core.formatting import listed
from litmus.core.keyed_random import generators_kept
from litmus.core.metrics import task_named
from litmus.core.registry import HINTS, Registry
from litmus.core.source import import_source, imported_sources
from litmus.core.suggestions import in_any_case
from litmus.lit_archs.building.architecture import INPUT_OPTIONS, Architecture, of_the_package
from litmus.lit_archs.building.initialisation import InitConfig, Scheme, initialised
from litmus.lit_archs.building.libraries import library_architecture, library_of
from litmus.lit_archs.building.norm_config import NormConfig, configure_norms

FILE_AND_CLASS = re.compile(r"(?P<file>.+\.py):(?P<name>\w+)")
"""A network of the user's as it is written: `net.py:MyNet`."""


class _Architectures(Registry[Architecture]):
    """The registry, which also knows families with one name for each depth (`resnet{6n+2}`), other libraries, and the
    classes of the user's files, by `net.py:MyNet`, or by `MyNet` alone once the file is imported.
    """

    def __init__(self) -> None:
        super().__init__("architecture", "litmus.lit_archs")
        self.patterns: dict[str, Callable[[str], Architecture]] = {}

    def __getitem__(self, name: str) -> Architecture:
        if written := FILE_AND_CLASS.fullmatch(name):
            module = import_source(written["file"])
            return self[_network_of(module, written["name"], written["file"])]
        if library_of(name):
            return library_architecture(name)
        if name in self:
            return self._entries[name]
        for pattern, entry in self.patterns.items():
            for spelled in (name, name.lower()):
                if re.fullmatch(pattern, spelled):
                    return entry(spelled)
        if "/" in name:
            return library_architecture(name)
        of_files = [each for module in imported_sources() for each in defined_networks(module)]
        names = list(dict.fromkeys([*of_files, *self.names()]))
        alike = in_any_case(name, names)
        if alike is not None:
            return self[alike]
        if (file := _meant_file(name)) is not None:
            raise UserError(f"unknown architecture {name!r}; {networks_to_write(file, name)}")
        raise unknown_name(self.kind, name, names, HINTS[self.kind])

    def __contains__(self, name: object) -> bool:
        for module in imported_sources() if name not in self._entries else ():
            found = vars(module).get(str(name))
            if _is_network(found) or (isinstance(found, FunctionType) and found.__module__ == module.__name__):
                register(name, found)
                break
        return super().__contains__(name)


def _network_of(module: ModuleType, name: str, file: str) -> str:
    """Return the name under which what a file calls `name` is registered, and register a class that is not.

    Raises `UserError` with the networks of the file where it has no such one, and where another has its name.
    """
    registered = {
        each: entry for each, entry in ARCHITECTURES._entries.items() if entry.make.__module__ == module.__name__
    }
    defined = {each: make for each, make in vars(module).items() if callable(make)}
    names = list(dict.fromkeys([*registered, *defined_networks(module)]))
    if name not in registered and name not in defined:
        alike = in_any_case(name, names)
        if alike is None and not names:
            raise UserError(f"{file} has no {name}, and no other class of nn.Module either")
        if alike is None:
            raise unknown_name(f"network of {file}", name, names)
        name = alike
    if name in registered:
        return name
    make = defined[name]
    known = next((each for each, entry in registered.items() if entry.make is make and not entry.fixed), None)
    if known is not None:
        return known
    if isinstance(make, type) and not _is_network(make):
        raise UserError(f"{file}:{name} is no class of nn.Module, and no function that returns one")
    if name not in ARCHITECTURES._entries or ARCHITECTURES._entries[name].make is not make:
        register(name, make)
    return name


def _is_network(what: object) -> bool:
    return isinstance(what, type) and issubclass(what, nn.Module)


def defined_networks(module: ModuleType) -> list[str]:
    """Return the names of the networks that a file defines."""
    return [name for name, each in vars(module).items() if _is_network(each) and each.__module__ == module.__name__]


def _meant_file(name: str) -> Path | None:
    """Return the file that a name such as `net.py`, `net.MyNet`, `net:MyNet` or `MyNet` means, None where none is."""
    places = [name, f"{name}.py", f"{name.rpartition('.')[0].replace('.', '/')}.py", f"{name.partition(':')[0]}.py"]
    for place in places:
        if place.endswith(".py") and Path(place).is_file():
            return Path(place)
    files = sorted(Path().glob("*.py")) if name.isidentifier() else []
    return next((file for file in files if f"class {name}(" in file.read_text(errors="ignore")), None)


def networks_to_write(file: str | Path, name: str) -> str:
    """Return which networks a file defines, and how the one that `name` means is written.

    Raises `UserError` where the file cannot be run.
    """
    networks = defined_networks(import_source(file))
    if not networks:
        return f"{file} defines no class of nn.Module"
    # What is made of others comes after them.
    meant = in_any_case(re.split("[.:]", name)[-1], networks) or networks[-1]
    return f"{file} defines {listed(networks)}: write {file}:{meant}"


def keys_of_files(section: str) -> list[Keys]:
    """Return the options of each network that an imported file defines."""
    made = [vars(module)[name] for module in imported_sources() for name in defined_networks(module)]
    return [keys_of_function(each, section, skip=INPUT_OPTIONS) for each in made]


ARCHITECTURES = _Architectures()


def register(
    *names: Any,
    input_shape: tuple[int, int, int] | None = None,
    num_classes: int = 10,
    fixed: Mapping[str, Mapping[str, Any]] | None = None,
    pattern: str | None = None,
    task: str = "classification",
    hidden: Collection[str] = (),
    init: Scheme | None = None,
    revision: int = 1,
) -> Any:
    """Register a network under `names`, as a decorator or with what builds it as the last argument.

    What builds it is a class of `nn.Module`, or a function that returns one: it is given what its
    signature asks for of `num_classes`, `in_channels` and `image_size`; its other arguments are config keys,
    `model.<argument>`, which have to be set where they have no default. The first line of its docstring is what
    `litmus list` shows.

    Args:
        names: of the network.
        input_shape: (channels, height, width) at which the literature quotes it; by default the data alone decide.
        num_classes: at which the literature quotes it.
        fixed: for a name, the options that it decides.
        pattern: a regular expression with one group for an integer option, e.g. `resnet(?P<depth>\\d+)`: every name
            that it matches is built with that option fixed.
        task: what its outputs are for: classification, segmentation, or a custom task (`register_task`).
        hidden: fields of the builder's groups of options that this family does not have.
        init: how its parameters start by default, see `InitConfig`; for networks outside the package `own`: what the
            constructor draws, made paired.
        revision: raised where the network computes or trains differently from now on; its runs are then other runs.

    Raises `UserError` where a name is taken, for an unknown task, and for an argument without a default whose values
    cannot be written in a config.
    """
    task_named(task)
    if names and not isinstance(names[-1], str):
        *texts, make = names
        return register(
            *texts, input_shape=input_shape, num_classes=num_classes, fixed=fixed, pattern=pattern, task=task,
            hidden=hidden, init=init, revision=revision,
        )(make)  # fmt: skip

    def decorate(make: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
        summary = (make.__doc__ or "").strip().splitlines()[0] if make.__doc__ else ""
        scheme: Scheme = init or ("kaiming_normal" if of_the_package(make) else "own")

        def entry(name: str, options: Mapping[str, Any]) -> Architecture:
            made = Architecture(name, make, summary, input_shape, num_classes, options, task, hidden, scheme, revision)
            made.require_keys()
            return made

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
    if image_size is None and architecture.input_shape is not None:
        image_size = architecture.input_shape[1]

    def make() -> nn.Module:
        return construct(
            name,
            num_classes=num_classes,
            in_channels=in_channels,
            image_size=image_size,
            norm_config=norm_config,
            **options,
        )

    with generators_kept(seed, "constructor"):
        return initialised(make, seed, init or InitConfig(scheme=architecture.scheme))


def construct(name: str, *, norm_config: NormConfig | None = None, **options: Any) -> nn.Module:
    """Build the network `name` without drawing its parameters, as `build` does; also works on the meta device."""
    architecture = ARCHITECTURES[name]
    for key, value in architecture.fixed.items():
        if options.pop(key, value) != value:
            raise UserError(f"{key} cannot be set: {name} fixes it to {value}")
    valid = architecture.keys()
    for key in options:
        if key not in valid and key not in INPUT_OPTIONS:
            raise unknown_name(f"option of {name}", key, valid)
    for key in INPUT_OPTIONS:
        if not architecture.asks_for(key):
            options.pop(key, None)
    for key, each in valid.items():
        if each.default is REQUIRED and key not in options:
            raise UserError(f"{name} needs {key}: the argument has no default")
    if options.get("image_size", 0) is None:
        raise UserError(f"{name} needs image_size: it has no default for it")
    # PyTorch's layers draw from the global generator as they are made, which is left as it was.
    with generators_kept():
        network = architecture.construct(**options)
    configure_norms(network, norm_config or NormConfig())
    return network
