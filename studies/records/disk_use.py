"""How much of the disk a study's folder takes."""

import os
from dataclasses import dataclass
from pathlib import Path

LOOKED_INTO = 400
"""Folders of runs that are looked into; of more, the rest are taken to be like them: each costs time."""

_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class DiskUse:
    """What a folder takes, in bytes; an estimate where not every run was looked at."""

    size: int
    is_exact: bool

    def __str__(self) -> str:
        """Return it in words: `1.4 MB`, `about 38 GB`."""
        return in_bytes(self.size) if self.is_exact else f"about {in_bytes(self.size)}"


def disk_use(study_directory: Path) -> DiskUse:
    """Return how much a study's folder takes."""
    folders, size = _entries(str(study_directory))
    looked_into = folders[:: max(1, len(folders) // LOOKED_INTO)]
    within = sum(_size(folder) for folder in looked_into)
    if len(looked_into) == len(folders):
        return DiskUse(size + within, is_exact=True)
    return DiskUse(round(size + within * len(folders) / len(looked_into)), is_exact=False)


def in_bytes(size: int) -> str:
    """Return a number of bytes in words of two or three digits."""
    value, unit = float(size), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit and value < 9.95 else f"{value:.0f} {_UNITS[unit]}"


def _size(directory: str) -> int:
    folders, size = _entries(directory)
    return size + sum(_size(folder) for folder in folders)


def _entries(directory: str) -> tuple[list[str], int]:
    """Return the folders in a folder, and the bytes of its files; what vanishes meanwhile is left out."""
    folders, size = [], 0
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    size += entry.stat(follow_symlinks=False).st_size
    except OSError:
        pass  # runs are written, and removed, while this looks
    return sorted(folders), size
