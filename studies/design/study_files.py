"""Files of the user's own: a study that lies outside the package, with what else it registers."""

import contextlib
import hashlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from datamodules.loading.registry import DATASETS
from lit_archs.building.registry import ARCHITECTURES
from litmus.errors import UserError
from studies.design.study import STUDIES, Study
from studies.probes.base.probe import PROBES
from studies.records.study_record import Manifest

_importing: ContextVar[Path | None] = ContextVar("importing", default=None)
_registered: dict[Path, tuple[str, ...]] = {}


def is_path(name: str) -> bool:
    """Whether a study's name on the command line means a file."""
    return name.endswith(".py") or os.sep in name or "/" in name


def being_imported() -> Path | None:
    """Return the file whose code `import_source` is running at the moment, None if it is not."""
    return _importing.get()


def import_source(path: str | Path) -> tuple[str, ...]:
    """Run a file once a process, so that what it registers is known, and return the names of its studies.

    Its folder is searched for what it imports, after everything else. Raises `UserError` where it cannot be read or
    fails, in one line with the line of the file.
    """
    file = Path(path).resolve()
    if file in _registered:
        return _registered[file]
    if not file.is_file():
        raise UserError(f"{path}: {'a folder' if file.is_dir() else 'no such file'}; expected a study's Python file")
    # All built-in names are known before the file may take one.
    before = {registry.kind: set(registry.names()) for registry in (STUDIES, ARCHITECTURES, DATASETS, PROBES)}
    # A name that no other file has, and no module of the path.
    name = f"{re.sub(r'[^0-9A-Za-z_]', '_', file.stem)}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UserError(f"{path}: expected a Python file, whose name ends in .py")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and the like look their module up by its name.
    sys.modules[name] = module
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    try:
        with _marked(file):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UserError(_one_line(path, file, error)) from None
    _registered[file] = tuple(study for study in STUDIES.names() if study not in before[STUDIES.kind])
    return _registered[file]


def load_study(path: str | Path) -> Study:
    """Return the study that a file registers. Raises `UserError` where it has none, several, or cannot be run."""
    names = import_source(path)
    if not names:
        raise UserError(f"{path} registers no study; it needs study = register(Study(...))")
    if len(names) > 1:
        raise UserError(f"{path} registers {len(names)} studies ({', '.join(names)}); one file is one study")
    return STUDIES[names[0]]


def study_of(manifest: Manifest) -> Study | None:
    """Return the study that a manifest tells of, None where its file is gone or it never had one.

    Raises `UserError` where the file is there and cannot be run.
    """
    if manifest.source is None:
        known = manifest.study in STUDIES
        return STUDIES[manifest.study] if known else None
    if not Path(manifest.source).is_file():
        return None
    study = load_study(manifest.source)
    return study if study.name == manifest.study else None


@contextlib.contextmanager
def _marked(file: Path) -> Iterator[None]:
    token = _importing.set(file)
    try:
        yield
    finally:
        _importing.reset(token)


def _one_line(path: str | Path, file: Path, error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, SyntaxError):
        return f"{path}, line {error.lineno}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == file]
    where = f"{path}, line {lines[-1]}" if lines else str(path)
    return f"{where}: {text}" if isinstance(error, UserError) else f"{where}: {type(error).__name__}: {text}"
