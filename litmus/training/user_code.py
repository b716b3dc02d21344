"""The user's code that a study runs: the local modules that its file imports, their hashes, and copies of them.

Comments, docstrings and formatting are no part of a hash, nor is what a study declares (`study = Study(...)`, claims,
the block under `if __name__ == "__main__"`). Everything else in any of the modules is.
"""

import ast
import contextlib
import hashlib
import importlib.util
import os
import pkgutil
import secrets
import shutil
import site
import sys
import sysconfig
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType
from typing import Any

from litmus.core.errors import PACKAGES, UserError
from litmus.core.formatting import listed
from litmus.core.source import MANIFEST, package_of
from litmus.records.storage import storage_errors, to_json
from litmus.records.user_code import DIGITS, KeptCode


@dataclass(frozen=True)
class UserCode:
    """A user's modules as they are at one moment, each by its path from the folder in which Python finds it.

    Args:
        source: the path of the file that defines the study.
        files: where each module lies.
        contents: what each file holds.
    """

    source: str
    files: dict[str, Path]
    contents: dict[str, bytes]

    @cached_property
    def hashes(self) -> dict[str, str]:
        """The hash of each module's normalised syntax."""
        return {name: syntax_hash(content) for name, content in self.contents.items()}


def read_user_code(source: Path) -> UserCode:
    """Read the file of a study and the local modules that it imports, directly or through one another.

    Imports are found in the source, without running it: `import` and `from` statements anywhere in a file, relative
    ones included, the `__init__` of packages, and `import_module` of a constant name. Where a name is computed
    (`import_module(f"parts.{name}")`, `pkgutil.iter_modules(__path__)`), all modules of its package count. What else
    runs is found by `require_read`.
    """
    content = source.read_bytes()
    try:
        package = package_of(source.resolve(), content)
    except (SyntaxError, ValueError):
        package = ""  # it cannot be run
    place = "/".join([*filter(None, package.split(".")), source.name])
    files, contents = {place: source}, {place: content}
    waiting, first = [(place, package)], place
    while waiting:
        importer, package = waiting.pop()
        above = package.split(".") if importer == first and package else []
        packages = [".".join(above[: end + 1]) for end in range(len(above))]
        for name in (*packages, *_imported_names(contents[importer], package)):
            spec = _find_module(name)
            if spec is None or spec.origin is None or not spec.has_location:
                continue
            file, is_package = Path(spec.origin), spec.submodule_search_locations is not None
            place = name.replace(".", "/") + ("/__init__.py" if is_package else file.suffix)
            if place not in files and is_local(file) and file.resolve() != source.resolve():
                files[place], contents[place] = file, file.read_bytes()
                waiting.append((place, name if is_package else name.rpartition(".")[0]))
    return UserCode(first, files, contents)


_executed: set[str] = set()
"""The files whose code has been run in this process, and the Python files that a user's code has opened."""

_as_executed: dict[Path, bytes] = {}
"""What the user's files held when this process ran them the last time."""


def _remember_executed(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "exec":
        file = arguments[0].co_filename
        _executed.add(file)
        if _is_users(file):
            with contextlib.suppress(OSError):
                _as_executed[Path(file).resolve()] = Path(file).read_bytes()
    elif event == "open" and isinstance(arguments[0], str) and arguments[0].endswith(".py") and _is_users(arguments[0]):
        # `exec(path.read_text())`: the first frame that is the user's or ours says who reads the file.
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and not _is_users(frame.f_code.co_filename):
            frame = None if _is_of_litmus(Path(frame.f_code.co_filename)) else frame.f_back
        if frame is not None:
            _executed.add(arguments[0])


sys.addaudithook(_remember_executed)


@cache
def _is_users(file: str) -> bool:
    return not file.startswith("<") and is_local(Path(file)) and not _is_of_litmus(Path(file))


def _is_of_litmus(file: Path) -> bool:
    return any(file.is_relative_to(folder) for folder in PACKAGES)


def hashes_as_executed(code: UserCode) -> dict[str, str]:
    """Return the hash of each file as it was when this process ran it, of one that it did not run as it is."""
    ran = {name: _as_executed.get(file.resolve(), code.contents[name]) for name, file in code.files.items()}
    return {name: code.hashes[name] if ran[name] == code.contents[name] else syntax_hash(ran[name]) for name in ran}


@cache
def is_local(file: Path) -> bool:
    """Whether a file belongs to no installed package and not to Python."""
    for path in (file.absolute(), file.resolve()):
        if {"site-packages", "dist-packages"} & set(path.parts):
            return False
        if any(path.is_relative_to(folder) for folder in _installation_folders()):
            return False
    return True


def require_read(source: Path) -> None:
    """Raise `UserError` where this process has run a local file whose changes would go unseen: a plugin that is found
    by its place, for example. It lies where the modules lie that `source` imports, and no import statement names it.
    """
    code = read_user_code(source)
    folders = {file.resolve().parents[len(Path(name).parts) - 1] for name, file in code.files.items()}
    known = {file.resolve() for file in code.files.values()}
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script is not None and is_local(Path(script)) and Path(script).is_file():
        known |= {file.resolve() for file in read_user_code(Path(script)).files.values()}
    modules = [getattr(module, "__dict__", {}).get("__file__") for module in list(sys.modules.values())]
    found = {Path(file).resolve() for file in (*modules, *_executed) if isinstance(file, str) and Path(file).is_file()}
    places = {
        file.relative_to(folder)
        for file in found - known
        for folder in folders
        if file.is_relative_to(folder) and is_local(file) and not _is_of_litmus(file)
    }
    unread = sorted(str(place) for place in places if not any(part.startswith(".") for part in place.parts))
    if unread:
        module = unread[0].removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        raise UserError(
            f"{source.name} runs {listed(unread)}, which no import statement names, so that a change there would go "
            f"unseen; add import {module} to {source.name}, under if False: if need be"
        )


def environment_lines(code: UserCode, declared: Collection[str]) -> list[str]:
    """Return a line about the environment variables that a user's code reads and that its study does not declare.

    Reads are found in the source: `os.environ`, `os.getenv` and the like, under any name. Setting one is no read.
    What declares the study may read variables: the values that follow from it are in the configs.
    """
    places: dict[str, str] = {}
    for name, content in code.contents.items():
        for line, variable in _environment_reads(content):
            if variable not in declared:
                places.setdefault(f"{name}, line {line}", variable)
    if not places:
        return []
    named = [f"{place} ({variable})" if variable else place for place, variable in places.items()]
    variable = next(filter(None, places.values()), "NAME")
    return [
        f"{listed(named)} {'reads' if len(named) == 1 else 'read'} the environment, which is no part of a run's "
        f'identity: a run is not repeated with another value. Declare it, Study(environment=["{variable}"]) or '
        f"--environment {variable}, or make it an option of the network or the dataset"
    ]


_ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "expandvars"}


def _environment_reads(content: bytes) -> list[tuple[int, str]]:
    """Return the line of each read of the environment, and the variable; an empty one where it is computed."""
    tree = _parsed(content)
    tree.body = [statement for statement in tree.body if not _is_declaration(statement)]
    nodes = list(ast.walk(tree))
    parents = {child: node for node in nodes for child in ast.iter_child_nodes(node)}
    names = _ENVIRONMENT | {each.asname for each in nodes if isinstance(each, ast.alias) and each.name in _ENVIRONMENT}
    found = []
    for node in nodes:
        if not isinstance(node, ast.Attribute | ast.Name) or _last_name(node) not in names:
            continue
        use, is_method = parents[node], False
        while isinstance(use, ast.Attribute):
            use, is_method = parents[use], True
        if isinstance(use, ast.Subscript) and not isinstance(use.ctx, ast.Load):
            continue
        if is_method and isinstance(parents.get(use), ast.Expr):
            continue  # `os.environ.update(...)`: nothing is done with what it returns
        parts = ast.walk(use) if isinstance(use, ast.Call | ast.Subscript | ast.Compare) else ()
        texts = (each.value for each in parts if isinstance(each, ast.Constant) and isinstance(each.value, str))
        found.append((node.lineno, next(texts, "")))
    return sorted(found)


def _parsed(content: bytes) -> ast.Module:
    """Return the syntax of a module, which is empty where it is no Python: nothing that runs imports such a file."""
    try:
        return ast.parse(content)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _imported_names(content: bytes, package: str) -> list[str]:
    """Return the dotted names of all that a file in `package` may import, after those of the packages above."""
    found: dict[str, None] = {}
    for node in ast.walk(_parsed(content)):
        for name in _names_in(node, package):
            parts = name.split(".")
            if parts[0] != "litmus":  # known by its version, installed or not
                found.update(dict.fromkeys(".".join(parts[: end + 1]) for end in range(len(parts))))
    return [each for name in found for each in (_modules_of(name[:-2]) if name.endswith(".*") else [name])]


def _modules_of(package: str) -> list[str]:
    """Return the names of a local package and of all modules in it."""
    spec = _find_module(package)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec is not None else []
    names = [package]
    for folder in filter(is_local, folders):
        for module in pkgutil.iter_modules([str(folder)]):
            name = f"{package}.{module.name}"
            names += _modules_of(name) if module.ispkg else [name]
    return names


def _names_in(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parents = package.split(".")
        above = parents[: len(parents) - node.level + 1] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        if base:
            # An imported name may be a module of the package or anything else in it.
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
    elif isinstance(node, ast.Call) and _last_name(node.func) in _IMPORTS and node.args:
        given = node.args[0]
        if isinstance(given, ast.Constant):
            if isinstance(given.value, str) and given.value and not given.value.startswith("."):
                yield given.value
            return
        # The text that a computed name starts with: `import_module(f"parts.{name}")`, `"parts." + name`.
        start = next((each.value for each in ast.walk(given) if isinstance(each, ast.Constant)), "")
        before = start.rpartition(".")[0] if isinstance(start, str) else ""
        if before or package:
            yield f"{before or package}.*"


_IMPORTS = ("import_module", "__import__", "iter_modules", "walk_packages")


def _find_module(name: str) -> ModuleSpec | None:
    """Return the spec of a module, without importing the packages that it is in; None where there is no such module."""
    parent, _, last = name.rpartition(".")
    if parent:
        package = _find_module(parent)
        folders = package.submodule_search_locations if package is not None else None
        return PathFinder.find_spec(last, list(folders)) if folders is not None else None
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):  # `__main__` has no spec
        return None


@cache
def _installation_folders() -> tuple[Path, ...]:
    named = [sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders = [Path(folder) for folder in (*named, site.getusersitepackages())]
    return tuple(dict.fromkeys(place for folder in folders for place in (folder.absolute(), folder.resolve())))


def syntax_hash(content: bytes) -> str:
    """Return a hash of a module's syntax, without comments, docstrings, formatting and what a study declares."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return hashlib.sha256(content).hexdigest()[:DIGITS]
    tree.body = [statement for statement in tree.body if not _is_declaration(statement)]
    text = ast.unparse(_WithoutIdleStatements().visit(tree))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


class _WithoutIdleStatements(ast.NodeTransformer):
    """Removes docstrings, other constants that stand alone, and `pass`."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) else node

    def visit_Pass(self, node: ast.Pass) -> None:
        return None


def _is_declaration(statement: ast.stmt) -> bool:
    """Whether a statement only declares a study: its claims, its names for them, and what its script does."""
    if isinstance(statement, ast.ImportFrom):
        # The names that a study is declared with: another claim may need another of them.
        return f"{statement.module}.".startswith(("litmus.design.", "litmus.evidence.")) or statement.module == "litmus"
    if isinstance(statement, ast.If) and not statement.orelse:
        return ast.unparse(statement.test) in ("__name__ == '__main__'", "'__main__' == __name__")
    if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
        value = statement.value
        values = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
        calls = [_last_name(each.func) if isinstance(each, ast.Call) else "" for each in values]
        return bool(calls) and set(calls) <= {"Study", "Claim"}
    return False


def _last_name(function: ast.expr) -> str:
    """Return `Study` of `Study` and of `litmus.Study`."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def keep_copies(code: UserCode, study_directory: Path) -> KeptCode:
    """Copy the files into the study's folder, unless copies of this version lie there, and return where they are."""
    kept = KeptCode.of(study_directory, code.hashes)
    manifest = kept.path / MANIFEST
    if manifest.is_file():
        return kept
    with storage_errors(kept.path):
        kept.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = kept.path.with_name(f".{kept.path.name}.{secrets.token_hex(4)}")
        temporary.mkdir()
        try:
            for name, content in code.contents.items():
                (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                (temporary / name).write_bytes(content)
            files = {name: str(path) for name, path in code.files.items()}
            (temporary / MANIFEST).write_text(to_json({"source": code.source, "files": files}))
            os.rename(temporary, kept.path)
        except OSError:
            if not manifest.is_file():  # else another launcher was faster
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return kept
