"""What a run leaves on disk: plain files, each written whole or not at all."""

import contextlib
import errno
import json
import math
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from litmus.errors import UserError

FINAL_STATES = ("finished", "diverged")
"""States of a run that has its result."""

_STORAGE_ERRORS = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST,
    errno.ENAMETOOLONG,
}  # fmt: skip


class StorageError(UserError):
    """The folder of records cannot be written: full, read-only or not ours."""


class CorruptRecord(Exception):
    """A file of a record cannot be read; the message names it."""


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write at `path` into a `StorageError` of one line."""
    try:
        yield
    except OSError as error:
        if error.errno in _STORAGE_ERRORS:
            raise StorageError(f"cannot write {path}: {error.strerror}") from None
        raise


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old content or the new one and nothing between."""
    data = content.encode() if isinstance(content, str) else content
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def to_json(value: Mapping[str, Any]) -> str:
    """Return JSON text; numbers that are not finite become null, which every reader understands."""
    return json.dumps(_finite(value), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class RunDirectory:
    """The folder of one run, `runs/<study>/<run id>/`, and its files."""

    path: Path

    @property
    def run_id(self) -> str:
        """The run's identity, which is the folder's name."""
        return self.path.name

    @property
    def config_file(self) -> Path:
        """`config.yaml`: the resolved config, enough to run it again with `litmus train --config`."""
        return self.path / "config.yaml"

    @property
    def status_file(self) -> Path:
        """`status.json`: the state, attempts and times."""
        return self.path / "status.json"

    @property
    def summary_file(self) -> Path:
        """`summary.json`: final metrics, cost, time, environment."""
        return self.path / "summary.json"

    @property
    def metrics_file(self) -> Path:
        """`metrics.csv`: a row for each logged step and each evaluation."""
        return self.path / "metrics.csv"

    @property
    def probes_file(self) -> Path:
        """`probes.csv`: a row for each thing that a probe measured; absent where the run has no probe."""
        return self.path / "probes.csv"

    @property
    def logits_file(self) -> Path:
        """`logits.npz`: the logits of the validation and test split, where the run has the probe `logits`."""
        return self.path / "logits.npz"

    @property
    def log_file(self) -> Path:
        """`log.txt`: everything the run printed, warnings and tracebacks included."""
        return self.path / "log.txt"

    @property
    def checkpoint(self) -> Path:
        """The last checkpoint, at the end of an epoch; after the run, the final weights."""
        return self.path / "checkpoints" / "last.ckpt"

    def read_status(self) -> dict[str, Any]:
        """Return the status, empty where there is none. Raises `CorruptRecord`."""
        return self._read_json(self.status_file, required=("state",))

    def write_status(self, **fields: Any) -> None:
        """Write the status."""
        write_atomically(self.status_file, to_json(fields))

    def read_summary(self) -> dict[str, Any]:
        """Return the summary, empty where there is none. Raises `CorruptRecord`."""
        return self._read_json(self.summary_file, required=("metrics",))

    def read_config(self) -> dict[str, Any]:
        """Return the config, empty where there is none. Raises `CorruptRecord`."""
        if not self.config_file.exists():
            return {}
        try:
            config = yaml.safe_load(self.config_file.read_text())
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise CorruptRecord(f"{self.config_file}: {' '.join(str(error).split())[:120]}") from None
        if not isinstance(config, dict):
            raise CorruptRecord(f"{self.config_file}: not a mapping")
        return config

    def is_complete(self) -> bool:
        """Whether the run has its result. Raises `CorruptRecord` where a file of a complete record is unreadable."""
        state = self.read_status().get("state")
        if state not in FINAL_STATES:
            return False
        # A diverged run has no final weights.
        weights = (self.checkpoint,) if state == "finished" else ()
        for file in (self.summary_file, self.config_file, self.metrics_file, *weights):
            if not file.exists():
                raise CorruptRecord(f"{file} is missing")
        self.read_summary()
        self.read_config()
        return True

    def set_aside(self) -> Path:
        """Move the folder out of the way, under a name that no run has, and return where it went."""
        for number in range(1, 10_000):
            target = self.path.with_name(f"{self.path.name}.corrupt-{number}")
            if not target.exists():
                with storage_errors(self.path):
                    self.path.rename(target)
                return target
        raise StorageError(f"too many corrupt copies of {self.path}; delete some")

    def log_tail(self, lines: int = 12) -> str:
        """Return the last lines of the log."""
        try:
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def _read_json(self, path: Path, required: tuple[str, ...]) -> dict[str, Any]:
        if not path.exists():
            return {}
        try:
            content = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise CorruptRecord(f"{path}: {error}") from None
        if not isinstance(content, dict) or any(key not in content for key in required):
            raise CorruptRecord(f"{path}: lacks {', '.join(required)}")
        return content


def rerun_command(config_file: Path, source: str | None) -> str:
    """Return the command that runs a run again, into a folder of its own; `source` is the file of its study."""
    return f"litmus train --config {config_file}{f' --source {source}' if source else ''} --out again"


def run_directories(study_directory: Path) -> list[RunDirectory]:
    """Return the folders of a study's runs, by identity; what was set aside is left out."""
    if not study_directory.is_dir():
        return []
    return [
        RunDirectory(path)
        for path in sorted(study_directory.iterdir())
        if path.is_dir() and re.fullmatch(r"[0-9a-f]{12}", path.name)
    ]
