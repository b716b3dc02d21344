"""Read every file of a folder once: its digest, its sums, and with a cache its pixels; kept for all later readers.

A survey is one folder inside the cache folder. It is written under another name and renamed when it is complete, by
one process at a time; a process that dies on the way leaves nothing that another would read.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy
import torch
from torch import Tensor

from litmus.core.errors import UserError
from litmus.core.formatting import several
from litmus.datamodules.image_files.decode import Decoded, Decoding, UnreadableImage, decode_batches
from litmus.datamodules.image_files.layout import FolderLayout
from litmus.datamodules.image_files.lock import exclusive, open_to_those_of
from litmus.datamodules.image_files.progress import announce, tracked
from litmus.datamodules.loading.arrays import image_sums

VERSION = 2
"""Version of what a survey holds and of how files are decoded; another version's is not read but made anew."""

HALF_OF_16_BITS = 2**15
"""Where all images of 16 bits stay below it, their values have fewer, and would become black."""

BATCH = 32
GIB = 2**30


@dataclass(frozen=True)
class Survey:
    """What reading every file once has shown.

    Args:
        readable: indices of the layout's files that could be decoded, rising, int64 [N].
        digests: content hash of each of them, bytes [N, 16].
        sums: `image_sums` of each of them, int64 [N, C, 2].
        image_shape: channels, height and width of every image.
        pixels: uint8 [N, C, H, W], mapped from the cache; None without.
    """

    readable: numpy.ndarray
    digests: numpy.ndarray
    sums: Tensor
    image_shape: tuple[int, int, int]
    pixels: Tensor | None


def survey(
    layout: FolderLayout, decoding: Decoding, keep_pixels: bool, skip_unreadable: bool, cache: Path, workers: int
) -> Survey:
    """Return the survey of `layout`, from `cache` where it is there, complete and of this version, else made now.

    Several processes that ask at once make one: the others wait for it. Raises `UserError` for an unreadable file
    unless those are skipped, for images of different sizes unless the decoding resizes them, and for a cache that
    cannot be written.
    """
    folder = _folder(layout, decoding, keep_pixels, skip_unreadable, cache)
    found = _load(folder, keep_pixels)
    if found is not None:
        return found
    with _cache_errors(cache):
        cache.mkdir(parents=True, exist_ok=True)
        with exclusive(cache / f"{folder.name.rpartition('-')[0]}.lock"):
            found = _load(folder, keep_pixels)
            if found is None:
                _remove_leftovers(folder)
                _make(folder, layout, decoding, keep_pixels, skip_unreadable, workers)
                found = _load(folder, keep_pixels)
    if found is None:
        raise UserError(f"the cache {folder} could not be read back; name another folder with --data.cache")
    return found


def _folder(layout: FolderLayout, decoding: Decoding, keep_pixels: bool, skip: bool, cache: Path) -> Path:
    # The first part names the survey, the second the state of the files: a changed file makes another.
    which = repr((VERSION, str(layout.root), layout.selection, decoding, keep_pixels, skip))
    key = hashlib.sha256(which.encode()).hexdigest()[:12]
    return cache / f"{layout.root.name}-{key}-{layout.state}"


def _load(folder: Path, keep_pixels: bool) -> Survey | None:
    try:
        description = json.loads((folder / "survey.json").read_text())
        if description["version"] != VERSION:
            return None
        shape = tuple(description["image_shape"])
        with numpy.load(folder / "files.npz") as files:
            readable, digests, sums = files["readable"], files["digests"], files["sums"]
        pixels = None
        if keep_pixels:
            size = len(readable) * shape[0] * shape[1] * shape[2]
            if (folder / "pixels").stat().st_size != size:
                return None
            mapped = torch.from_file(str(folder / "pixels"), shared=False, size=size, dtype=torch.uint8)
            pixels = mapped.view(len(readable), *shape)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        # Absent, cut short or damaged: made anew.
        return None
    return Survey(readable, digests, torch.from_numpy(sums), (shape[0], shape[1], shape[2]), pixels)


def _remove_leftovers(folder: Path) -> None:
    """Remove what the same survey left for an earlier state of the files, and what killed processes left behind."""
    which = folder.name.rpartition("-")[0]
    for other in folder.parent.iterdir():
        if other.is_dir() and other.name.lstrip(".").startswith(f"{which}-"):
            shutil.rmtree(other, ignore_errors=True)


def _make(folder: Path, layout: FolderLayout, decoding: Decoding, keep_pixels: bool, skip: bool, workers: int) -> None:
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _read_all(building, layout, decoding, keep_pixels, skip, workers)
        for made in (building, *building.iterdir()):
            open_to_those_of(folder.parent, made)
        os.replace(building, folder)
    except RuntimeError as error:
        shutil.rmtree(building, ignore_errors=True)
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{layout.root.name}: a process that decodes images ended or hangs ({reason}); fewer take less memory: "
            "--data.decode_workers 1"
        ) from None
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def _read_all(
    building: Path, layout: FolderLayout, decoding: Decoding, keep_pixels: bool, skip: bool, workers: int
) -> None:
    files = layout.files
    paths = [file.path for file in files]
    batches = [numpy.arange(start, min(start + BATCH, len(files))) for start in range(0, len(files), BATCH)]
    shape: tuple[int, ...] = ()
    readable: list[int] = []
    digests: list[numpy.ndarray] = []
    sums: list[numpy.ndarray] = []
    skipped: list[str] = []
    highest: list[float] = []
    turned = 0
    decoding_batches = decode_batches(layout.root, paths, batches, decoding, workers)
    # Closed at once where an error ends the reading, and its worker processes with it.
    with open(building / "pixels", "wb") as pixels, closing(decoding_batches) as decoded_batches:
        progress = tracked(decoded_batches, [len(batch) for batch in batches], f"{layout.root.name}: reading images")
        for batch, decoded in zip(batches, progress, strict=True):
            if decoded.unreadable and not skip:
                raise UnreadableImage(
                    f"{next(iter(decoded.unreadable.values()))}; remove it, or leave such files out with "
                    "--data.skip_unreadable true"
                )
            skipped.extend(decoded.unreadable.values())
            highest += [] if decoded.highest is None else [decoded.highest]
            turned += decoded.turned
            kept = [place for place in range(len(batch)) if place not in decoded.unreadable]
            if not kept:
                continue
            if not shape:
                shape = decoded.shapes[kept[0]]
                if keep_pixels:
                    _announce_cost(building.parent, layout, len(files) * int(numpy.prod(shape)))
            images = _of_one_size(decoded, kept, shape, batch, layout)
            readable.extend(batch[kept])
            digests.extend(numpy.frombuffer(decoded.digests[place], dtype=numpy.uint8) for place in kept)
            sums.append(image_sums(images).numpy())
            if keep_pixels:
                _write(pixels, images)
        pixels.flush()
        os.fsync(pixels.fileno())
    if not readable:
        raise UserError(f"folder: no file of {layout.root} is a readable image, e.g. {skipped[0]}")
    if highest and decoding.white is None and max(highest) < HALF_OF_16_BITS:
        likely = next(2**bits - 1 for bits in (8, 10, 12, 14, 15) if max(highest) < 2**bits)
        raise UserError(
            f"folder: the images of {layout.root} have 16 bits, and values up to {max(highest):g} of 65535; say which "
            f"value is white, e.g. with --data.white {likely}, or --data.white 65535 where they are that dark"
        )
    if turned:
        announce(f"{layout.root.name}: {several(turned, 'image')} turned upright, as the EXIF data say")
    if skipped:
        announce(f"{layout.root.name}: {len(skipped)} unreadable files left out, the first: {skipped[0]}")
    with open(building / "files.npz", "wb") as table:
        numpy.savez(
            table,
            readable=numpy.array(readable, numpy.int64),
            digests=numpy.stack(digests),
            sums=numpy.concatenate(sums),
        )
        table.flush()
        os.fsync(table.fileno())
    (building / "survey.json").write_text(
        json.dumps({"version": VERSION, "image_shape": shape, "root": str(layout.root)})
    )


def _of_one_size(
    decoded: Decoded, kept: Sequence[int], shape: tuple[int, ...], batch: numpy.ndarray, layout: FolderLayout
) -> Tensor:
    for place in kept:
        if decoded.shapes[place] != shape:
            first, other = (f"{sizes[2]}×{sizes[1]}" for sizes in (shape, decoded.shapes[place]))
            raise UserError(
                f"folder: images of different sizes, {first} and, in {layout.files[batch[place]].path}, {other}; "
                "resize them with --data.image_size"
            )
    assert isinstance(decoded.images, Tensor)
    return decoded.images


def _announce_cost(cache: Path, layout: FolderLayout, size: int) -> None:
    free = shutil.disk_usage(cache).free
    if size > free:
        raise UserError(
            f"the cache of {len(layout.files):,} images takes {size / GIB:.2f} GiB, and {cache} has {free / GIB:.2f} "
            "free; name another folder with --data.cache, or decode in every epoch with --data.storage files"
        )
    announce(
        f"{layout.root.name}: keeping {len(layout.files):,} resized images in {cache}, {size / GIB:.2f} GiB of the "
        f"{free / GIB:.2f} free"
    )


def _write(file: BinaryIO, images: Tensor) -> None:
    # Written and not stored through a mapping: a full disk is then an error and no signal that kills the process.
    file.write(images.numpy().data)


@contextmanager
def _cache_errors(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = "make room, name another folder with --data.cache, or do without with --data.storage files"
        else:
            advice = "name another folder with --data.cache"
        raise UserError(f"cannot write the cache {cache}: {error.strerror or error}; {advice}") from None
