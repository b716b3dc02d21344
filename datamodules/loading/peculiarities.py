"""What someone should know about a dataset before training: repeated images, contradictory labels, rare classes."""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from litmus.core.formatting import listed, several
from litmus.datamodules.loading.arrays import ImageArrays, Images


def peculiarities(arrays: ImageArrays, train_indices: Tensor, val_indices: Tensor) -> list[str]:
    """Return a line for each peculiarity of a dataset whose training set is split into these indices.

    Images are the same where all pixels are, or all bytes of the files that they are read from.
    """
    train, test = arrays.digests or (_digests(arrays.train_images), _digests(arrays.test_images))
    lines = _dark(arrays, train_indices) + _repeated(train, test, train_indices.tolist(), val_indices.tolist())
    if arrays.train_labels.is_floating_point():
        return lines
    if arrays.train_masks is None or arrays.test_masks is None:
        labels = [*arrays.train_labels.tolist(), *arrays.test_labels.tolist()]
        of_splits = arrays.train_labels[train_indices], arrays.test_labels
        counts = [given.bincount(minlength=len(arrays.classes)).tolist() for given in of_splits]
        lone = [repr(name) for name, count in zip(arrays.classes, counts[0], strict=True) if count == 1]
        if lone:
            lines.append(f"one training image alone of {_some(lone, arrays)}")
    else:
        labels = [*_digests(arrays.train_masks), *_digests(arrays.test_masks)]
        of_splits = arrays.train_masks[train_indices], arrays.test_masks
        counts = [given.flatten().bincount(minlength=len(arrays.classes) + 1).tolist()[1:] for given in of_splits]
    for split, of_class in zip(("training", "test"), counts, strict=True):
        absent = [repr(name) for name, count in zip(arrays.classes, of_class, strict=True) if count == 0]
        if absent:
            hint = "; labels count from 0" if arrays.train_masks is None and of_class[0] == 0 else ""
            lines.append(f"no {split} image of {_some(absent, arrays)}{hint}")
    return lines + _contradictory([*train, *test], labels, len(train))


def _digests(images: Images) -> list[bytes]:
    assert isinstance(images, Tensor)
    rows = images.cpu().contiguous().numpy().reshape(len(images), -1)
    return [hashlib.blake2b(row.data, digest_size=16).digest() for row in rows]


def _some(names: Sequence[str], arrays: ImageArrays) -> str:
    return f"{len(names)} of {len(arrays.classes)} classes: {listed(names)}"


def _dark(arrays: ImageArrays, train_indices: Tensor) -> list[str]:
    total, squares = arrays.train_sums[train_indices].sum(0).double().unbind(1)
    pixels = len(train_indices) * arrays.train_images.shape[2] * arrays.train_images.shape[3]
    if torch.equal(total**2, squares * pixels):
        return ["all training images are of one colour throughout"]
    if arrays.digests is not None or not isinstance(arrays.train_images, Tensor):
        return []  # files are checked where they are decoded
    highest = int(arrays.train_images.max())
    return [f"the training images use the levels from 0 to {highest} of 255 alone"] if highest < 128 else []


def _repeated(
    train: Sequence[bytes], test: Sequence[bytes], trained: Sequence[int], held_out: Sequence[int]
) -> list[str]:
    seen, lines = {train[index] for index in trained}, []
    for split, digests in (("validation", [train[index] for index in held_out]), ("test", test)):
        count = sum(digest in seen for digest in digests)
        if count:
            lines.append(f"{count:,} of {len(digests):,} {split} images are also training images")
    return lines


def _contradictory(digests: Sequence[bytes], labels: Sequence[object], boundary: int) -> list[str]:
    first: dict[bytes, int] = {}
    pairs: dict[bytes, tuple[int, int]] = {}
    for place, digest in enumerate(digests):
        other = first.setdefault(digest, place)
        if labels[other] != labels[place]:
            pairs.setdefault(digest, (other, place))
    if not pairs:
        return []
    places = [
        f"training image {p}" if p < boundary else f"test image {p - boundary}" for p in next(iter(pairs.values()))
    ]
    return [f"{several(len(pairs), 'image')} with more than one label: {places[0]} is {places[1]}, with another label"]
