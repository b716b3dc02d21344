"""The Python files that a file of the user's imports, and those import in turn: all that no installation brought."""

import ast
import importlib.util
import site
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

OURS = ("litmus", "lit_archs", "datamodules", "studies")
"""Packages whose code is told by its version, be they installed or a checkout."""


@dataclass(frozen=True)
class LocalCode:
    """A user's files as they are at one moment, by their path from the folder that Python finds them in.

    `source` is the path of the file that was named, `paths` says where each lies, `contents` what it holds.
    """

    source: str
    paths: dict[str, Path]
    contents: dict[str, bytes]


def local_code(source: Path) -> LocalCode:
    """Read a file and the local modules that it imports, at its top or anywhere within, and those that they import.

    Found in the source without running it: `import`, `from ... import`, relative imports, the `__init__` of packages,
    and `import_module` of a constant name. Python must be able to find the modules, as it is once the file was run.
    """
    paths, contents = {source.name: source}, {source.name: source.read_bytes()}
    waiting = [(source.name, "")]
    while waiting:
        key, package = waiting.pop()
        for name in imported(contents[key], package):
            file, folders = _found(name)
            if file is None or file.suffix != ".py" or not is_local(file) or file.resolve() == source.resolve():
                continue
            place = name.replace(".", "/") + ("/__init__.py" if folders else ".py")
            if place not in paths:
                paths[place], contents[place] = file, file.read_bytes()
                waiting.append((place, name if folders else name.rpartition(".")[0]))
    return LocalCode(source.name, paths, contents)


def imported(content: bytes, package: str) -> list[str]:
    """Return the dotted name of everything that might be a module which a file in `package` imports."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return []  # imported by nothing that has run
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        for name in _names(node, package):
            parts = name.split(".")
            if parts[0] not in OURS:
                found.update(dict.fromkeys(".".join(parts[: end + 1]) for end in range(len(parts))))
    return list(found)


def is_local(file: Path) -> bool:
    """Whether a file belongs to no installation of Python or of a package."""
    for path in (file.absolute(), file.resolve()):
        if {"site-packages", "dist-packages"} & set(path.parts):
            return False
        if any(path.is_relative_to(folder) for folder in _installations()):
            return False
    return True


def _names(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        if base:
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        function, name = node.func, node.args[0].value
        called = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        if called in ("import_module", "__import__") and isinstance(name, str) and name and not name.startswith("."):
            yield name


def _found(name: str) -> tuple[Path | None, list[str]]:
    """Return the file of a module, and the folders of what lies within it, without importing what is above it."""
    parent, _, last = name.rpartition(".")
    if not parent:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return None, []
        if spec is None:
            return None, []
        return (Path(spec.origin) if spec.origin else None), list(spec.submodule_search_locations or [])
    folders = []
    for folder in _found(parent)[1]:
        package, module = Path(folder, last, "__init__.py"), Path(folder, f"{last}.py")
        if package.is_file():
            return package, [str(package.parent)]
        if module.is_file():
            return module, []
        folders += [str(package.parent)] if package.parent.is_dir() else []
    return None, folders


@lru_cache(maxsize=1)
def _installations() -> tuple[Path, ...]:
    named = [sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders = [Path(folder) for folder in (*named, site.getusersitepackages())]
    return tuple(dict.fromkeys(place for folder in folders for place in (folder.absolute(), folder.resolve())))
