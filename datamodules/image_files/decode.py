"""Decode image files into uint8 arrays of one size, one by one or in batches with worker processes."""

import hashlib
import io
import multiprocessing
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from litmus.core.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

Resize = Literal["crop", "stretch"]
Colour = Literal["rgb", "grey"]


class UnreadableImage(UserError):
    """A file that is no whole image; the message names it and says why."""


@dataclass(frozen=True)
class Decoding:
    """How a file becomes an array.

    Args:
        size: height and width of the result; None keeps the size of the image.
        resize: crop scales the shorter side to `size` and cuts out the middle, stretch scales both sides to it.
        colour: rgb or grey, whatever the file holds: transparency is dropped, palettes and CMYK are converted.
    """

    size: int | None = None
    resize: Resize = "crop"
    colour: Colour = "rgb"


def decode(data: bytes, path: str | Path, decoding: Decoding) -> numpy.ndarray:
    """Return the image as uint8 [C, H, W]; bilinear with antialiasing. Raises `UnreadableImage`."""
    # Imported here because workers and folders alone need it.
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            whole = converted(image, decoding.colour)
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises a dozen types for a damaged file
        reason = "empty file" if not data else " ".join(str(error).split()).replace("<_io.BytesIO object", "<file")
        raise UnreadableImage(f"{path} is no readable image ({reason[:120] or type(error).__name__})") from None
    if decoding.size is not None:
        whole = resized(whole, decoding.size, decoding.resize)
    pixels = numpy.asarray(whole)
    return pixels[None] if pixels.ndim == 2 else numpy.ascontiguousarray(pixels.transpose(2, 0, 1))


def converted(image: "Image.Image", colour: Colour) -> "Image.Image":
    """Return the image in 8 bits a channel, without transparency or palette."""
    from PIL import Image

    if image.mode.startswith("I"):
        # 16 bits a pixel: the upper 8, where Pillow's conversion would cut off at 255.
        image = Image.fromarray((numpy.asarray(image).astype(numpy.uint32) >> 8).astype(numpy.uint8))
    elif "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB" if colour == "rgb" else "L")


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
    digests, empty for those that could not; and why not, by place in the batch."""

    images: Tensor | None
    shapes: tuple[tuple[int, ...], ...]
    digests: tuple[bytes, ...]
    unreadable: dict[int, str]


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
        shapes, digests, unreadable = [], [], {}
        for place, index in enumerate(self.batches[number]):
            path = self.root / self.paths[index].decode("utf-8", "surrogateescape")
            try:
                data = path.read_bytes()
                images.append(decode(data, path, self.decoding))
                shapes.append(images[-1].shape)
                digests.append(hashlib.blake2b(data, digest_size=16).digest())
            except (OSError, UnreadableImage) as error:
                unreadable[place] = str(error) if isinstance(error, UnreadableImage) else f"{path}: {error.strerror}"
                shapes.append(())
                digests.append(b"")
        same = len({image.shape for image in images}) == 1
        stacked = torch.from_numpy(numpy.stack(images)) if same else None
        return Decoded(stacked, tuple(shapes), tuple(digests), unreadable)


def decode_batches(
    root: Path, paths: Sequence[str], batches: Sequence[numpy.ndarray], decoding: Decoding, workers: int
) -> Generator[Decoded, None, None]:
    """Yield the batches of indices into `paths`, decoded by `workers` processes, in order; 0 decodes in this one."""
    dataset = FileBatches(root, paths, batches, decoding)
    workers = min(workers, len(batches))
    # Forked where that exists, also inside of processes that start others in a slower way: workers are started anew in
    # every epoch and touch no GPU. The loader draws a seed for them from its `generator`, so that the
    # global one is left alone.
    forked = workers > 0 and "fork" in multiprocessing.get_all_start_methods()
    yield from DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="fork" if forked else None,
        generator=torch.Generator().manual_seed(0),
    )


@dataclass(frozen=True)
class StreamedFiles:
    """Images of one size that are decoded anew each time they are read."""

    root: Path
    paths: tuple[str, ...]
    image_shape: tuple[int, int, int]
    decoding: Decoding
    workers: int

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
                if decoded.images is None or tuple(decoded.images.shape[1:]) != self.image_shape:
                    raise UserError(f"{self.root}: the images changed while they were being read")
                yield decoded.images
