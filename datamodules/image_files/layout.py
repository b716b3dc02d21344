"""Which files of an image folder are the training and which the test set, and of which class each is."""

import csv
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy

from litmus.core.errors import UserError, unknown_name
from litmus.core.keyed_random import permutation

NOT_IMAGES = ("Thumbs.db", "desktop.ini")
ANNOTATIONS = "val_annotations.txt"
"""Tiny-ImageNet's file that gives the class of each image in `val/images`."""


@dataclass(frozen=True)
class ImageFile:
    """One file: its path below the root, its class, its size in bytes, and its times in nanoseconds.

    `modified` can be set by anyone; `changed` is the system's time of the last change of content, name or permissions.
    """

    path: str
    label: int
    size: int
    modified: int
    changed: int


@dataclass(frozen=True)
class FolderLayout:
    """The files of an image folder, sorted by class and path; `selection` says which part of it was asked for."""

    root: Path
    classes: tuple[str, ...]
    train: tuple[ImageFile, ...]
    test: tuple[ImageFile, ...]
    selection: str = ""

    @property
    def files(self) -> tuple[ImageFile, ...]:
        """The training files, then the test files."""
        return self.train + self.test

    @property
    def state(self) -> str:
        """Hash of every path, class, size and time: what changes when a file does."""
        content = numpy.array(
            [(file.label, file.size, file.modified, file.changed) for file in self.files], dtype=numpy.int64
        )
        digest = hashlib.sha256(content.tobytes())
        digest.update(repr((len(self.train), self.classes)).encode())
        digest.update("\0".join(file.path for file in self.files).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()[:16]


def read_layout(root: str, classes: int | Sequence[str] | None, per_class: int | None) -> FolderLayout:
    """Return the files of the image folder `root`, of the chosen classes.

    `train/` has one subfolder a class. The test set is `test/` where that has class subfolders, else `val/`; the
    validation split is cut from `train/` in every case, so that the test set plays no part in any choice. Where both
    are there, `val/` is not read. `val/` may also be laid out as Tiny-ImageNet's: all images in `val/images`, their
    classes in `val/val_annotations.txt`.

    `classes` is a number, for the first so many by name, or a list of names; `per_class` keeps so many training
    images of each, chosen by a fixed key. Raises `UserError` for a folder that is not of this form.
    """
    place = Path(root)
    if not place.is_dir():
        raise UserError(
            f"folder: data.root {root!r} does not exist" if not place.exists() else f"{root} is not a folder"
        )
    if not (place / "train").is_dir():
        raise UserError(f"folder: {root} has no train/; it holds {content_of(place)}")
    available = _subfolders(place / "train")
    if not available:
        raise UserError(f"folder: {place / 'train'} has no class subfolders; it holds {content_of(place / 'train')}")
    chosen = _choose(available, classes)
    train = [_class_files(place, place / "train" / name, label) for label, name in enumerate(chosen)]
    test = _test_files(place, chosen, set(available))
    for split, files in (("training", train), ("test", test)):
        for name, of_class in zip(chosen, files, strict=True):
            if not of_class:
                raise UserError(f"folder: class {name!r} has no {split} images in {place}")
    if per_class is not None:
        train = [_keep(files, per_class, name) for files, name in zip(train, chosen, strict=True)]
    return FolderLayout(place.absolute(), chosen, tuple(chain(*train)), tuple(chain(*test)), repr((chosen, per_class)))


def _test_files(place: Path, chosen: Sequence[str], trained: set[str]) -> list[list[ImageFile]]:
    annotated = place / "val" / ANNOTATIONS
    labelled_test = set(_subfolders(place / "test")) & trained if (place / "test").is_dir() else set()
    if not labelled_test and annotated.is_file():
        return _annotated(place, annotated, chosen)
    # Tiny-ImageNet's test/ has no classes: it cannot be the test set.
    split = place / "test" if labelled_test else place / "val"
    if not split.is_dir():
        raise UserError(
            f"folder: {place} has neither val/ nor a test/ with class subfolders; it holds {content_of(place)}"
        )
    found = _subfolders(split)
    unknown = [name for name in found if name not in trained]
    if unknown:
        raise UserError(f"folder: class {unknown[0]!r} is in {split} but not in {place / 'train'}")
    for name in chosen:
        if name not in found:
            raise UserError(f"folder: class {name!r} is in {place / 'train'} but not in {split}")
    return [_class_files(place, split / name, label) for label, name in enumerate(chosen)]


def _annotated(place: Path, annotations: Path, chosen: Sequence[str]) -> list[list[ImageFile]]:
    labels = {name: label for label, name in enumerate(chosen)}
    files: list[list[ImageFile]] = [[] for _ in chosen]
    with open(annotations, newline="") as lines:
        for number, row in enumerate(csv.reader(lines, delimiter="\t"), start=1):
            if len(row) < 2:
                raise UserError(f"{annotations}, line {number}: expected a file name and a class, separated by a tab")
            if row[1] in labels:
                path = annotations.parent / "images" / row[0]
                try:
                    status = path.stat()
                except OSError as error:
                    raise UserError(f"{annotations}, line {number}: {path}: {error.strerror}") from None
                label = labels[row[1]]
                files[label].append(_file(place, str(path), label, status))
    return [sorted(of_class, key=lambda file: file.path) for of_class in files]


def _choose(available: Sequence[str], classes: int | Sequence[str] | None) -> tuple[str, ...]:
    if classes is None:
        return tuple(available)
    if isinstance(classes, int):
        if not 2 <= classes <= len(available):
            raise UserError(f"classes must be between 2 and {len(available)}, the number of classes, got {classes}")
        return tuple(available[:classes])
    for name in classes:
        if name not in available:
            raise unknown_name("class", name, available)
    if len(set(classes)) < max(2, len(classes)):
        raise UserError(f"classes must be at least 2 different ones, got {', '.join(classes) or 'none'}")
    return tuple(sorted(classes))


def _keep(files: list[ImageFile], count: int, name: str) -> list[ImageFile]:
    if not 1 <= count <= len(files):
        raise UserError(f"per_class {count}: class {name!r} has {len(files)} training images")
    kept = permutation(len(files), 0, "folder", "per_class", name)[:count].sort().values
    return [files[index] for index in kept.tolist()]


def _class_files(place: Path, folder: Path, label: int) -> list[ImageFile]:
    return sorted(_walk(place, str(folder), label), key=lambda file: file.path)


def _walk(place: Path, folder: str, label: int) -> Iterator[ImageFile]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name in NOT_IMAGES or entry.name.endswith("_boxes.txt"):
                    continue
                if entry.is_dir():
                    yield from _walk(place, entry.path, label)
                else:
                    yield _file(place, entry.path, label, entry.stat())
    except OSError as error:
        raise UserError(f"folder: cannot read {error.filename or folder}: {error.strerror}") from None


def _file(place: Path, path: str, label: int, status: os.stat_result) -> ImageFile:
    return ImageFile(os.path.relpath(path, place), label, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _subfolders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def content_of(folder: Path) -> str:
    """Return the first names in a folder, for an error about it."""
    names = sorted(entry.name for entry in folder.iterdir())
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "nothing"
