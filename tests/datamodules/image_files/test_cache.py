"""The cache of decoded images: one for all processes, made anew where it is damaged, an error where it cannot be."""

import errno
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from drawn_folder import COLOUR, all_images, build, cache_content, png

from litmus import datamodules
from litmus.core.errors import UserError
from litmus.datamodules.image_files import decode as decode_module
from litmus.datamodules.image_files import survey as survey_module


def test_the_fingerprint_follows_the_content(image_folder: Path) -> None:
    before = build(image_folder).fingerprint
    assert build(image_folder, image_size=8).fingerprint == before
    moved = image_folder.with_name("elsewhere")
    image_folder.rename(moved)
    assert build(moved).fingerprint == before
    file = moved / "val" / "cat" / "2.png"
    content = file.read_bytes()
    file.write_bytes(png(COLOUR))
    assert build(moved).fingerprint != before
    file.write_bytes(content)
    assert build(moved).fingerprint == before
    (moved / "train" / "ant" / "9.png").write_bytes(png(COLOUR))
    assert build(moved).fingerprint != before


def test_a_file_of_the_same_size_and_time_is_noticed(image_folder: Path) -> None:
    file = image_folder / "train" / "ant" / "0.png"
    before, times = build(image_folder).fingerprint, file.stat()
    content = bytearray(file.read_bytes())
    other = bytes(content[::-1])
    file.write_bytes(other)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(UserError, match=f"{file} is no readable image"):
        build(image_folder)
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert build(image_folder).fingerprint == before


def test_a_file_that_changes_while_it_is_decoded_in_every_epoch_is_refused(image_folder: Path) -> None:
    module = build(image_folder, storage="files")
    assert len(list(module.train_epoch(0)))
    (image_folder / "train" / "ant" / "0.png").write_bytes((image_folder / "train" / "ant" / "1.png").read_bytes())
    with pytest.raises(UserError, match=r"train/ant/0\.png changed after the start"):
        list(module.train_epoch(0)) + list(module.val_dataloader())


def build_in_process(root: str, together: "threading.Barrier", results: "multiprocessing.Queue[object]") -> None:
    made: list[object] = []
    make = survey_module._make

    def counted(*arguments: object) -> None:
        made.append(arguments)
        time.sleep(0.5)
        make(*arguments)  # type: ignore[arg-type]

    survey_module._make = counted  # type: ignore[assignment]
    together.wait(60)
    results.put((datamodules.build("folder", root=root, batch_size=4, decode_workers=0).fingerprint, len(made)))


def test_several_processes_build_one_cache(image_folder: Path) -> None:
    context = multiprocessing.get_context("fork")  # the processes need not import PyTorch
    together, results = context.Barrier(3), context.Queue()
    processes = [
        context.Process(target=build_in_process, args=(str(image_folder), together, results)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(30)
    assert len({fingerprint for fingerprint, _ in found}) == 1
    assert sum(made for _, made in found) == 1
    assert len(cache_content()) == 1


def test_a_killed_builder_leaves_nothing_that_counts(image_folder: Path) -> None:
    builder = os.fork()
    if builder == 0:
        survey_module._write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        build(image_folder)
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(builder, 0)[1]) == signal.SIGKILL
    assert len(cache_content()) == 1
    assert cache_content()[0].startswith(".")
    assert len(build(image_folder).train_indices)
    assert len(cache_content()) == 1
    assert not cache_content()[0].startswith(".")


def test_a_damaged_or_foreign_cache_is_made_anew(image_folder: Path) -> None:
    before = build(image_folder)
    pixels = all_images(before.arrays.train_images, 24).clone()
    place = Path(os.environ["LITMUS_CACHE"]) / cache_content()[0]
    for damage in ("pixels", "files.npz", "survey.json", "version"):
        if damage == "version":
            (place / "survey.json").write_text(json.dumps({"version": -1, "image_shape": [3, 12, 12]}))
        else:
            (place / damage).write_bytes((place / damage).read_bytes()[:30])
        after = build(image_folder)
        assert after.fingerprint == before.fingerprint
        assert torch.equal(all_images(after.arrays.train_images, 24), pixels)
        assert len(cache_content()) == 1


def test_a_cache_that_cannot_be_written_is_an_error_and_leaves_nothing(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write the cache .*; name another folder with --data.cache"):
        build(image_folder, cache=str(tmp_path / "file" / "cache"))

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(survey_module, "_write", full)
    with pytest.raises(UserError, match=r"cannot write the cache .*No space left.*--data.storage files"):
        build(image_folder)
    assert cache_content() == []


def test_images_pass_where_no_shared_memory_is_left(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = build(image_folder, decode_workers=0)

    def full(self: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("unable to allocate shared memory(shm): No space left on device (28)")

    monkeypatch.setattr(torch.Tensor, "share_memory_", full)
    module = build(image_folder, storage="files", decode_workers=2)
    assert "images: /dev/shm is full, so that images are sent through pipes" in capsys.readouterr().err
    for one, other in zip(module.train_epoch(0), expected.train_epoch(0), strict=True):
        assert torch.equal(one.images, other.images)


@pytest.mark.parametrize("hangs", [False, True], ids=["killed", "hangs"])
def test_a_decoding_process_that_is_killed_or_hangs_is_a_line(
    image_folder: Path, monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    def ended(*arguments: object) -> None:
        time.sleep(100) if hangs else os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(decode_module, "decode", ended)
    monkeypatch.setattr(decode_module, "SILENT_SECONDS", 1)
    with pytest.raises(UserError, match=r"images: a process that decodes images ended or hangs .*decode_workers 1"):
        build(image_folder, decode_workers=2)
    assert cache_content() == []


def test_a_cache_is_as_open_as_its_folder(image_folder: Path) -> None:
    cache, umask = Path(os.environ["LITMUS_CACHE"]), os.umask(0o077)
    try:
        for mode, number in ((0o770, 0), (0o700, 1)):
            cache.chmod(mode)
            os.utime(image_folder / "train" / "ant" / "0.png", ns=(number, number))
            for lock in cache.glob("*.lock"):
                lock.unlink()
            build(image_folder)
            (made,) = (cache / name for name in cache_content())
            assert made.stat().st_mode & 0o777 == mode
            assert {file.stat().st_mode & 0o777 for file in made.iterdir()} == {mode & 0o666}
            assert {lock.stat().st_mode & 0o777 for lock in cache.glob("*.lock")} == {mode & 0o666}
    finally:
        os.umask(umask)


def test_a_system_without_file_locks_gets_a_line(image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(UserError, match=r"^this system cannot lock files \(no fcntl\).*use WSL"):
        build(image_folder)
