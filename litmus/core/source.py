"""A user's Python file, run once in a process for what it registers and for the networks that it defines."""

import ast
import hashlib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from litmus.core.errors import UserError, line_of_user_code
from litmus.core.keyed_random import generators_kept

MANIFEST = "code.json"
"""In a folder of copies of a user's code: which of the files is the source, and where each of them was."""

_importing: ContextVar[Path | None] = ContextVar("importing", default=None)
_modules: dict[Path, ModuleType] = {}
_environments: dict[Path, dict[str, str]] = {}
"""The environment variables as they were when each file had been imported."""


def import_source(path: str | Path) -> ModuleType:
    """Run a file, unless this process has, so that what it registers is known, and return its module.

    The file's folder goes to the end of `sys.path`, and so do the folders above it that its imports need; the folder of
    a copy kept with the records goes to its start, so that the copy imports the modules kept with it. Raises
    `UserError` where the file cannot be read or fails, in one line with the line of the file that is at fault.
    """
    file = Path(path).resolve()
    if file in _modules:
        return _modules[file]
    if not file.is_file():
        raise UserError(f"{path}: {'a folder' if file.is_dir() else 'no such file'}; expected a Python file")
    if file.suffix != ".py":
        raise UserError(f"{path}: expected a Python file, whose name ends in .py")
    token = _importing.set(file)
    try:
        # What the file draws as it is imported is equal in every process.
        with generators_kept(0, "import"):
            _modules[file] = _module_of(file) or _run(file)
    except (Exception, SystemExit) as error:
        raise UserError(_one_line(path, file, error)) from None
    finally:
        _importing.reset(token)
    _environments[file] = dict(os.environ)
    return _modules[file]


def set_environment(source: Path, variables: Mapping[str, str | None]) -> None:
    """Set the environment variables that a file reads as it is imported; None stands for one that is not set.

    Raises `UserError` where this process has imported the file with other values.
    """
    imported = _environments.get(source.resolve(), dict(os.environ) if is_imported(source) else None)
    for name, value in variables.items():
        if imported is not None and imported.get(name) != value:
            there, here = (f"{name} {'not set' if each is None else each}" for each in (imported.get(name), value))
            raise UserError(f"{source.name} was imported with {there}, and a run has {here}; start Python anew for it")
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def is_imported(source: Path) -> bool:
    """Return whether this process has run a file: as `import_source` does, by an import, or as its script."""
    return source.resolve() in _modules or _module_of(source.resolve()) is not None


def being_imported() -> Path | None:
    """Return the file that `import_source` is running at the moment, None if it is not running any."""
    return _importing.get()


def imported_sources() -> list[ModuleType]:
    """Return the modules of the files that `import_source` has run."""
    return list(_modules.values())


def package_of(file: Path, content: bytes) -> str:
    """Return the dotted name of the package that the relative imports of a file need, empty where it has none."""
    imports = [node for node in ast.walk(ast.parse(content, str(file))) if isinstance(node, ast.ImportFrom)]
    depth = max((node.level for node in imports), default=0)
    parts: list[str] = []
    folder = file.parent
    while depth and folder.name and (len(parts) < depth or (folder / "__init__.py").is_file()):
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)


def _module_of(file: Path) -> ModuleType | None:
    """Return the module that this process has of a file already: the script that was started, or an import of it.

    Run again under another name, the file would register the same names twice.
    """
    for module in list(sys.modules.values()):
        place = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(place, str) and Path(place).name == file.name and Path(place).resolve() == file:
            return module
    return None


def _run(file: Path) -> ModuleType:
    content = file.read_bytes()
    package = package_of(file, content)
    root = file.parents[package.count(".") + 1] if package else file.parent
    if (root / MANIFEST).is_file():
        sys.path.insert(0, str(root))
    for folder in (file.parent, root, *_folders_of_imports(file, content)):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    if package:
        module = importlib.import_module(f"{package}.{file.stem}")
        if Path(str(module.__file__)).resolve() != file:
            raise UserError(f"{file.name} is imported as {package}.{file.stem}, which is {module.__file__} already")
        return module
    # A name that no other module has.
    name = f"{re.sub(r'[^0-9A-Za-z_]', '_', file.stem)}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _folders_of_imports(file: Path, content: bytes) -> list[Path]:
    """Return the folders above a file in which lies what it imports and Python does not find: a project's root."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(content, str(file))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    missing = [name for name in names if name not in sys.modules and PathFinder.find_spec(name) is None]
    found = []
    for name in sorted(missing):
        places = (each for each in file.parents if (each / name).is_dir() or (each / f"{name}.py").is_file())
        found += [folder for folder in [next(places, None)] if folder is not None]
    return found


def _one_line(path: str | Path, file: Path, error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, SyntaxError):
        text = error.msg
    where = line_of_user_code(error) or str(path)
    if where.startswith(f"{file.name}, "):
        where = f"{path}{where.removeprefix(file.name)}"  # as the user wrote it
    own_words = isinstance(error, UserError | SyntaxError)
    return f"{where}: {text}" if own_words else f"{where}: {type(error).__name__}: {text}"
