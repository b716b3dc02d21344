"""Names that stand for something one file defines: architectures, datasets, probes, studies."""

import ast
import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from litmus.core.errors import UserError, unknown_name
from litmus.core.suggestions import in_any_case

Entry = TypeVar("Entry")


HINTS = {
    "architecture": "one of your own: --model FILE.py:CLASS",
    "dataset": "one of your own: --source FILE, which registers it; images in folders: folder",
}
"""What a user who names an unknown one may do, by its kind."""


class Registry(Generic[Entry]):
    """Entries by name, filled by importing the modules of a package when they are looked up.

    A new entry is therefore one new file in that package and nothing else; code outside the package may `add` more.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._entries: dict[str, Entry] = {}
        self._modules: dict[str, str] = {}
        self._imported: set[str] = set()
        self._discovered = False

    def add(self, name: str, entry: Entry, module: str) -> None:
        """Register `entry`, which code of `module` defines. Raises `UserError` where the name is taken.

        A cell of a notebook, or a line at the prompt, may be run again: it replaces what it registered before.
        """
        if not module.startswith(f"{self.package}."):
            self._discover()  # a name of the package cannot be taken
        if name in self._entries and not self._modules[name] == module == "__main__":
            raise UserError(f"{self.kind} {name!r} is registered twice; choose a name that no other {self.kind} has")
        self._entries[name] = entry
        self._modules[name] = module

    def module_of(self, name: str) -> str | None:
        """Return the module whose code registered an entry, None where none of that very name is registered."""
        return self._modules.get(name)

    def names(self) -> list[str]:
        """Return every registered name, sorted as a reader counts: `resnet20` before `resnet110`."""
        self._discover()
        # Splitting on a group alternates text and number, so that two keys always compare like with like.
        return sorted(self._entries, key=lambda name: [int(x) if x.isdigit() else x for x in re.split(r"(\d+)", name)])

    def __getitem__(self, name: str) -> Entry:
        """Return the entry of a name, of whatever case where one alone is spelled so.

        Raises `UserError` with the valid names and the nearest match.
        """
        if name in self:
            return self._entries[name]
        alike = in_any_case(name, self.names())
        if alike is None:
            raise unknown_name(self.kind, name, self.names(), HINTS.get(self.kind, ""))
        return self._entries[alike]

    def __contains__(self, name: object) -> bool:
        if name not in self._entries and isinstance(name, str) and name.isidentifier():
            # Most names are their file's: then no other file has to be imported.
            self._import(name)
        if name not in self._entries:
            self._discover()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def register_from(self, name: str, module: ModuleType) -> None:
        """Register what a module of the package defines without registering it itself; by default there is nothing."""

    def _import(self, name: str) -> None:
        full_name = f"{self.package}.{name}"
        if full_name in self._imported:
            return
        spec = importlib.util.find_spec(full_name)
        if spec is None or spec.submodule_search_locations is not None:
            return  # no such file, or a folder of machinery
        self._imported.add(full_name)
        self.register_from(name, importlib.import_module(full_name))

    def _discover(self) -> None:
        if self._discovered:
            return
        self._discovered = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            self._import(module.name)


def declared(package: str) -> dict[str, dict[str, str]]:
    """Return what the modules of `package` register, by name: a `summary`, and the texts that a class has.

    A function under `@register("name")` has the first line of its docstring as its summary; a class under `@register`
    has its attributes that are texts, `name` and `summary` among them.
    """
    spec = importlib.util.find_spec(package)
    assert spec is not None
    found: dict[str, dict[str, str]] = {}
    for folder in spec.submodule_search_locations or ():
        for file in sorted(Path(folder).glob("*.py")):
            for node in ast.parse(file.read_text()).body:
                found.update(_registered(node))
    return dict(sorted(found.items()))


def _registered(node: ast.stmt) -> dict[str, dict[str, str]]:
    if isinstance(node, ast.FunctionDef):
        summary = (ast.get_docstring(node) or "").partition("\n")[0]
        calls = [
            each for each in node.decorator_list if isinstance(each, ast.Call) and ast.unparse(each.func) == "register"
        ]
        names = [argument.value for call in calls for argument in call.args if isinstance(argument, ast.Constant)]
        return {str(name): {"summary": summary} for name in names}
    if isinstance(node, ast.ClassDef) and "register" in map(ast.unparse, node.decorator_list):
        texts = {
            ast.unparse(statement.targets[0]): statement.value.value
            for statement in node.body
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
            if isinstance(statement.value.value, str)
        }
        return {texts["name"]: texts} if "name" in texts else {}
    return {}


def lazily(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package that hands on names, given the module that each of them is in."""

    def attribute(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(modules[name]), name)

    return attribute
