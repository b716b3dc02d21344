"""Files are replaced as a whole, a file system that refuses is one line, and what a folder takes on the disk."""

import errno
import os
import stat
from pathlib import Path

import pytest

from litmus.records.lease import acquire
from litmus.records.storage import StorageError, disk_use, in_bytes, storage_errors, write_atomically


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


def test_all_that_lies_in_a_study_counts_once(tmp_path: Path) -> None:
    for run in range(10):
        (tmp_path / str(run) / "checkpoints").mkdir(parents=True)
        (tmp_path / str(run) / "checkpoints" / "last.ckpt").write_bytes(bytes(200))
    (tmp_path / "study.json").write_bytes(bytes(10))
    size = disk_use(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "0")
    assert size == disk_use(tmp_path) == 2010
    assert disk_use(tmp_path / "none") == 0


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9949, "9.9 kB"), (9951, "10 kB"), (999_500, "1.0 MB"),
     (38_400_000_000, "38 GB"), (5 * 10**15, "5000 TB")],
)  # fmt: skip
def test_a_size_in_words(size: int, words: str) -> None:
    assert in_bytes(size) == words


@pytest.mark.parametrize(
    ("umask", "folder", "made", "file"),
    [
        (0o022, 0o2775, 0o2775, 0o664),  # a group's: chmod g+ws
        (0o077, 0o2770, 0o2770, 0o660),
        (0o077, 0o2775, 0o2770, 0o660),
        (0o022, 0o775, 0o755, 0o644),
        (0o022, 0o2755, 0o2755, 0o644),
        (0o022, 0o1777, 0o755, 0o644),
        (0o077, 0o700, 0o700, 0o600),
    ],
)
def test_the_group_of_a_shared_folder_may_write_what_is_made_in_it(
    tmp_path: Path, umask: int, folder: int, made: int, file: int
) -> None:
    out = tmp_path / "runs"
    out.mkdir()
    out.chmod(folder)
    before = os.umask(umask)
    try:
        with storage_errors(out / "study"):
            (out / "study").mkdir()
        run = out / "study" / "0123456789ab"
        held = acquire(run)
        assert held is not None
        write_atomically(run / "checkpoints" / "last.ckpt", "weights")
        held.release()
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in out.rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {made}
    assert {mode for path, mode in modes.items() if path.is_file()} == {file}
    assert len(modes) == 5
