"""Architectures by name: registering them, and building them."""

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from torch import nn

from litmus.core.errors import UserError, unknown_name
from litmus.core.keyed_random import generators_kept
from litmus.core.metrics import task_named
from litmus.core.registry import Registry
from litmus.lit_archs.building.architecture import INPUT_OPTIONS, Architecture, of_the_package
from litmus.lit_archs.building.initialisation import InitConfig, Scheme, initialised
from litmus.lit_archs.building.libraries import library_architecture, library_of
from litmus.lit_archs.building.norm_config import NormConfig, configure_norms


class _Architectures(Registry[Architecture]):
    """The registry, which also knows families with one name for each depth (`resnet{6n+2}`), and other libraries."""

    def __init__(self) -> None:
        super().__init__("architecture", "litmus.lit_archs", "one of your own: --source FILE, which registers it")
        self.patterns: dict[str, Callable[[str], Architecture]] = {}

    def __getitem__(self, name: str) -> Architecture:
        if library_of(name):
            return library_architecture(name)
        if name not in self:
            for pattern, entry in self.patterns.items():
                for spelled in (name, name.lower()):
                    if re.fullmatch(pattern, spelled):
                        return entry(spelled)
            if "/" in name:
                return library_architecture(name)
        return super().__getitem__(name)


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
    signature asks for of `num_classes`, `in_channels` and `image_size`; its other arguments need a default and are
    config keys, `model.<argument>`. The first line of its docstring is what `litmus list` shows.

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

    Raises `UserError` where a name is taken, for an unknown task, and for an argument without a default.
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
            for key, each in inspect.signature(make).parameters.items():
                if _needs_a_value(each) and key not in (*INPUT_OPTIONS, *options):
                    raise UserError(
                        f"{name}: its argument {key} needs a default; it becomes the config key model.{key}"
                    )
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


def _needs_a_value(parameter: inspect.Parameter) -> bool:
    several = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and not several


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
            raise UserError(f"{key} cannot be set: the name {name} fixes it to {value}")
    valid = architecture.keys()
    for key in options:
        if key not in valid and key not in INPUT_OPTIONS:
            raise unknown_name(f"option of {name}", key, valid)
    for key in INPUT_OPTIONS:
        if not architecture.asks_for(key):
            options.pop(key, None)
    if options.get("image_size", 0) is None:
        raise UserError(f"{name} needs image_size: it has no default for it")
    # PyTorch's layers draw from the global generator as they are made, which is left as it was.
    with generators_kept():
        network = architecture.construct(**options)
    configure_norms(network, norm_config or NormConfig())
    return network
