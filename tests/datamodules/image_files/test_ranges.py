"""Images with more than 8 bits a channel, and images that a camera turned."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch
from drawn_folder import GREY, all_images, build, cache_content, make_folder
from PIL import Image

from litmus.core.errors import UserError
from litmus.datamodules.image_files.decode import TURNS, Decoding, decode

Pixels = numpy.ndarray


def encoded(pixels: Pixels, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format=format, **options)
    return file.getvalue()


def colour_of_16_bits(grey: Pixels) -> bytes:
    """Return a PNG of 16 bits a channel, which Pillow cannot write."""
    rows = b"".join(b"\0" + numpy.stack((row,) * 3, 1).astype(">u2").tobytes() for row in grey)
    header = struct.pack(">IIBBBBB", grey.shape[1], grey.shape[0], 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    parts = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def folder_of(root: Path, encode: Callable[[Pixels], bytes]) -> tuple[Path, torch.Tensor]:
    """Draw a folder of grey images, written by `encode`, and return it with the training images."""
    make_folder(root)
    for file in sorted(root.rglob("*.png")):
        red = numpy.asarray(Image.open(file))[..., 0]
        file.write_bytes(encode(red))
    files = [root / "train" / name / f"{number}.png" for name in ("ant", "bee", "cat") for number in range(8)]
    originals = [
        numpy.asarray(Image.open(file)) for file in sorted(make_folder(root.parent / "reds").rglob("train/*/*"))
    ]
    assert len(files) == len(originals)
    return root, torch.tensor(numpy.stack(originals)[..., 0])[:, None]


def png_of(factor: int, offset: int = 0) -> Callable[[Pixels], bytes]:
    return lambda red: encoded(red.astype(numpy.uint16) * factor + offset, "PNG")


def tiff_of(dtype: type, factor: float) -> Callable[[Pixels], bytes]:
    return lambda red: encoded((red.astype(numpy.float32) * factor).astype(dtype), "TIFF")


CASES: dict[str, tuple[Callable[[Pixels], bytes], str, float | None]] = {
    "16 bits": (png_of(257), "", None),
    "8 of 16 bits": (png_of(1), "have 16 bits, and values up to 255 of 65535; .*white 255,", 255),
    "12 of 16 bits": (png_of(16, 15), "up to 4095 .*white 4095,", 4095),
    "int32": (tiff_of(numpy.int32, 4), r"0.png: whole numbers from \d+ to 10\d\d; say", 1023),
    "float": (tiff_of(numpy.float32, 1 / 255), r"0.png: numbers from \S+ to .*white", 1.0),
    "float of 255": (tiff_of(numpy.float32, 1), r"0.png: numbers from \d+ to 2\d\d; say", 255),
    "colour of 16 bits": (lambda red: colour_of_16_bits(red.astype(int) * 256), "", None),
}


@pytest.mark.parametrize("case", CASES)
def test_values_are_scaled_by_a_range_that_is_known_and_refused_otherwise(tmp_path: Path, case: str) -> None:
    encode, complaint, white = CASES[case]
    root, expected = folder_of(tmp_path / "images", encode)
    if complaint:
        with pytest.raises(UserError, match=complaint) as error:
            build(root, colour="grey")
        assert len(str(error.value).splitlines()) == 1
        assert cache_content() == []
    for storage in ("cache", "files"):
        module = build(root, colour="grey", white=white, storage=storage, decode_workers=2)
        assert torch.equal(all_images(module.arrays.train_images, 24), expected), storage


def test_what_does_not_fit_the_range_is_refused(tmp_path: Path) -> None:
    root, _ = folder_of(tmp_path / "images", lambda red: colour_of_16_bits(red.astype(int)))
    with pytest.raises(UserError, match=r"values up to 255 of 65535"):
        build(root)
    with pytest.raises(UserError, match=r"0\.png: a colour image of 16 bits loses its lower 8 bits"):
        build(root, white=255)
    signed = encoded(GREY.astype(numpy.int32) - 20, "TIFF")
    for white in (None, 65535):
        with pytest.raises(UserError, match=r"^file: whole numbers from -20 to 123; say which value is white"):
            decode(signed, "file", Decoding(white=white))
    with pytest.raises(UserError, match=r"^file: whole numbers from 0 to 5720"):
        decode(encoded(GREY.astype(numpy.uint16) * 40, "PNG"), "file", Decoding(white=4095))
    # A format that says what its white is.
    high = b"P5 12 12 4095\n" + (GREY.astype(int) * 16).astype(">u2").tobytes()
    assert numpy.abs(decode(high, "file", Decoding(colour="grey")).pixels[0].astype(int) - GREY).max() <= 1


def test_images_are_turned_as_their_exif_data_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encoded(GREY[:, :9], "PNG", exif=exif)
        found = decode(data, "file", Decoding(colour="grey"))
        upright = Image.fromarray(GREY[:, :9])
        if orientation > 1:
            upright = upright.transpose(Image.Transpose[TURNS[orientation]])
        assert numpy.array_equal(found.pixels[0], numpy.asarray(upright))
        assert found.turned == (orientation > 1)
    assert numpy.array_equal(
        decode(encoded(GREY, "PNG", exif=b"nonsense"), "file", Decoding(colour="grey")).pixels[0], GREY
    )
    root = make_folder(tmp_path / "images")
    turned = root / "train" / "bee" / "0.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.write_bytes(encoded(numpy.asarray(Image.open(turned)), "PNG", exif=exif))
    build(root)
    assert "images: 1 image turned upright, as the EXIF data say" in capsys.readouterr().err
