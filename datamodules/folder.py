"""Any image folder: ImageNet and its subsets, Imagenette, Tiny-ImageNet, CIFAR as files."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy
import torch
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from litmus.core.config_keys import Role
from litmus.core.errors import UserError
from litmus.datamodules.image_files.decode import Colour, Decoding, Resize, StreamedFiles
from litmus.datamodules.image_files.layout import FolderLayout, read_layout
from litmus.datamodules.image_files.survey import VERSION, Survey, survey
from litmus.datamodules.loading.arrays import Images
from litmus.datamodules.loading.registry import ImageArrays, register

Storage = Literal["cache", "files"]


@register("folder")
def folder(
    root: str,
    image_size: PositiveInt | None = None,
    stored_size: PositiveInt | None = None,
    resize: Resize = "crop",
    colour: Colour = "rgb",
    white: PositiveFloat | None = None,
    classes: int | list[str] | None = None,
    per_class: PositiveInt | None = None,
    skip_unreadable: bool = False,
    storage: Annotated[Storage, Role.PLACE] = "cache",
    cache: Annotated[str | None, Role.PLACE] = None,
    decode_workers: Annotated[NonNegativeInt | None, Role.PLACE] = None,
) -> ImageArrays:
    """An image folder with train/, val/ or test/ and class subfolders (Imagenette, Tiny-ImageNet, ImageNet).

    The test set is test/, or val/ where test/ is absent or has no classes (as in Tiny-ImageNet); with both, val/ is
    not read. The validation split is cut from train/ in every case.

    Args:
        root: the folder.
        image_size: side of what the network sees; by default the images' size, which must then be the same for all.
        stored_size: side at which images are kept for augmentation to cut from, e.g. 256 for 224; by default the same.
        resize: crop scales the shorter side and cuts out the middle, stretch scales both sides.
        colour: rgb or grey, whatever the files hold.
        white: the value that is white, of images with more than 8 bits a channel; by default the highest that 16 bits
            have, 65535, which images must then come near. Others have no default.
        classes: how many, the first by name, or a list of names; by default all.
        per_class: number of training images of each class, chosen by a fixed key; by default all.
        skip_unreadable: whether files that are no whole image are left out; by default they are an error.
        storage: cache keeps the resized images in a file that all processes map; files decodes in every epoch.
        cache: folder of the resized images that storage=cache keeps; by default LITMUS_CACHE, else litmus in the user's
            cache folder.
        decode_workers: processes that decode; by default one a CPU.
    """
    if stored_size is not None and (image_size is None or stored_size < image_size):
        raise UserError(f"stored_size {stored_size} must be at least image_size, which is {image_size or 'not set'}")
    layout = read_layout(root, classes, per_class)
    size = image_size if stored_size is None else stored_size
    decoding = Decoding(size, resize, colour, white)
    workers = available_workers() if decode_workers is None else decode_workers
    place = cache_folder(cache)
    found = survey(layout, decoding, storage == "cache", skip_unreadable, place, workers)
    return _arrays(layout, found, decoding, image_size, workers)


def cache_folder(named: str | None) -> Path:
    """Return the folder of caches: the named one, else LITMUS_CACHE, else `litmus` in the user's cache folder."""
    if named is None:
        home = os.path.expanduser("~")
        default = os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache"
        if not os.environ.get("LITMUS_CACHE") and default.startswith("~"):
            raise UserError("there is no home folder for the cache of images: set HOME or LITMUS_CACHE")
        return Path(os.environ.get("LITMUS_CACHE") or Path(default) / "litmus")
    return Path(named).expanduser()


def _arrays(
    layout: FolderLayout, found: Survey, decoding: Decoding, image_size: int | None, workers: int
) -> ImageArrays:
    boundary = int(numpy.searchsorted(found.readable, len(layout.train)))
    files = [layout.files[index] for index in found.readable]
    digests = [digest.tobytes() for digest in found.digests]
    labels = torch.tensor([file.label for file in files], dtype=torch.int64)
    for split, present in (("training", labels[:boundary]), ("test", labels[boundary:])):
        absent = set(range(len(layout.classes))) - set(present.tolist())
        if absent:
            raise UserError(f"folder: class {layout.classes[min(absent)]!r} has no readable {split} image")
    if found.image_shape[1] != found.image_shape[2]:
        _, height, width = found.image_shape
        raise UserError(f"folder: the images are {width}×{height}, not square; resize them with --data.image_size")

    def images(part: slice) -> Images:
        if found.pixels is not None:
            return found.pixels[part]
        paths = tuple(file.path for file in files[part])
        return StreamedFiles(layout.root, paths, found.image_shape, decoding, workers, digests[part])

    return ImageArrays(
        images(slice(0, boundary)),
        labels[:boundary],
        images(slice(boundary, None)),
        labels[boundary:],
        layout.classes,
        input_size=image_size,
        sums=found.sums[:boundary],
        digests=(digests[:boundary], digests[boundary:]),
        content=_fingerprint(layout.classes, [file.path for file in files], labels, found.digests, boundary),
    )


def _fingerprint(
    classes: Sequence[str], paths: Sequence[str], labels: Tensor, digests: numpy.ndarray, boundary: int
) -> str:
    """Hash of the class list and of every file's place, class and content, whatever the size it is decoded at."""
    digest = hashlib.sha256(repr((VERSION, tuple(classes), boundary)).encode())
    digest.update("\0".join(paths).encode("utf-8", "surrogateescape"))
    digest.update(labels.numpy().tobytes())
    digest.update(numpy.ascontiguousarray(digests).tobytes())
    return digest.hexdigest()[:16]


def available_workers() -> int:
    """Return how many processes may decode: one a CPU that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
