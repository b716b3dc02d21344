"""Decode image files into uint8 arrays of one size, one by one or in batches with worker processes."""

import hashlib
import io
import multiprocessing
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from litmus.core.errors import UserError
from litmus.datamodules.image_files.progress import announce

if TYPE_CHECKING:
    from PIL import Image

Resize = Literal["crop", "stretch"]
Colour = Literal["rgb", "grey"]

SILENT_SECONDS = 600
"""Processes that decode no batch for this long hang."""


class UnreadableImage(UserError):
    """A file that is no whole image; the message names it and says why."""


@dataclass(frozen=True)
class Decoding:
    """How a file becomes an array.

    Args:
        size: height and width of the result; None keeps the size of the image.
        resize: crop scales the shorter side to `size` and cuts out the middle, stretch scales both sides to it.
        colour: rgb or grey, whatever the file holds: transparency is dropped, palettes and CMYK are converted.
        white: the value that becomes 255, of images with more than 8 bits a channel; None is 65535 for 16 bits.
    """

    size: int | None = None
    resize: Resize = "crop"
    colour: Colour = "rgb"
    white: float | None = None


@dataclass(frozen=True)
class DecodedImage:
    """An image as uint8 [C, H, W]; the highest value in its file, where that has more than 8 bits a channel; and
    whether its EXIF data turned it."""

    pixels: numpy.ndarray
    highest: float | None = None
    turned: bool = False


TURNS = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE",
         8: "ROTATE_90"}  # fmt: skip
"""What turns an image upright, by the value of EXIF's tag `Orientation`, of CIPA DC-008, 4.6.4."""


def decode(data: bytes, path: str | Path, decoding: Decoding) -> DecodedImage:
    """Return the image, upright as its EXIF data say; resized bilinearly with antialiasing.

    Raises `UnreadableImage`, and `UserError` for values that `decoding.white` does not fit.
    """
    # Imported here because workers and folders alone need it.
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            whole, highest = converted(image, decoding)
            orientation = orientation_of(image)
    except MemoryError:
        raise
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # Pillow raises a dozen types for a damaged file
        reason = "empty file" if not data else " ".join(str(error).split()).replace("<_io.BytesIO object", "<file")
        raise UnreadableImage(f"{path} is no readable image ({reason[:120] or type(error).__name__})") from None
    if orientation in TURNS:
        whole = whole.transpose(Image.Transpose[TURNS[orientation]])
    if decoding.size is not None:
        whole = resized(whole, decoding.size, decoding.resize)
    pixels = numpy.asarray(whole)
    pixels = pixels[None] if pixels.ndim == 2 else numpy.ascontiguousarray(pixels.transpose(2, 0, 1))
    return DecodedImage(pixels, highest, orientation in TURNS)


def orientation_of(image: "Image.Image") -> int:
    """Return the value of EXIF's tag `Orientation`, 1 where there is none that can be read."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # Pillow raises several types for damaged EXIF data, whose image is whole
        return 1


def converted(image: "Image.Image", decoding: Decoding) -> "tuple[Image.Image, float | None]":
    """Return the image in 8 bits a channel, without transparency or palette, and its highest value if it had more.

    Raises `UserError` for values of another range than `decoding.white` and the format allow.
    """
    from PIL import Image

    stored = str(getattr(image, "tile", None) or "")  # how Pillow names the form of the pixels in the file
    sixteen = "16" in image.mode or re.search(r";16[BLN]\b", stored) or (image.format, image.mode) == ("PPM", "I")
    highest = None
    if image.mode[0] in "IF":
        values = numpy.asarray(image)
        lowest, highest = float(values.min()), float(values.max())
        white = decoding.white or (65535 if sixteen else None)
        if white is None or not 0 <= lowest <= highest <= white:
            kind = "numbers" if values.dtype.kind == "f" else "whole numbers"
            raise UserError(f"{kind} from {lowest:g} to {highest:g}; say which value is white with --data.white NUMBER")
        if values.dtype.kind == "f" or white < 255:
            levels = (values * (255 / white)).round()
        else:
            levels = values.astype(int) * 256 // int(white + 1)  # levels of equal width: of 16 bits the upper 8
        image = Image.fromarray(levels.astype(numpy.uint8))
    elif sixteen:
        if decoding.white not in (None, 65535):
            raise UserError("a colour image of 16 bits loses its lower 8 bits; convert the file to 8 bits")
        highest = 256.0 * int(numpy.asarray(image.convert("RGB")).max()) + 255
    if "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB" if decoding.colour == "rgb" else "L"), highest


def resized(image: "Image.Image", size: int, resize: Resize, nearest: bool = False) -> "Image.Image":
    """Return a square of the image: bilinear with antialiasing, or each pixel the `nearest`, for masks."""
    from PIL import Image

    how = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    if image.size == (size, size):
        return image
    if resize == "stretch":
        return image.resize((size, size), how)
    width, height = image.size
    # As torchvision's Resize and CenterCrop round.
    if width < height:
        width, height = size, int(size * height / width)
    else:
        width, height = int(size * width / height), size
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.resize((width, height), how).crop((left, top, left + size, top + size))


@dataclass(frozen=True)
class Decoded:
    """A batch of files: the images that could be read, uint8 [N, C, H, W], where all have one size; the files'
    digests, empty for those that could not; and why not, by place in the batch.

    `highest` is the highest value of all files with more than 8 bits a channel, None without one; `turned` says how
    many EXIF data turned, and `refused` why a file does not fit the decoding.
    """

    images: Tensor | numpy.ndarray | None
    shapes: tuple[tuple[int, ...], ...]
    digests: tuple[bytes, ...]
    unreadable: dict[int, str]
    highest: float | None = None
    turned: int = 0
    refused: str = ""


def _shared(images: numpy.ndarray) -> Tensor | numpy.ndarray:
    """Return the images in memory that a worker shares with its parent; as they are, to be sent, where none is left."""
    if get_worker_info() is None:
        return torch.from_numpy(images)
    # Done here and not when they are sent, where an error is lost and the parent waits for ever.
    try:
        return torch.from_numpy(images).share_memory_()
    except RuntimeError:
        return images


class FileBatches(Dataset[Decoded]):
    """Batches of files, each decoded as it is asked for; errors are returned, for a worker process to hand over."""

    def __init__(self, root: Path, paths: Sequence[str], batches: Sequence[numpy.ndarray], decoding: Decoding) -> None:
        self.root = root
        # Joined into one array of bytes: a list of a million strings would be copied into every worker, page by page.
        self.paths = numpy.array([path.encode("utf-8", "surrogateescape") for path in paths], dtype=numpy.bytes_)
        self.batches = batches
        self.decoding = decoding

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> Decoded:
        images: list[numpy.ndarray] = []
        highest: list[float] = []
        shapes, digests, unreadable, turned = [], [], {}, 0
        for place, index in enumerate(self.batches[number]):
            path = self.root / self.paths[index].decode("utf-8", "surrogateescape")
            try:
                data = path.read_bytes()
                found = decode(data, path, self.decoding)
                images.append(found.pixels)
                highest += [] if found.highest is None else [found.highest]
                turned += found.turned
                shapes.append(images[-1].shape)
                digests.append(hashlib.blake2b(data, digest_size=16).digest())
            except (OSError, UnreadableImage) as error:
                unreadable[place] = str(error) if isinstance(error, UnreadableImage) else f"{path}: {error.strerror}"
                shapes.append(())
                digests.append(b"")
            except UserError as error:
                return Decoded(None, (), (), {}, refused=str(error))
        same = len({image.shape for image in images}) == 1
        stacked = _shared(numpy.stack(images)) if same else None
        return Decoded(stacked, tuple(shapes), tuple(digests), unreadable, max(highest, default=None), turned)


def decode_batches(
    root: Path, paths: Sequence[str], batches: Sequence[numpy.ndarray], decoding: Decoding, workers: int
) -> Generator[Decoded, None, None]:
    """Yield the batches of indices into `paths`, decoded by `workers` processes, in order; 0 decodes in this one.

    Raises `UserError` for a file that does not fit the decoding, and `RuntimeError` where a process was killed or gives
    no batch for `SILENT_SECONDS`.
    """
    dataset = FileBatches(root, paths, batches, decoding)
    workers, full = min(workers, len(batches)), False
    # Forked where that exists, also inside of processes that start others in a slower way: workers are started anew in
    # every epoch and touch no GPU. The loader draws a seed for them from its `generator`, so that the
    # global one is left alone.
    forked = workers > 0 and "fork" in multiprocessing.get_all_start_methods()
    for decoded in DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="fork" if forked else None,
        generator=torch.Generator().manual_seed(0),
        timeout=SILENT_SECONDS if workers else 0,
    ):
        if decoded.refused:
            raise UserError(decoded.refused)
        if isinstance(decoded.images, numpy.ndarray):
            if not full:
                announce(
                    f"{root.name}: /dev/shm is full, so that images are sent through pipes, more slowly; enlarge it "
                    "(docker run --shm-size 2g), or give fewer --data.decode_workers"
                )
            full, decoded = True, replace(decoded, images=torch.from_numpy(decoded.images))
        yield decoded


@dataclass(frozen=True)
class StreamedFiles:
    """Images of one size that are decoded anew each time they are read."""

    root: Path
    paths: tuple[str, ...]
    image_shape: tuple[int, int, int]
    decoding: Decoding
    workers: int
    digests: Sequence[bytes]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Number, channels, height and width."""
        return len(self.paths), *self.image_shape

    def __len__(self) -> int:
        return len(self.paths)

    def stream(self, batches: Sequence[Tensor]) -> Iterator[Tensor]:
        """Yield the uint8 images [N, C, H, W] of each batch of indices, in order. Raises `UnreadableImage`."""
        wanted = [batch.cpu().numpy() for batch in batches]
        with closing(decode_batches(self.root, self.paths, wanted, self.decoding, self.workers)) as decoded_batches:
            for batch, decoded in zip(wanted, decoded_batches, strict=True):
                if decoded.unreadable:
                    raise UnreadableImage(next(iter(decoded.unreadable.values())))
                if not len(batch):
                    yield torch.empty((0, *self.image_shape), dtype=torch.uint8)
                    continue
                for index, digest in zip(batch.tolist(), decoded.digests, strict=True):
                    if digest != self.digests[index]:
                        raise UserError(f"{self.root / self.paths[index]} changed after the start")
                assert isinstance(decoded.images, Tensor)
                yield decoded.images
