"""How much of the disk a study's folder takes."""

import os
from pathlib import Path

LOOKED_INTO = 400
"""Folders of runs that are looked into; of more, the rest are taken to be like them: each costs time."""

_UNITS = ("B", "kB", "MB", "GB", "TB")


def disk_use(study_directory: Path) -> str:
    """Return in words how much a study's folder takes: `1.4 MB`, or `about 38 GB` where not every run was looked at."""
    folders, size = _entries(str(study_directory))
    looked_into = folders[:: max(1, len(folders) // LOOKED_INTO)]
    within = sum(_size(folder) for folder in looked_into)
    if len(looked_into) == len(folders):
        return in_bytes(size + within)
    return f"about {in_bytes(round(size + within * len(folders) / len(looked_into)))}"


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
