"""How much of the disk a study takes, told in words."""

from pathlib import Path

import pytest

from litmus.records import storage as module
from litmus.records.storage import disk_use, in_bytes


def test_all_that_lies_in_a_study_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for run in range(10):
        (tmp_path / str(run) / "checkpoints").mkdir(parents=True)
        (tmp_path / str(run) / "log.txt").write_bytes(bytes(1000))
        (tmp_path / str(run) / "checkpoints" / "last.ckpt").write_bytes(bytes(200_000))
    (tmp_path / "study.json").write_bytes(bytes(10_000))
    (tmp_path / "link").symlink_to(tmp_path / "0")
    assert str(disk_use(tmp_path)) == "2.0 MB"
    (tmp_path / "0" / "checkpoints" / "last.ckpt").unlink()
    assert str(disk_use(tmp_path)) == "1.8 MB"
    monkeypatch.setattr(module, "LOOKED_INTO", 2)
    assert str(disk_use(tmp_path)) == "about 1.0 MB"  # the first, without weights, and the sixth
    assert str(disk_use(tmp_path / "none")) == "0 B"


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9949, "9.9 kB"), (9951, "10 kB"), (999_500, "1.0 MB"),
     (38_400_000_000, "38 GB"), (5 * 10**15, "5000 TB")],
)  # fmt: skip
def test_a_size_is_told_in_words(size: int, words: str) -> None:
    assert in_bytes(size) == words
