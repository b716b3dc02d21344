"""Networks of other libraries by name, such as `torchvision/convnext_tiny` or `timm/resnet18`, with their options."""

import dataclasses
import difflib
import importlib
import importlib.util
import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import nn

from litmus.core.config_keys import Key, Keys, keys_of_function
from litmus.core.errors import UserError, unknown_name
from litmus.core.suggestions import in_any_case
from litmus.lit_archs.building.architecture import INPUT_OPTIONS, Architecture
from litmus.lit_archs.layers.norm_activation import Norm, norm_layer
from litmus.lit_archs.layers.shift import Shift

LIBRARIES = ("torchvision", "timm")


@dataclass(frozen=True)
class LibraryArchitecture(Architecture):
    """A network that another library builds by name.

    An option that is null or not given is chosen by the library, which may differ from the default of its class.
    """

    options: Mapping[str, Key] = dataclasses.field(default_factory=dict)

    def keys(self, section: str = "") -> Keys:
        """Return the options a user may set, by name."""
        prefix = f"{section}." if section else ""
        return {
            f"{prefix}{name}": dataclasses.replace(key, name=f"{prefix}{name}") for name, key in self.options.items()
        }

    def asks_for(self, option: str) -> bool:
        """Return whether it takes one of the options that follow from the data."""
        return option in INPUT_OPTIONS

    def construct(self, **options: Any) -> nn.Module:
        """Return the network with these options, its batch norms exchanged where `norm` says so."""
        given = {
            name: self.options[name].convert(value) if name in self.options else value
            for name, value in options.items()
            if value is not None
        }
        norm = given.pop("norm", None)
        network = self.make(**given)
        if norm is not None:
            exchange_norms(network, norm)
        return network


def library_of(name: str) -> str | None:
    """Return the library that a name belongs to, in whatever case, None where it is no library's."""
    library, slash, _ = name.partition("/")
    return in_any_case(library, LIBRARIES) if slash else None


@cache
def library_architecture(name: str) -> LibraryArchitecture:
    """Return the entry of a library's network, named in any case. Raises `UserError` for an unknown name or library."""
    typed, _, model = name.partition("/")
    library = library_of(name)
    if library is None:
        raise unknown_name("library", typed, LIBRARIES)
    if importlib.util.find_spec(library) is None:
        raise UserError(f"{name} needs the package {library}, which is not installed: pip install {library}")
    model = (_torchvision_name if library == "torchvision" else _timm_name)(model)
    make, known = (_of_torchvision if library == "torchvision" else _of_timm)(model)
    with torch.device("meta"):
        network = make(num_classes=2)
    options = {key.name: key for key in _accepted(make, known, network)}
    if any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
        help = "what replaces each batch norm; null keeps it"
        options["norm"] = Key("norm", Norm | None, None, help)
    summary = f"{model} of {library} {importlib.import_module(library).__version__}"
    return LibraryArchitecture(f"{library}/{model}", make, summary, (3, 224, 224), 1000, scheme="own", options=options)


def exchange_norms(network: nn.Module, norm: str) -> None:
    """Put the normalisation called `norm` in place of each `BatchNorm2d`, under its name; `none` leaves the shift."""
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            parent = network.get_submodule(name.rpartition(".")[0])
            channels = module.num_features
            layer = Shift(channels) if norm == "none" else norm_layer(norm, channels, module.eps)
            setattr(parent, name.rpartition(".")[2], layer)


def with_in_channels(network: nn.Module, in_channels: int) -> None:
    """Let the first convolution take `in_channels` channels: it keeps the first ones' filters, or repeats them."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            if module.in_channels != in_channels:
                kept = [channel % module.in_channels for channel in range(in_channels)]
                module.weight = nn.Parameter(module.weight.detach()[:, kept])
                module.in_channels = in_channels
            return
    raise UserError(f"{type(network).__name__} has no convolution that could take {in_channels} channels")


def _torchvision_name(typed: str) -> str:
    import torchvision.models

    names = torchvision.models.list_models(module=torchvision.models)
    name = in_any_case(typed, names)
    if name is None:
        raise unknown_name("network of torchvision", typed, names)
    return name


def _timm_name(typed: str) -> str:
    timm = importlib.import_module("timm")
    if timm.is_model(typed):  # with the name of weights too, `resnet18.a1_in1k`
        return typed
    names = timm.list_models()
    name = in_any_case(typed, names)
    if name is None:
        # Of more than a thousand names the nearest, not all.
        near = difflib.get_close_matches(typed.casefold(), names, 8, cutoff=0.4) or names[:8]
        raise unknown_name("network of timm", typed, near)
    return name


def _of_torchvision(model: str) -> tuple[Callable[..., nn.Module], Keys]:
    import torchvision.models

    builder = torchvision.models.get_model_builder(model)
    with torch.device("meta"), warnings.catch_warnings(action="ignore"):
        made: type[nn.Module] = type(builder())
    takes = inspect.signature(made.__init__).parameters
    fixed: dict[str, Any] = {"aux_logits": False} if "aux_logits" in takes else {}

    def make(in_channels: int = 3, image_size: int | None = None, **options: Any) -> nn.Module:
        sized = {"image_size": image_size} if "image_size" in takes and image_size else {}
        # GoogLeNet and Inception warn that their initialisation is slow unless `init_weights` is given.
        network = builder(**fixed, **sized, **({"init_weights": True} if "init_weights" in takes else {}), **options)
        with_in_channels(network, in_channels)
        return network

    make.__module__ = made.__module__
    skip = (*INPUT_OPTIONS, *fixed, "init_weights", "transform_input")
    return make, keys_of_function(made, "", skip=skip)


def _of_timm(model: str) -> tuple[Callable[..., nn.Module], Keys]:
    timm = importlib.import_module("timm")

    def make(num_classes: int = 10, in_channels: int = 3, image_size: int | None = None, **options: Any) -> nn.Module:
        given = {"num_classes": num_classes, "in_chans": in_channels, **options}
        try:
            return timm.create_model(model, **given, **({"img_size": image_size} if image_size else {}))
        except TypeError as error:
            if "img_size" not in str(error):
                raise
            return timm.create_model(model, **given)

    make.__module__ = "timm.models"
    return make, keys_of_function(_timm_options, "")


def _timm_options(drop_rate: float = 0.0, drop_path_rate: float = 0.0) -> None:
    """Name the options that most of timm's networks have.

    Args:
        drop_rate: probability of dropout before the classifier.
        drop_path_rate: probability of leaving out a residual branch (stochastic depth).
    """


def _accepted(make: Callable[..., nn.Module], known: Keys, network: nn.Module) -> list[Key]:
    """Return those of the options that the library's function lets one choose, null by default."""
    accepted = []
    for name, key in known.items():
        try:
            with torch.device("meta"):
                make(num_classes=2, **{name: key.default})
        except (TypeError, ValueError):
            continue  # the network's name fixes it
        accepted.append(Key(name, key.type | None, None, key.help))
    return accepted
