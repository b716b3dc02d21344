"""torchvision's datasets: read where they lie, downloaded whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from litmus.core.errors import UserError

UNREADABLE = (OSError, RuntimeError, ValueError, EOFError, ImportError, KeyError)
"""What torchvision raises for files that are absent, damaged or not downloadable."""


def obtain(name: str, root: str, make: Callable[..., Any], folder: str, files: Sequence[str]) -> tuple[Any, Any]:
    """Return the training and the test set that `make(root, train=..., download=...)` reads from `root`.

    `files` lie in `root/folder`. If none of them is there, they are downloaded into a temporary folder and
    moved into place when all are complete and their checksums right, so that a failure leaves nothing behind. Raises
    `UserError` where they are damaged, or absent and not downloadable.
    """
    place = Path(root) / folder
    present = [file for file in files if any(place.glob(f"{file}*"))]
    if not present:
        _download(name, root, make, folder, files)
    elif len(present) < len(files):
        missing = ", ".join(file for file in files if file not in present)
        raise UserError(f"{name}: {place} lacks {missing}; add it, or delete the folder to download everything again")
    try:
        return make(root, train=True, download=False), make(root, train=False, download=False)
    except UNREADABLE as error:
        raise UserError(
            f"{name}: the files in {place} cannot be read ({_line(error)}); delete them to download them again"
        ) from None


def _download(name: str, root: str, make: Callable[..., Any], folder: str, files: Sequence[str]) -> None:
    top = folder.split("/")[0]
    target = Path(root) / top
    existing = next(each for each in (Path(root).absolute(), *Path(root).absolute().parents) if each.exists())
    try:
        temporary = tempfile.mkdtemp(prefix=f".{name}-download-", dir=existing)
    except OSError as error:
        raise UserError(
            f"{name}: not in data.root {root!r}, and {existing} is not writable ({error.strerror})"
        ) from None
    try:
        for train in (True, False):
            make(temporary, train=train, download=True)
        Path(root).mkdir(parents=True, exist_ok=True)
        if not target.exists() or not any(target.iterdir()):
            os.replace(Path(temporary) / top, target)
    except UNREADABLE as error:
        raise UserError(
            f"{name}: not in data.root {root!r} and not downloadable ({_line(error)}); "
            f"put {', '.join(files)} into {Path(root) / folder}, or name another folder with --data.root"
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
