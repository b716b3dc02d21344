"""Datasets by name: the function that loads each, and which options it has."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from datamodules.loading.arrays import ImageArrays
from litmus.config_keys import Keys, keys_of_function
from litmus.errors import UserError, unknown_name
from litmus.registry import Registry

__all__ = ["DATASETS", "Dataset", "ImageArrays", "load", "names", "register"]


@dataclass(frozen=True)
class Dataset:
    """A dataset by name.

    `load` takes the folder that holds its files; its keyword arguments are the dataset's options, each a config key
    `data.<option>`.
    """

    name: str
    load: Callable[..., ImageArrays]
    summary: str

    def keys(self, section: str = "") -> Keys:
        """Return the options a user may set, by name."""
        return keys_of_function(self.load, section, skip=("root",))

    def with_defaults(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return every option, those of `options` and the other ones' defaults. Raises `UserError` for a wrong name."""
        valid = self.keys()
        for key in options:
            if key not in valid:
                if not valid:
                    raise UserError(f"dataset {self.name} has no option {key!r}; it has none")
                raise unknown_name(f"option of dataset {self.name}", key, valid)
        return {**{name: key.default for name, key in valid.items()}, **options}


DATASETS: Registry[Dataset] = Registry("dataset", "datamodules")


def register(name: str) -> Callable[[Callable[..., ImageArrays]], Callable[..., ImageArrays]]:
    """Register the decorated loader; the first line of its docstring is what `litmus list` shows."""

    def decorate(load: Callable[..., ImageArrays]) -> Callable[..., ImageArrays]:
        DATASETS.add(name, Dataset(name, load, (load.__doc__ or "").strip().splitlines()[0]), load.__module__)
        return load

    return decorate


def names() -> list[str]:
    """Return the name of every registered dataset."""
    return DATASETS.names()


@lru_cache(maxsize=2)
def load(name: str, root: str, options: tuple[tuple[str, Any], ...] = ()) -> ImageArrays:
    """Return the dataset `name` from the folder `root`, read once a process; `options` are pairs of name and value.

    Raises `UserError` for a wrong name or value, and where the files are absent and cannot be downloaded.
    """
    return DATASETS[name].load(root, **dict(options))
