"""Files that are written whole or not at all, and what it means when they cannot be."""

import contextlib
import errno
import json
import math
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from litmus.core.errors import UserError

RECORD_FORMAT = 1
"""Version of the records and of the training procedure; a change that makes old records incomparable raises it."""

_UNITS = ("B", "kB", "MB", "GB", "TB")


def disk_use(directory: Path) -> int:
    """Return how many bytes the files in a folder and its folders take; what vanishes meanwhile is left out."""
    size = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(folder, name)).st_size
    return size


def in_bytes(size: int) -> str:
    """Return a number of bytes in words of two or three digits."""
    value, unit = float(size), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit and value < 9.95 else f"{value:.0f} {_UNITS[unit]}"


_STORAGE_ERRORS = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST,
    errno.ENAMETOOLONG,
    # Gone, or on a file system that is.
    errno.ENOENT, errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN,
}  # fmt: skip


class StorageError(UserError):
    """The folder of records cannot be written: full, read-only, not ours or gone."""


class CorruptRecord(Exception):
    """A file of a record cannot be read; the message names it."""


class TakenOver(UserError):
    """Another process executes the run by now, because this one was silent for too long."""


LEASES: dict[Path, Path] = {}
"""The runs that this process executes: each one's folder, and the lease under which files are replaced there."""


def latest_lease(directory: Path) -> int:
    """Return the highest number of the leases in a run's folder, 0 for none."""
    with storage_errors(directory):
        try:
            found = [re.fullmatch(r"lease\.(\d+)", name) for name in os.listdir(directory)]
        except FileNotFoundError:
            return 0
    return max((int(match.group(1)) for match in found if match), default=0)


def is_taken_over(lease: Path) -> bool:
    """Whether there is a later lease on the run of `lease`."""
    return latest_lease(lease.parent) > int(lease.suffix[1:])


def replace(temporary: Path, path: Path) -> None:
    """Put `temporary` in the place of `path`. Raises `TakenOver` for a file of a run that another process executes."""
    # As late as it can be: a process may be stopped anywhere before.
    for directory in (path.parent, path.parent.parent):
        lease = LEASES.get(directory)
        if lease is not None and is_taken_over(lease):
            raise TakenOver(f"{directory} is executed by another process by now; this one was silent for too long")
    os.replace(temporary, path)


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write at `path` into a `StorageError` of one line.

    What is made within the block has the permissions of the folder that it is made in, see `permissions_of`.
    """
    try:
        with permissions_of(path.parent):
            yield
    except OSError as error:
        if error.errno in _STORAGE_ERRORS:
            raise StorageError(f"cannot write {path}: {error.strerror}") from None
        raise


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old content or the new one and nothing between.

    Its folder is made, but not what that is in: where a study's folder is gone, it is not put in its place anew.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with storage_errors(path):
        path.parent.mkdir(exist_ok=True)
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


@contextlib.contextmanager
def permissions_of(directory: Path) -> Iterator[None]:
    """Let the group write what is made within the block, where it may write `directory` and owns what is made there.

    That is a folder after `chmod g+ws`, and one that is made in it; the nearest that exists counts. Elsewhere the
    user's umask decides, as for any program.
    """
    existing = next((each for each in (directory, *directory.parents) if each.exists()), directory)
    shared = stat.S_ISGID | stat.S_IWGRP
    if not existing.exists() or existing.stat().st_mode & shared != shared:
        yield
        return
    umask = os.umask(0o007)
    os.umask(umask & ~0o070)
    try:
        yield
    finally:
        os.umask(umask)


def to_json(value: Mapping[str, Any]) -> str:
    """Return JSON text; numbers that are not finite become null, which every reader understands."""
    return json.dumps(_finite(value), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
