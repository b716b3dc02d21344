"""The user's code of a run, as its record names it, and the copies of it in `code/<version>/` of the study's folder."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from litmus.core.source import MANIFEST
from litmus.records.run_record import RunRecord

FOLDER = "code"
DIGITS = 12
"""Hexadecimal digits of a hash of code."""


@dataclass(frozen=True)
class RunCode:
    """The user's code of a run.

    Args:
        base: the identity that the run would have without code: equal for runs that differ in their code alone.
        hashes: the hash of each module.
        trained_with: the hashes of the code that the run was trained with, if `--same-code` took it over.
    """

    base: str
    hashes: dict[str, str]
    trained_with: dict[str, str] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """The run's identity with this code."""
        return identity_with_code(self.base, code_version(self.hashes))


def code_version(hashes: Mapping[str, str]) -> str:
    """Return the version of code from the hashes of its modules, whatever the files are called."""
    return hashlib.sha256("+".join(sorted(hashes.values())).encode()).hexdigest()[:DIGITS]


def identity_with_code(base: str, version: str) -> str:
    """Return the identity of a run from its identity without code and the version of its code."""
    return hashlib.sha256(f"{base} {version}".encode()).hexdigest()[:12]


def recorded_code(status: Mapping[str, Any]) -> RunCode | None:
    """Return the user's code that a run's status names, None for a run of the package's networks and data."""
    return RunCode(**status["user_code"]) if status.get("user_code") else None


def changed_files(older: Mapping[str, str], newer: Mapping[str, str]) -> tuple[str, ...]:
    """Return the files whose hashes differ."""
    return tuple(sorted(file for file in older.keys() | newer.keys() if older.get(file) != newer.get(file)))


@dataclass(frozen=True)
class KeptCode:
    """The copies of one version of the user's code, in the folder `path`."""

    path: Path

    @classmethod
    def of(cls, study_directory: Path, hashes: Mapping[str, str]) -> "KeptCode":
        """Return the copies of the code with these hashes in a study's folder, whether they exist or not."""
        return cls(study_directory / FOLDER / code_version(hashes))

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The content of `code.json`, empty if it cannot be read."""
        try:
            return dict(json.loads((self.path / MANIFEST).read_bytes()))
        except (OSError, ValueError):
            return {}

    @property
    def source(self) -> Path | None:
        """The copy of the file that defines the study, None without copies."""
        return self.path / self.manifest["source"] if self.manifest else None

    def is_current(self) -> bool:
        """Whether every file is still in its place, with the same content."""
        try:
            files = [(self.path / name, Path(file)) for name, file in self.manifest["files"].items()]
            return all(copy.read_bytes() == file.read_bytes() for copy, file in files)
        except (OSError, KeyError):
            return False


def rerun_command(record: RunRecord) -> str:
    """Return the command that repeats a run in another folder, with the code that it had. Raises `CorruptRecord`."""
    source = source_of(record)
    return f"litmus train --config {record.config_file}{f' --source {source}' if source else ''} --out again"


def source_of(record: RunRecord) -> str | None:
    """Return the user's file that a run came from, or its copy if any of the code has changed since."""
    kept = copies(record)
    if kept is not None and kept.source is not None and not kept.is_current():
        return str(kept.source)
    return record.read_status().get("source")


def copies(record: RunRecord) -> KeptCode | None:
    """Return the copies of the code that a run was trained with, None for a run without code of the user's."""
    code = recorded_code(record.read_status())
    if code is None:
        return None
    return KeptCode.of(record.path.parent, code.trained_with or code.hashes)
