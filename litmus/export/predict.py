"""What a run's network says of image files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from PIL import Image
from torch import Tensor

from litmus.core.errors import UserError
from litmus.datamodules.image_files.decode import Colour, Decoding, Resize, decode
from litmus.export.load_model import ImageModel, fitted, resized_to
from litmus.records.storage import storage_errors

UNSEEN = 255
"""The value of a mask's pixels that the network did not see: those outside the middle that was cut out."""


@dataclass(frozen=True)
class ImageFile:
    """A file to predict: its path, and the path below the folder that was given, by which its mask is called."""

    path: Path
    name: Path


@dataclass(frozen=True)
class Prediction:
    """What the network says of one file.

    A probability for each class, or a score where its loss makes no probabilities; where it segments, the share of
    pixels that is each class's, and the class of each pixel, uint8 [height, width] of the image as it is.
    """

    file: ImageFile
    values: Tensor
    mask: numpy.ndarray | None = None


def image_files(named: Sequence[str]) -> list[ImageFile]:
    """Return the files that are named and those of the folders that are, sorted.

    Of a folder, hidden files and those whose name ends like no image's are left out. Raises `UserError` for a path that
    is not there and a folder without images.
    """
    endings = set(Image.registered_extensions())
    found: list[ImageFile] = []
    for each in named:
        path = Path(each)
        if path.is_dir():
            below = sorted(file for file in path.rglob("*") if file.suffix.lower() in endings and file.is_file())
            shown = [file for file in below if not any(part.startswith(".") for part in file.relative_to(path).parts)]
            if not shown:
                raise UserError(f"{each}: no images in this folder")
            found += [ImageFile(file, file.relative_to(path)) for file in shown]
        elif path.is_file():
            found.append(ImageFile(path, Path(path.name)))
        else:
            raise UserError(f"{each}: no such file or folder")
    return found


def predictions(model: ImageModel, files: Sequence[ImageFile], batch_size: int) -> Iterator[Prediction]:
    """Yield what `model` says of each file, in order, on the device that it lies on.

    Raises `UserError` for a file that is no readable image, and for a network whose task is neither classification nor
    segmentation.
    """
    if model.task not in ("classification", "segmentation"):
        raise UserError(f"{model.title}: it does {model.task}; in Python litmus.load_model gives its outputs")
    device = next(model.buffers()).device
    for start in range(0, len(files), batch_size):
        chunk = files[start : start + batch_size]
        images, sizes = zip(*(_read(model, file.path) for file in chunk), strict=True)
        with torch.inference_mode():
            outputs = model(torch.cat(images).to(device)).float()
            outputs = (outputs.softmax(1) if model.probabilistic else outputs).cpu()
        for file, output, size in zip(chunk, outputs, sizes, strict=True):
            if model.task == "classification":
                yield Prediction(file, output)
                continue
            classes = output.argmax(0).to(torch.uint8)
            shares = torch.bincount(classes.flatten().long(), minlength=len(model.classes)) / classes.numel()
            yield Prediction(file, shares, _of_size(classes, size, model))


def write_mask(prediction: Prediction, folder: Path) -> Path:
    """Write a prediction's mask as a PNG of class indices with a palette, and return its path."""
    assert prediction.mask is not None
    path = folder / prediction.file.name.with_suffix(".png")
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(prediction.mask)
        image.putpalette(_palette())
        image.save(path)
    return path


def _read(model: ImageModel, path: Path) -> tuple[Tensor, tuple[int, int]]:
    """Return a file as the network's data module would store it, uint8 [1, C, H, W], and its own height and width."""
    (height, width), channels = model.input.stored, model.input.shape[0]
    if channels not in (1, 3):
        raise UserError(f"{model.title}: it takes images of {channels} channels, which image files do not have")
    colour: Colour = "grey" if channels == 1 else "rgb"
    resize: Resize = "stretch" if model.input.resize == "stretch" else "crop"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    own = torch.tensor(decode(data, path, Decoding(None, resize, colour, model.input.white)).pixels)[None]
    size = (own.shape[2], own.shape[3])
    if height != width or size == (height, width):
        # Sides of different length are fitted by the model itself.
        return fitted(own, (height, width), resize), size
    return torch.tensor(decode(data, path, Decoding(height, resize, colour, model.input.white)).pixels)[None], size


def _of_size(classes: Tensor, size: tuple[int, int], model: ImageModel) -> numpy.ndarray:
    """Return the classes that were seen, [H, W], at their places in an image of `size`; each pixel has the nearest."""
    stored, target = model.input.stored, resized_to(*size, model.input.stored, model.input.resize)
    places, seen = [], []
    for axis in (0, 1):
        # The middle is cut out twice: of the resized image, and of the stored one.
        first = round((target[axis] - stored[axis]) / 2) + round((stored[axis] - classes.shape[axis]) / 2)
        place = ((numpy.arange(size[axis]) + 0.5) * target[axis] / size[axis]).astype(int) - first
        places.append(place.clip(0, classes.shape[axis] - 1))
        seen.append((place >= 0) & (place < classes.shape[axis]))
    mask = classes.numpy()[numpy.ix_(*places)]
    return numpy.where(numpy.outer(*seen), mask, UNSEEN).astype(numpy.uint8)


def _palette() -> list[int]:
    """Return the colours of the classes, those of PASCAL VOC: the bits of the index, spread over red, green, blue."""
    return [
        sum(((index >> (3 * bit + channel)) & 1) << (7 - bit) for bit in range(8))
        for index in range(256)
        for channel in range(3)
    ]
