"""Mistakes of the user, each in one line."""

import site
import sysconfig
import traceback
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from litmus.core.suggestions import nearest


class UserError(ValueError):
    """A mistake that the user can correct; its message is one line and is shown without a traceback."""


PACKAGES = [Path(__file__).resolve().parents[2] / name for name in ("litmus", "lit_archs", "datamodules", "studies")]
_INSTALLED = [*map(Path, (*site.getsitepackages(), sysconfig.get_path("stdlib"))), *PACKAGES]


def error_in_one_line(error: BaseException) -> str:
    """Return an error as one line, with the last line of the user's code that it passed."""
    said = str(error.msg) if isinstance(error, SyntaxError) else str(error)
    text = f"{type(error).__name__}: {' '.join(said.split())[:300]}"
    where = line_of_user_code(error)
    return f"{where}: {text}" if where else text


def line_of_user_code(error: BaseException) -> str | None:
    """Return the last line of the user's code that an error passed, `gate.py, line 12`, None for none.

    Of a file that is no Python, it is the line that is wrong, not the one that imports it.
    """
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{Path(error.filename).name}, line {error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if not frame.filename.startswith("<") and not any(path.is_relative_to(folder) for folder in _INSTALLED):
            return f"{path.name}, line {frame.lineno}"
    return None


@contextmanager
def written_with(prefix: str, names: Container[str]) -> Iterator[None]:
    """Let a `UserError` that begins with one of `names` name it as the user writes it: `model.width must be ...`."""
    try:
        yield
    except UserError as error:
        if str(error).split()[0].rstrip(":") in names:
            raise UserError(f"{prefix}{error}") from None
        raise


def unknown_name(kind: str, name: str, choices: Iterable[str], hint: str = "") -> UserError:
    """Return the error for a name that is not among `choices`, with the nearest match, all the choices and a hint."""
    valid = list(choices)
    meant = nearest(name, valid)
    suggestion = f"; did you mean {meant!r}?" if meant else ";"
    return UserError(f"unknown {kind} {name!r}{suggestion} valid: {', '.join(valid)}{f'; {hint}' if hint else ''}")


def require_choice(key: str, value: str, choices: Iterable[str]) -> None:
    """Raise `UserError` unless `value` is one of `choices`."""
    valid = list(choices)
    if value not in valid:
        raise unknown_name(key, value, valid)


def require_positive(**values: float) -> None:
    """Raise `UserError` naming the first keyword whose value is not greater than zero."""
    for key, value in values.items():
        if not value > 0:
            raise UserError(f"{key} must be greater than 0, got {value}")


def require_at_least(minimum: float, **values: float) -> None:
    """Raise `UserError` naming the first keyword whose value is below `minimum`."""
    for key, value in values.items():
        if not value >= minimum:
            raise UserError(f"{key} must be at least {minimum}, got {value}")
