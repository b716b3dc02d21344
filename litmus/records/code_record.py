"""Which code of the user's a run is of: what its record says, the copies of the files, and what was declared the same.

A study's folder keeps them in `code/`: a folder for each version of the files, and `same.json`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from litmus.records.storage import to_json, write_atomically

FOLDER = "code"
MANIFEST = "code.json"
SAME = "same.json"

UNKNOWN_VERSION = "unknown"
UNKNOWN = {"": UNKNOWN_VERSION}
"""Stands for the files of a run whose code was not recorded."""


@dataclass(frozen=True)
class RunCode:
    """The own code of a run.

    Args:
        experiment: the identity that the run has beside its code and its seed: equal in runs of changed code.
        files: a hash of what the run depends on in each file; empty where it depends on none of the user's code.
        kept: the folder of the copies, by its name in the study's folder of code.
    """

    experiment: str
    files: dict[str, str] = field(default_factory=dict)
    kept: str = ""

    @classmethod
    def unknown(cls) -> "RunCode":
        """Return the code of a run that an earlier version recorded, when code was no part of a run's identity."""
        return cls("", dict(UNKNOWN))

    @property
    def version(self) -> str:
        """The code in one word: equal for equal code, wherever it lies and however its files are called."""
        return code_version(self.files)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON keeps it."""
        return asdict(self)


def code_version(files: Mapping[str, str]) -> str:
    """Return the hashes of files as one text, whose order does not depend on the files' names."""
    return "+".join(sorted(files.values()))


def recorded_code(status: Mapping[str, Any]) -> RunCode | None:
    """Return the own code that a run's status tells of, None for a run of the package's own study.

    A run of a user's file that an earlier version recorded has an unknown one.
    """
    if status.get("own_code"):
        return RunCode(**status["own_code"])
    return RunCode.unknown() if status.get("source") else None


def changed_files(older: Mapping[str, str], newer: Mapping[str, str]) -> tuple[str, ...]:
    """Return the files whose code differs, by name; none where the older code is not known."""
    if older == UNKNOWN:
        return ()
    return tuple(sorted(file for file in older.keys() | newer.keys() if older.get(file) != newer.get(file)))


@dataclass(frozen=True)
class KeptCode:
    """The copies of one version of the user's files."""

    path: Path

    @property
    def manifest_file(self) -> Path:
        """`code.json`: where each file lay, and the commits of the checkouts that held them."""
        return self.path / MANIFEST

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What `code.json` says, empty where it cannot be read."""
        try:
            return dict(json.loads(self.manifest_file.read_bytes()))
        except (OSError, ValueError):
            return {}

    @property
    def source(self) -> Path | None:
        """The copy of the file that was run, None where there is none."""
        return self.path / self.manifest["source"] if self.manifest else None

    def is_current(self) -> bool:
        """Whether every file is still where it was, and the same to the last character."""
        return bool(self.manifest) and all(
            _content(self.path / place) == _content(Path(file)) for place, file in self.manifest["files"].items()
        )


def kept_code(study_directory: Path, version: str) -> KeptCode:
    """Return the copies of a version in a study's folder."""
    return KeptCode(study_directory / FOLDER / version)


def is_kept(source: Path) -> bool:
    """Whether a file is a copy that lies with records."""
    return (source.parent / MANIFEST).is_file()


class SameCode:
    """Which versions of the code the user declared to be the same, in `code/same.json` of a study's folder."""

    def __init__(self, study_directory: Path) -> None:
        self.file = study_directory / FOLDER / SAME
        try:
            self.groups = [set(map(str, group)) for group in json.loads(self.file.read_bytes())["same"]]
        except (OSError, ValueError, KeyError, TypeError):
            self.groups = []

    def are_same(self, one: str, other: str) -> bool:
        """Whether two versions are one by what was declared."""
        return one == other or any({one, other} <= group for group in self.groups)

    def declare(self, one: str, other: str) -> None:
        """Write down that two versions, and all that are the same as either, are the same."""
        if self.are_same(one, other):
            return
        joined = {one, other}.union(*(group for group in self.groups if group & {one, other}))
        self.groups = [group for group in self.groups if not group & joined] + [joined]
        write_atomically(self.file, to_json({"same": [sorted(group) for group in self.groups]}))


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
