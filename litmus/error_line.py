"""An error of whatever kind in one line, with the line of the user's own code that it came through."""

import site
import sysconfig
import traceback
from pathlib import Path


def told_in_a_line(error: BaseException) -> str:
    """Return what an error says in one line, with the last line of the user's own code that it passed."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    where = line_of_own_code(error)
    return f"{where}: {said}" if where else said


def line_of_own_code(error: BaseException) -> str | None:
    """Return the last line of the user's own code that an error passed, `gate.py, line 12`, None for none."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_installed(frame.filename)]
    return f"{Path(own[-1].filename).name}, line {own[-1].lineno}" if own else None


_PACKAGES = [Path(__file__).resolve().parents[1] / name for name in ("litmus", "lit_archs", "datamodules", "studies")]
_INSTALLED = [*map(Path, (*site.getsitepackages(), sysconfig.get_path("stdlib"))), *_PACKAGES]


def _is_installed(filename: str) -> bool:
    path = Path(filename)
    return filename.startswith("<") or any(path.is_relative_to(folder) for folder in _INSTALLED)
