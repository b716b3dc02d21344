"""A folder of images and masks, for segmentation."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy
import torch
from pydantic import NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor

from litmus.core.config_keys import Role
from litmus.core.errors import UserError
from litmus.core.keyed_random import permutation
from litmus.datamodules.folder import available_workers, cache_folder
from litmus.datamodules.image_files.decode import TURNS, Colour, Decoding, Resize, orientation_of, resized
from litmus.datamodules.image_files.layout import FolderLayout, ImageFile, content_of
from litmus.datamodules.image_files.survey import VERSION, survey
from litmus.datamodules.loading.registry import ImageArrays, register

TEST_SHARE = 5
"""Without a test set, one in five images is set aside as one."""

Pair = tuple[ImageFile, Path]
"""An image and its mask."""


@register("mask_folder")
def mask_folder(
    root: str,
    image_size: PositiveInt | None = None,
    resize: Resize = "crop",
    colour: Colour = "rgb",
    white: PositiveFloat | None = None,
    classes: list[str] | None = None,
    values: list[int] | None = None,
    cache: Annotated[str | None, Role.PLACE] = None,
    decode_workers: Annotated[NonNegativeInt | None, Role.PLACE] = None,
) -> ImageArrays:
    """A folder of images/ and masks/ of equal names, for segmentation; or train/ and test/ with both in each.

    A mask is a grey or palette PNG of its image's size, whose values are class indices; 0 is the background. Without
    test/ (or val/, where that is absent), a fifth of the images is set aside by a fixed key as the test set.

    Args:
        root: the folder.
        image_size: side of what the network sees; by default the images' size, which must then be the same for all.
        resize: crop scales the shorter side and cuts out the middle, stretch scales both sides.
        colour: rgb or grey, whatever the files hold.
        white: the value that is white, of images with more than 8 bits a channel; by default 65535 for 16 bits.
        classes: names of the classes, the masks' values 1, 2, ...; by default these numbers.
        values: the masks' values of the background and of each class, e.g. [0, 255]; by default 0, 1, 2, ...
        cache: folder of the resized images; by default LITMUS_CACHE, else litmus in the user's cache folder.
        decode_workers: processes that decode; by default one a CPU.
    """
    train, test = _pairs(root)
    pairs, boundary = [*train, *test], len(train)
    layout = FolderLayout(
        Path(root).absolute(), (), tuple(image for image, _ in train), tuple(image for image, _ in test), "masks"
    )
    workers = available_workers() if decode_workers is None else decode_workers
    found = survey(layout, Decoding(image_size, resize, colour, white), True, False, cache_folder(cache), workers)
    _, height, width = found.image_shape
    if height != width:
        raise UserError(f"mask_folder: the images are {width}×{height}, not square; resize them with --data.image_size")
    masks, digests = zip(*(_mask(root, pair, image_size, resize) for pair in pairs), strict=True)
    indices, names = _indexed(torch.stack(masks), classes, values, [mask for _, mask in pairs])
    content = hashlib.sha256(repr((VERSION, names, values, boundary)).encode())
    content.update("\0".join(image.path for image, _ in pairs).encode("utf-8", "surrogateescape"))
    content.update(numpy.ascontiguousarray(found.digests).tobytes() + b"".join(digests))
    assert found.pixels is not None
    nothing = torch.zeros(len(pairs), dtype=torch.int64)
    images = [digest.tobytes() for digest in found.digests]
    return ImageArrays(
        found.pixels[:boundary],
        nothing[:boundary],
        found.pixels[boundary:],
        nothing[boundary:],
        names,
        train_masks=indices[:boundary],
        test_masks=indices[boundary:],
        sums=found.sums[:boundary],
        digests=(images[:boundary], images[boundary:]),
        content=content.hexdigest()[:16],
    )


def _pairs(root: str) -> tuple[list[Pair], list[Pair]]:
    """Return the training and the test images with their masks, sorted."""
    place = Path(root)
    if not place.is_dir():
        raise UserError(f"mask_folder: data.root {root!r} {'is not a folder' if place.exists() else 'does not exist'}")
    if (place / "images").is_dir():
        every = _pairs_of(place, place)
        held_out = set(permutation(len(every), 0, "mask_folder", "test")[: len(every) // TEST_SHARE].tolist())
        if not held_out:
            raise UserError(f"mask_folder: {len(every)} images in {place} are too few to set a fifth of them aside")
        return (
            [pair for index, pair in enumerate(every) if index not in held_out],
            [pair for index, pair in enumerate(every) if index in held_out],
        )
    if not (place / "train").is_dir():
        raise UserError(f"mask_folder: {root} has neither images/ nor train/; it holds {content_of(place)}")
    split = next((place / name for name in ("test", "val") if (place / name).is_dir()), None)
    if split is None:
        raise UserError(f"mask_folder: {root} has train/ and neither test/ nor val/; it holds {content_of(place)}")
    return _pairs_of(place, place / "train"), _pairs_of(place, split)


def _pairs_of(root: Path, folder: Path) -> list[Pair]:
    images, masks = _by_stem(folder / "images"), _by_stem(folder / "masks")
    for stem, file in images.items():
        if stem not in masks:
            raise UserError(f"mask_folder: {file} has no mask: {folder / 'masks'} holds no {stem}.png")
    for stem, file in masks.items():
        if stem not in images:
            raise UserError(f"mask_folder: the mask {file} has no image in {folder / 'images'}")
    return [(_image_file(root, file), masks[stem]) for stem, file in images.items()]


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise UserError(f"mask_folder: {folder.parent} has no {folder.name}/; it holds {content_of(folder.parent)}")
    found: dict[str, Path] = {}
    for file in sorted(folder.rglob("*")):
        below = file.relative_to(folder)
        if not file.is_file() or any(part.startswith(".") for part in below.parts):
            continue
        stem = str(below.with_suffix(""))
        if stem in found:
            raise UserError(f"mask_folder: {found[stem]} and {file.name} have the same name; rename one of them")
        found[stem] = file
    if not found:
        raise UserError(f"mask_folder: {folder} is empty")
    return found


def _image_file(root: Path, file: Path) -> ImageFile:
    status = file.stat()
    return ImageFile(str(file.relative_to(root)), 0, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _mask(root: str, pair: Pair, size: int | None, resize: Resize) -> tuple[Tensor, bytes]:
    """Return a mask, uint8 [1, H, W] as its file has it, at the size of the images, and the file's digest."""
    from PIL import Image

    image, path = pair
    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as mask, Image.open(Path(root) / image.path) as whole:
            mask.load()
            size_of_mask, size_of_image, mode = mask.size, whole.size, mask.mode
            turned = orientation_of(whole) in TURNS
            fitted = mask if size is None else resized(mask, size, resize, nearest=True)
            values = numpy.array(fitted)
    except Exception as error:  # Pillow raises a dozen types for a damaged file
        raise UserError(f"mask_folder: {path} is not a readable mask ({' '.join(str(error).split())[:120]})") from None
    if turned:
        raise UserError(
            f"mask_folder: {image.path} has an EXIF orientation, which its mask may not follow; "
            "save the image upright, without EXIF orientation"
        )
    if size_of_mask != size_of_image:
        sizes = "{}×{} and its image {} {}×{}".format(*size_of_mask, image.path, *size_of_image)
        raise UserError(f"mask_folder: the mask {path} is {sizes}")
    if values.ndim != 2:
        raise UserError(
            f"mask_folder: the mask {path} is a colour image ({mode}); expected class indices, grey or with a palette"
        )
    if values.max() > 255:
        raise UserError(f"mask_folder: the mask {path} has the value {values.max()}; at most 255 is possible")
    return torch.from_numpy(values.astype(numpy.uint8))[None], hashlib.blake2b(data, digest_size=16).digest()


def _indexed(
    masks: Tensor, classes: Sequence[str] | None, values: Sequence[int] | None, files: Sequence[Path]
) -> tuple[Tensor, tuple[str, ...]]:
    """Return masks [N, 1, H, W] as class indices, 0 the background, and the names of the classes."""
    present = masks.flatten().bincount(minlength=256).nonzero().flatten().tolist()
    if values is not None and (len(set(values)) < max(2, len(values)) or not all(0 <= each < 256 for each in values)):
        raise UserError(f"values must be at least two different numbers of 0 to 255, got {list(values)}")
    if values is not None and classes is not None and len(values) != len(classes) + 1:
        raise UserError(
            f"values names {len(values)}, the background's first, and classes {len(classes)}: expected one more"
        )
    highest = len(classes) if classes is not None else max(present)
    meant = list(values) if values is not None else list(range(highest + 1))
    strange = [value for value in present if value not in meant]
    missing = [value for value in meant if value not in present] if classes is None else []
    if strange:
        first = files[int((masks == strange[0]).flatten(1).any(1).nonzero()[0])]
        raise UserError(
            f"mask_folder: the mask {first} has the value {strange[0]}, not one of {', '.join(map(str, meant))}; "
            "list all values with --data.values and the classes with --data.classes"
        )
    if len(meant) < 2:
        raise UserError(
            "mask_folder: every mask is 0 everywhere; at least one class other than the background is needed"
        )
    if missing:
        raise UserError(
            f"mask_folder: the masks' values are {', '.join(map(str, present))}, and {missing[0]} is not among them; "
            f"name the values, e.g. --data.values '{present}', or all classes with --data.classes"
        )
    table = torch.zeros(256, dtype=torch.uint8)
    for index, value in enumerate(meant):
        table[value] = index
    return table[masks.long()], tuple(classes or map(str, range(1, len(meant))))
