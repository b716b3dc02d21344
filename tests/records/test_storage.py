"""Files are replaced as a whole, and a file system that refuses is one line."""

import errno
import os
from pathlib import Path

import pytest

from litmus.records.storage import StorageError, storage_errors, write_atomically


def test_a_full_device_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write there: No space left on device"):  # noqa: SIM117
        with storage_errors(Path("there")), open("/dev/full", "w") as file:
            file.write("x" * 100_000)


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "status.json"
    write_atomically(file, "old")

    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError):
        write_atomically(file, "new")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]
