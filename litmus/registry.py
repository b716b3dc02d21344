"""Names that stand for something one file defines: architectures, datasets, studies."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Generic, TypeVar

from litmus.errors import UserError, unknown_name

Entry = TypeVar("Entry")


class Registry(Generic[Entry]):
    """Entries by name, filled by importing every module of a package at the first look-up.

    A new entry is therefore one new file in that package and nothing else; code outside the package may `add` its
    own.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._entries: dict[str, Entry] = {}
        self._discovered = False

    def add(self, name: str, entry: Entry) -> None:
        """Register `entry`. Raises `UserError` where the name is taken."""
        if name in self._entries:
            raise UserError(f"{self.kind} {name!r} is registered twice; choose a name that no other {self.kind} has")
        self._entries[name] = entry

    def names(self) -> list[str]:
        """Return every registered name, sorted as a reader counts: `resnet20` before `resnet110`."""
        self._discover()
        return sorted(self._entries, key=_natural)

    def __getitem__(self, name: str) -> Entry:
        """Return the entry. Raises `UserError` with the valid names and the nearest match."""
        self._discover()
        if name not in self._entries:
            raise unknown_name(self.kind, name, self.names())
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        self._discover()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _discover(self) -> None:
        if self._discovered:
            return
        self._discovered = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.ispkg:
                importlib.import_module(f"{self.package}.{module.name}")


def _natural(name: str) -> list[str | int]:
    # Splitting on a group alternates text and number, so two keys always compare like with like.
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
