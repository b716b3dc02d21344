"""Studies by name, and by the path of a user's file, with whatever else that file registers."""

import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType

from litmus.core.errors import UserError, line_of_user_code
from litmus.core.keyed_random import generators_kept
from litmus.core.registry import Registry
from litmus.design.study import Study, require_study_name
from litmus.records.study_record import StudyRecord
from litmus.records.user_code import is_copy

_importing: ContextVar[Path | None] = ContextVar("importing", default=None)
_modules: dict[Path, ModuleType] = {}
_environments: dict[Path, dict[str, str]] = {}
"""The environment variables as they were when each file had been imported."""
_studies: dict[Path, Study] = {}


class _Studies(Registry[Study]):
    """The registry; a module's `study` is registered under the module's name."""

    def __init__(self) -> None:
        super().__init__("study", "litmus.studies")

    def register_from(self, name: str, module: ModuleType) -> None:
        """Register the study that a module declares, with the name and the docstring of its file."""
        study = getattr(module, "study", None)
        if isinstance(study, Study):
            module.study = study.declared_in(name, module.__doc__)  # type: ignore[attr-defined]
            self.add(name, module.study, module.__name__)


STUDIES = _Studies()
"""The package's studies by name, and those of the files that were loaded."""


def lookup_study(name: str | Path) -> tuple[Study, Path | None]:
    """Return the study of this name or in the file at this path, and the file where it is not the package's.

    Raises `UserError` where there is no such study, and where the file cannot be run.
    """
    if isinstance(name, Path) or name.endswith(".py") or os.sep in name or "/" in name:
        return load_study(name), Path(name).resolve()
    return STUDIES[name], None


def load_study(path: str | Path) -> Study:
    """Return the study that a file declares. Raises `UserError` where it has none, or cannot be run."""
    file = Path(path).resolve()
    if file not in _studies:
        module = import_source(path)
        declared = getattr(module, "study", None)
        if not isinstance(declared, Study):
            raise UserError(f"{path} declares no study; it needs study = Study(...)")
        study = declared.declared_in(file.stem, module.__doc__)
        require_study_name(study.name)
        STUDIES.add(study.name, study, module.__name__)
        _studies[file] = study
    return _studies[file]


def study_of(record: StudyRecord) -> Study | None:
    """Return the study that was recorded, as its preset has it; None where its file is gone or there never was one.

    Raises `UserError` where the file is there and cannot be run.
    """
    if record.source is None:
        return STUDIES[record.study].at(record.preset) if record.study in STUDIES else None
    if not Path(record.source).is_file():
        return None
    if not isinstance(getattr(import_source(record.source), "study", None), Study):
        return None  # it registers networks or data, and the study was declared elsewhere
    study = load_study(record.source)
    return study.at(record.preset) if study.name == record.study else None


def import_source(path: str | Path) -> ModuleType:
    """Run a file, once in a process, so that what it registers is known, and return its module.

    The file's folder goes to the end of `sys.path`; the folder of a copy kept with the records goes to its start, so
    that the copy imports the modules kept with it. Raises `UserError` where the file cannot be read or fails, in one
    line with the line of the file.
    """
    file = Path(path).resolve()
    if file in _modules:
        return _modules[file]
    if not file.is_file():
        raise UserError(f"{path}: {'a folder' if file.is_dir() else 'no such file'}; expected a study's Python file")
    # A name that no other module has.
    name = f"{re.sub(r'[^0-9A-Za-z_]', '_', file.stem)}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UserError(f"{path}: expected a Python file, whose name ends in .py")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by its name.
    sys.modules[name] = module
    if is_copy(file):
        sys.path.insert(0, str(file.parent))
    elif str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    token = _importing.set(file)
    try:
        # What the file draws as it is imported is equal in every process.
        with generators_kept(0, "import"):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UserError(_one_line(path, file, error)) from None
    finally:
        _importing.reset(token)
    _modules[file] = module
    _environments[file] = dict(os.environ)
    return module


def set_environment(source: Path, variables: Mapping[str, str | None]) -> None:
    """Set the environment variables that a file reads as it is imported; None stands for one that is not set.

    Raises `UserError` where this process has imported the file with other values.
    """
    imported = _environments.get(source.resolve(), dict(os.environ) if is_a_module(source) else None)
    for name, value in variables.items():
        if imported is not None and imported.get(name) != value:
            there, here = (f"{name} {'not set' if each is None else each}" for each in (imported.get(name), value))
            raise UserError(f"{source.name} was imported with {there}, and a run has {here}; start Python anew for it")
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def is_a_module(source: Path) -> bool:
    """Whether this process has a module of that file: the script that was started, or an import of it.

    Imported again under another name, it would register the same names twice.
    """
    files = [getattr(module, "__dict__", {}).get("__file__") for module in list(sys.modules.values())]
    same_name = [Path(file) for file in files if file is not None and Path(file).name == source.name]
    return any(file.resolve() == source.resolve() for file in same_name)


def being_imported() -> Path | None:
    """Return the file that `import_source` is running at the moment, None if it is not running any."""
    return _importing.get()


def _one_line(path: str | Path, file: Path, error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, SyntaxError):
        return f"{path}, line {error.lineno}: {error.msg}"
    where = line_of_user_code(error) or str(path)
    if where.startswith(f"{file.name}, "):
        where = f"{path}{where.removeprefix(file.name)}"  # as the user wrote it
    return f"{where}: {text}" if isinstance(error, UserError) else f"{where}: {type(error).__name__}: {text}"
