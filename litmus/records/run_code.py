"""The user's code of a run, as its record names it, and the copies of it in `code/<version>/` of the study's folder."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

FOLDER = "code"
MANIFEST = "code.json"
DIGITS = 12
"""Hexadecimal digits of a hash of code."""


@dataclass(frozen=True)
class RunCode:
    """The user's code of a run.

    Args:
        base: the identity that the run would have without code: equal for runs that differ in their code alone.
        hashes: the hash of each module.
        trained_with: the hashes of the code that the run was trained with, where `--same-code` took it over.
    """

    base: str
    hashes: dict[str, str]
    trained_with: dict[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The code's version."""
        return code_version(self.hashes)

    @property
    def run_id(self) -> str:
        """The run's identity with this code."""
        return identity_with_code(self.base, self.version)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON keeps it."""
        return asdict(self)


def code_version(hashes: Mapping[str, str]) -> str:
    """Return the version of code from the hashes of its modules, whatever the files are called."""
    return hashlib.sha256("+".join(sorted(hashes.values())).encode()).hexdigest()[:DIGITS]


def identity_with_code(base: str, version: str) -> str:
    """Return the identity of a run from the one that it has without code and the version of its code."""
    return hashlib.sha256(f"{base} {version}".encode()).hexdigest()[:12]


def recorded_code(status: Mapping[str, Any]) -> RunCode | None:
    """Return the user's code that a run's status names, None for a run of the package's networks and data."""
    return RunCode(**status["user_code"]) if status.get("user_code") else None


def changed_files(older: Mapping[str, str], newer: Mapping[str, str]) -> tuple[str, ...]:
    """Return the files whose hashes differ."""
    return tuple(sorted(file for file in older.keys() | newer.keys() if older.get(file) != newer.get(file)))


@dataclass(frozen=True)
class KeptCode:
    """The copies of one version of the user's code."""

    path: Path

    @property
    def manifest_file(self) -> Path:
        """`code.json`: which of the files defines the study, and where each lay."""
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
        """The copy of the file that defines the study, None where there is none."""
        return self.path / self.manifest["source"] if self.manifest else None

    def is_current(self) -> bool:
        """Whether every file is still where it was, with the same content."""
        return bool(self.manifest) and all(
            _content(self.path / name) == _content(Path(file)) for name, file in self.manifest["files"].items()
        )


def kept_code(study_directory: Path, version: str) -> KeptCode:
    """Return the copies of a version in a study's folder."""
    return KeptCode(study_directory / FOLDER / version)


def is_copy(source: Path) -> bool:
    """Whether a file is a copy in a study's folder."""
    return (source.parent / MANIFEST).is_file()


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
