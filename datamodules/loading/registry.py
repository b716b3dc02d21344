"""Datasets by name: what loads each, and which options it has."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from litmus.core.config_keys import Keys, keys_of_function
from litmus.core.errors import UserError, unknown_name
from litmus.core.registry import Registry
from litmus.datamodules.loading.arrays import ImageArrays
from litmus.datamodules.loading.custom import dataset

__all__ = ["DATASETS", "Dataset", "ImageArrays", "dataset", "load", "names", "register"]


NOT_OPTIONS = ("root", "train", "split", "download", "transform", "target_transform", "transforms", "loader")
"""Arguments of a torchvision-style `Dataset` that are no options of the user."""


@dataclass(frozen=True)
class Dataset:
    """A dataset by name.

    `source` is a function that returns the dataset, or a class of torchvision-style `Dataset`s that makes its two
    parts. It is given the folder that holds its files where it asks for `root`; its other keyword arguments are the
    dataset's options, each a config key `data.<option>`.
    """

    name: str
    source: Callable[..., Any]
    summary: str

    def keys(self, section: str = "") -> Keys:
        """Return the options a user may set, by name."""
        return keys_of_function(self.source, section, skip=NOT_OPTIONS if isinstance(self.source, type) else ("root",))

    def with_defaults(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return every option, those of `options` checked, and the defaults of the others.

        Raises `UserError` for a wrong name or value.
        """
        valid = self.keys()
        for key in options:
            if key not in valid:
                if not valid:
                    raise UserError(f"dataset {self.name} has no option {key!r}; it has none")
                raise unknown_name(f"option of dataset {self.name}", key, valid)
        return {name: key.convert(options[name]) if name in options else key.default for name, key in valid.items()}

    def load(self, root: str, **options: Any) -> ImageArrays:
        """Return the dataset from the folder `root`. Raises `UserError` where its files are absent or damaged."""
        asked = inspect.signature(self.source).parameters
        given = {**options, **({"root": root} if "root" in asked else {})}
        if isinstance(self.source, type):
            return self._made(asked, given)
        found = self.source(**given)
        if not isinstance(found, ImageArrays):
            raise UserError(
                f"dataset {self.name} returned {type(found).__name__}; return datamodules.dataset(train, test)"
            )
        return found

    def _made(self, asked: Any, given: dict[str, Any]) -> ImageArrays:
        if "download" in asked:
            given["download"] = True
        parts: list[dict[str, Any]] = [{}]
        if "train" in asked:
            parts = [{"train": True}, {"train": False}]
        elif "split" in asked:
            parts = [{"split": "train"}, {"split": "test"}]
        try:
            made = [self.source(**given, **part) for part in parts]
        except (OSError, RuntimeError, ValueError) as error:  # what torchvision raises for absent and damaged files
            if isinstance(error, UserError):
                raise
            text = " ".join(str(error).split())[:200]
            raise UserError(f"dataset {self.name}: {type(error).__name__}: {text}") from None
        return dataset(*made)


DATASETS: Registry[Dataset] = Registry("dataset", "litmus.datamodules")


def register(name: str, source: Any = None) -> Any:
    """Register a dataset under `name`: as a decorator, `@register("mine")`, or by a call, `register("mine", source)`.

    `source` is a function that returns a dataset, most simply `datamodules.dataset(train, test)`; a class of
    torchvision-style `Dataset`s, which is made with train=True and train=False, or split="train" and split="test",
    where it asks for either; or a dataset itself. Where it asks for `root` it is given data.root; its other arguments
    need a default and are config keys, `data.<argument>`. The first line of its docstring is what `litmus list` shows.

    Raises `UserError` where the name is taken, and for an argument without a default.
    """
    if source is None:
        return lambda decorated: register(name, decorated)
    if isinstance(source, ImageArrays):
        load, module = (lambda: source), "__main__"
    elif callable(source):
        load, module = source, source.__module__
    else:
        raise UserError(
            f"dataset {name}: expected a function, a class of Datasets or datamodules.dataset(...), "
            f"got {type(source).__name__}"
        )
    for key, parameter in inspect.signature(load).parameters.items():
        several = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if parameter.default is parameter.empty and not several and key not in NOT_OPTIONS:
            raise UserError(f"dataset {name}: its argument {key} needs a default; it becomes the config key data.{key}")
    summary = (load.__doc__ or "").strip().partition("\n")[0]
    DATASETS.add(name, Dataset(name, load, summary), module)
    return source


def names() -> list[str]:
    """Return the name of every registered dataset."""
    return DATASETS.names()


@lru_cache(maxsize=2)
def load(name: str, root: str, options: tuple[tuple[str, Any], ...] = ()) -> ImageArrays:
    """Return the dataset `name` from the folder `root`; `options` are pairs of name and value.

    It is read once for all arms and runs, until `load.cache_clear()`: each call of `litmus.run` and each
    `datamodules.build` reads it anew.

    Raises `UserError` for a wrong name or value, and where the files are absent and cannot be downloaded.
    """
    return DATASETS[name].load(root, **dict(options))
