"""A dataset from the user's images: arrays, or a torchvision-style `Dataset`, checked and converted."""

import itertools
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from torch import Tensor

from litmus.core.errors import UserError
from litmus.core.keyed_random import permutation
from litmus.datamodules.loading.arrays import ImageArrays

TEST_SHARE = 5
"""Without a test set, one in five images is set aside as one."""

TWICE = 8
"""How many items of a `Dataset` are read twice, to see whether they are the same each time."""


def dataset(train: Any, test: Any = None, *, classes: Sequence[str] | None = None) -> ImageArrays:
    """Return a dataset of your images, for `datamodules.build` and `datamodules.register`.

    `train` and `test` are each a pair of arrays or a torchvision-style `Dataset` whose items are such pairs. A pair is
    images and labels, or images and masks. Arrays are NumPy's or PyTorch's: images [N, H, W], [N, C, H, W] or
    [N, H, W, C], uint8 of 0 to 255 or float of 0 to 1, before any normalisation; labels are whole numbers [N] from 0,
    or floats [N] or [N, D] that a custom task predicts; masks whole numbers [N, H, W] from 0, the background. An
    item's image may also be Pillow's. Float images are rounded to 256 levels.

    Where `test` is not given, a fifth of `train` is set aside by a fixed key, the same for every seed. `classes` names
    the labels 0, 1, ..., or the masks' values 1, 2, ...; by default the `Dataset`'s `classes`, else the numbers.

    Raises `UserError` in one line for a wrong shape, type or range, and for a `Dataset` whose items change.
    """
    found = _split("train", train)
    if test is None:
        held_out = permutation(len(found.images), 0, "own", "test")[: len(found.images) // TEST_SHARE]
        tested, found = found.divided(held_out)
        if not len(tested.images):
            raise UserError(f"train: {len(found.images)} images are too few to set a fifth of them aside as a test set")
    else:
        tested = _split("test", test)
    _require_alike(found, tested)
    names = _class_names(classes if classes is not None else getattr(train, "classes", None), found)
    for split in (found, tested):
        split.require_below(len(names) + split.segments, names)
    return ImageArrays(
        found.images,
        _labels(found),
        tested.images,
        _labels(tested),
        names,
        train_masks=found.targets[:, None].to(torch.uint8) if found.segments else None,
        test_masks=tested.targets[:, None].to(torch.uint8) if tested.segments else None,
    )


@dataclass(frozen=True)
class _Split:
    """A training or a test set: images, uint8 [N, C, H, W], and labels [N] or masks [N, H, W], int64."""

    name: str
    images: Tensor
    targets: Tensor

    @property
    def segments(self) -> bool:
        return self.targets.dim() == 3

    @property
    def continuous(self) -> bool:
        return self.targets.is_floating_point()

    def divided(self, indices: Tensor) -> "tuple[_Split, _Split]":
        """Return the images of these indices as the test set, and the others."""
        chosen = torch.zeros(len(self.images), dtype=torch.bool)
        chosen[indices] = True
        return (
            _Split("test", self.images[chosen], self.targets[chosen]),
            _Split(self.name, self.images[~chosen], self.targets[~chosen]),
        )

    def require_below(self, count: int, names: Sequence[str]) -> None:
        """Raise `UserError` for a label or mask value that is not from 0 to `count` - 1."""
        if self.continuous:
            return
        wrong = (self.targets < 0) | (self.targets >= count)
        if wrong.any():
            place = int(wrong.flatten().nonzero()[0])
            value, per_image = self.targets.flatten()[place].item(), self.targets[0].numel()
            what = "the mask" if self.segments else "the label"
            meant = f"{len(names)} classes" + (" and the background, 0" if self.segments else "")
            raise UserError(
                f"{self.name}: {what} of image {place // per_image} has the value {value}; for {meant}, values go from "
                f"0 to {count - 1}"
            )


def _split(name: str, given: Any) -> _Split:
    if isinstance(given, tuple | list):
        if len(given) != 2:
            raise UserError(f"{name}: expected images and labels, or images and masks; got {len(given)} values")
        images, targets = _pixels(name, given[0]), _targets(name, given[1])
    elif hasattr(given, "__getitem__") and hasattr(given, "__len__") and not _is_array(given):
        images, targets = _read_items(name, given)
    else:
        raise UserError(
            f"{name}: expected (images, labels), (images, masks) or a torchvision-style Dataset, "
            f"got {_kind(given) if _is_array(given) else type(given).__name__}"
        )
    if not len(images):
        raise UserError(f"{name}: no images")
    if len(images) != len(targets):
        raise UserError(f"{name}: {len(images)} images and {len(targets)} {'masks' if targets.dim() > 1 else 'labels'}")
    if targets.dim() == 4 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.is_floating_point():
        if targets.dim() not in (1, 2):
            raise UserError(f"{name}: numbers to predict are [N] or [N, D], got {list(targets.shape)}")
        if not targets.isfinite().all():
            raise UserError(f"{name}: a number to predict is not finite")
        return _Split(name, images, targets)
    if targets.numel() and targets.min() < 0:
        raise UserError(f"{name}: labels and masks start at 0, got {int(targets.min())}")
    if targets.dim() not in (1, 3):
        raise UserError(f"{name}: labels are [N] and masks [N, H, W], got {list(targets.shape)}")
    if targets.dim() == 3 and targets.shape[1:] != images.shape[2:]:
        mask, image = (f"{size[-1]}×{size[-2]}" for size in (targets.shape, images.shape))
        raise UserError(f"{name}: masks are {mask} and their images {image}")
    return _Split(name, images, targets)


def _is_array(value: Any) -> bool:
    return isinstance(value, Tensor | numpy.ndarray)


def _tensor(value: Any) -> Tensor:
    # A copy: what the caller does to its array later must not change the data.
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    try:
        array = numpy.array(value, order="C")
    except ValueError:  # lists of different lengths
        raise UserError("expected an array of numbers, got lists of different lengths; images need one size") from None
    if array.dtype.kind not in "buif":
        raise UserError(f"expected an array of numbers, got {_kind(array)}; images need one size")
    return torch.from_numpy(array)


def _kind(value: Any) -> str:
    return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"


def _pixels(name: str, given: Any, shown: str = "images") -> Tensor:
    """Return images as uint8 [N, C, H, W]."""
    images = _tensor(given)
    if images.dim() == 3:
        images = images[:, None]
    if images.dim() != 4:
        raise UserError(f"{name}: {shown} are [N, H, W], [N, C, H, W] or [N, H, W, C], got {_kind(_tensor(given))}")
    if images.shape[3] < images.shape[1]:
        # Channels are fewer than rows and columns.
        images = images.permute(0, 3, 1, 2)
    if not images.numel() or images.dtype == torch.uint8:
        return images.contiguous()
    low, high = images.double().aminmax()
    levels = 255 if images.is_floating_point() or images.dtype == torch.bool else 1
    highest = 255 // levels
    if not (low >= 0 and high <= highest):
        kind = "float" if levels == 255 else "whole-number"
        raise UserError(
            f"{name}: {kind} {shown} go from 0 to {highest}, got {low:.4g} to {high:.4g}; give pixels without "
            "normalisation, or uint8 from 0 to 255"
        )
    return images.double().mul(levels).round().to(torch.uint8).contiguous()


def _targets(name: str, given: Any) -> Tensor:
    targets = _tensor(given)
    if targets.is_complex():
        raise UserError(f"{name}: labels and masks are real numbers, got {_kind(targets)}")
    return targets.to(torch.float32 if targets.is_floating_point() else torch.int64)


def _read_items(name: str, given: Any) -> tuple[Tensor, Tensor]:
    """Return the images, uint8 [N, C, H, W], and the targets of a `Dataset`'s items."""
    count = len(given)
    items = [_item(name, given, index) for index in range(count)]
    for index in sorted({number * count // TWICE for number in range(TWICE)} if count else ()):
        again = _item(name, given, index)
        if any(not torch.equal(one, other) for one, other in zip(items[index], again, strict=True)):
            raise UserError(
                f"{name}: item {index} changes each time it is read; remove random transforms and use "
                "data.augment instead"
            )
    images, targets = [image for image, _ in items], [target for _, target in items]
    if {len(image) for image in images} == {1, 3}:
        images = [image.expand(3, -1, -1) for image in images]
    for what, tensors in (("image", images), ("target", targets)):
        for index, tensor in enumerate(tensors):
            if tensor.shape != tensors[0].shape:
                sizes = f"{list(tensor.shape)} and that of item 0 {list(tensors[0].shape)}"
                raise UserError(f"{name}: the {what} of item {index} is {sizes}; resize all images with a transform")
    if not items:
        return torch.empty(0, 1, 1, 1, dtype=torch.uint8), torch.empty(0, dtype=torch.int64)
    return torch.stack(images), torch.stack(targets)


def _item(name: str, given: Any, index: int) -> tuple[Tensor, Tensor]:
    try:
        item = given[index]
    except UserError:
        raise
    except Exception as error:  # the user's code may raise anything
        place = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        raise UserError(f"{name}: item {index}: {text} ({place.filename}, line {place.lineno})") from None
    if not isinstance(item, tuple | list) or len(item) != 2:
        kind = f"{len(item)} things" if isinstance(item, tuple | list) else type(item).__name__
        raise UserError(f"{name}: item {index}: expected an image and its label or mask, got {kind}")
    image, target = item
    if not _is_array(image) and not hasattr(image, "convert"):
        raise UserError(f"{name}: item {index}: expected an image of Pillow, NumPy or PyTorch, got {_type(image)}")
    pixels = _pixels(name, image[None] if _is_array(image) else numpy.asarray(_plain(image))[None])
    return pixels[0], _targets(name, numpy.asarray(target) if not isinstance(target, Tensor) else target)


def _plain(image: Any) -> Any:
    """Return Pillow's image in grey or in colour, without transparency or palette; as it is where it has more bits."""
    if image.mode[0] in "IF":
        return image
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _type(value: Any) -> str:
    return type(value).__name__


def _require_alike(train: _Split, test: _Split) -> None:
    if train.segments != test.segments:
        raise UserError("train and test: one has labels and the other masks")
    if train.continuous != test.continuous or (train.continuous and train.targets.shape[1:] != test.targets.shape[1:]):
        raise UserError("train and test: their labels are of different types")
    if train.images.shape[1:] != test.images.shape[1:]:
        shapes = " and ".join(str(list(each.images.shape[1:])) for each in (train, test))
        raise UserError(f"train and test: images are {shapes}; channels, height and width must be the same")


def _class_names(given: Sequence[Any] | None, train: _Split) -> tuple[str, ...]:
    if train.continuous:
        return ()
    highest = int(train.targets.max())
    if given is None:
        names = tuple(str(number) for number in range(1 if train.segments else 0, highest + 1))
    elif isinstance(given, str):
        raise UserError(f"classes: expected a list of names, got the text {given!r}")
    else:
        names = tuple(map(str, given))
    if len(names) < (1 if train.segments else 2):
        least = "a class besides the background" if train.segments else "two classes"
        raise UserError(f"train: at least {least} needed, and all values are {highest}")
    if train.segments and len(names) > 255:
        raise UserError(f"train: masks have values up to {highest}; at most 255 is possible")
    for name, repeated in itertools.groupby(sorted(names)):
        if len(list(repeated)) > 1:
            raise UserError(f"classes: {name!r} appears twice")
    return names


def _labels(split: _Split) -> Tensor:
    # What is segmented has no class as a whole.
    return torch.zeros(len(split.images), dtype=torch.int64) if split.segments else split.targets
