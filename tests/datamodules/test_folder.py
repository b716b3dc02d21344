"""Image folders: layouts, subsets, modes and sizes, the shared cache, and everything that can be wrong with them."""

import io
import itertools
import shutil
from pathlib import Path

import numpy
import pytest
import torch
from drawn_folder import COLOUR, GREY, NOISE, all_images, build, cache_content, make_folder, png
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from litmus.core.errors import UserError
from litmus.datamodules.image_files.decode import Decoding, UnreadableImage, decode

# What is read


def test_a_folder_is_read_in_the_order_of_classes_and_names(image_folder: Path) -> None:
    module = build(image_folder)
    assert module.arrays.classes == ("ant", "bee", "cat")
    assert module.image_shape == (3, 12, 12)
    assert module.arrays.train_labels.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert module.arrays.test_labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    expected = numpy.asarray(Image.open(image_folder / "train" / "bee" / "3.png")).transpose(2, 0, 1)
    assert torch.equal(all_images(module.arrays.train_images, 24)[11], torch.from_numpy(expected.copy()))


def test_resizing_agrees_with_torchvisions_pil_pipeline(imagenette: Path) -> None:
    paths = sorted((imagenette / "val").glob("*/*.JPEG"))[::100]
    for resize, size in itertools.product(("crop", "stretch"), (40, 224, 300)):
        scale = [v2.Resize(size), v2.CenterCrop(size)] if resize == "crop" else [v2.Resize((size, size))]
        pipeline = v2.Compose([*scale, v2.PILToTensor()])
        for path in paths:
            image = Image.open(path).convert("RGB").crop((0, 10, 200, 170))
            ours = decode(png(numpy.asarray(image)), path, Decoding(size, resize)).pixels  # type: ignore[arg-type]
            assert torch.equal(torch.from_numpy(ours), pipeline(image)), (resize, size)


def test_files_and_cache_hold_the_same_pixels(image_folder: Path) -> None:
    cached = build(image_folder, image_size=8, stored_size=10, augment="imagenet")
    decoded = build(image_folder, image_size=8, stored_size=10, augment="imagenet", storage="files", decode_workers=2)
    assert not isinstance(decoded.arrays.train_images, Tensor)
    assert cached.fingerprint == decoded.fingerprint
    assert torch.equal(cached.mean, decoded.mean)
    for loader in ("val_dataloader", "test_dataloader"):
        for ours, theirs in zip(getattr(cached, loader)(), getattr(decoded, loader)(), strict=True):
            assert torch.equal(ours.images, theirs.images)
            assert torch.equal(ours.labels, theirs.labels)
    for ours, theirs in zip(cached.train_epoch(3), decoded.train_epoch(3), strict=True):
        assert torch.equal(ours.images, theirs.images)
        assert ours.images.shape == (4, 3, 8, 8)


def test_classes_and_images_of_each_can_be_chosen(image_folder: Path) -> None:
    assert build(image_folder, classes=2).arrays.classes == ("ant", "bee")
    named = build(image_folder, classes=["cat", "ant"], per_class=5)
    assert named.arrays.classes == ("ant", "cat")
    assert named.arrays.train_labels.tolist() == [0] * 5 + [1] * 5
    assert len(named.arrays.test_labels) == 6
    assert build(image_folder, classes=["ant", "cat"], per_class=5).fingerprint == named.fingerprint
    # Fewer images of a class are among the more.
    more = all_images(build(image_folder, per_class=6).arrays.train_images, 18)
    assert len(torch.cat((more, all_images(named.arrays.train_images, 10))).unique(dim=0)) < 28


def test_a_labelled_test_folder_is_the_test_set_and_val_is_not_read(image_folder: Path) -> None:
    shutil.copytree(image_folder / "val", image_folder / "test")
    (image_folder / "test" / "ant" / "0.png").unlink()
    (image_folder / "val" / "bee" / "broken.png").write_bytes(b"never read")
    module = build(image_folder)
    assert len(module.arrays.test_labels) == 8
    assert len(module.train_indices) + len(module.val_indices) == 24


def test_tiny_imagenets_layout(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "tiny", train=6, test=2)
    for name in ("ant", "bee", "cat"):
        (root / "train" / name / "images").mkdir()
        for file in (root / "train" / name).glob("*.png"):
            file.rename(root / "train" / name / "images" / file.name)
        (root / "train" / name / f"{name}_boxes.txt").write_text("0.png\t0\t0\t9\t9\n")
    (root / "val" / "images").mkdir()
    lines = []
    for name in ("cat", "ant", "bee"):
        for file in sorted((root / "val" / name).glob("*.png")):
            moved = file.rename(root / "val" / "images" / f"val_{len(lines)}.png")
            lines.append(f"{moved.name}\t{name}\t0\t0\t9\t9\n")
        (root / "val" / name).rmdir()
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    (root / "test" / "images").mkdir(parents=True)
    (root / "test" / "images" / "test_0.png").write_bytes(b"unlabelled")
    module = build(root)
    assert module.arrays.test_labels.tolist() == [0, 0, 1, 1, 2, 2]
    expected = numpy.asarray(Image.open(root / "val" / "images" / "val_2.png")).transpose(2, 0, 1)
    assert torch.equal(all_images(module.arrays.test_images, 6)[0], torch.from_numpy(expected.copy()))
    (root / "val" / "val_annotations.txt").write_text("val_0.png cat\n")
    with pytest.raises(UserError, match=r"val_annotations.txt, line 1: expected a file name and a class"):
        build(root)


def test_every_mode_becomes_rgb_and_grey() -> None:
    for mode in ("L", "LA", "P", "RGBA", "CMYK", "1"):
        image = Image.fromarray(COLOUR).convert("RGB").convert(mode)
        file = io.BytesIO()
        image.save(file, format="TIFF" if mode == "CMYK" else "PNG")
        expected = numpy.asarray(image.convert("RGB")).transpose(2, 0, 1)
        assert numpy.array_equal(decode(file.getvalue(), "file", Decoding()).pixels, expected), mode
        assert decode(file.getvalue(), "file", Decoding(size=7, colour="grey")).pixels.shape == (1, 7, 7)
    sixteen_bits = png(GREY.astype(numpy.uint16) * 256 + 77)
    assert numpy.array_equal(decode(sixteen_bits, "file", Decoding()).pixels, numpy.stack((GREY,) * 3))
    palette, file = Image.fromarray(COLOUR).quantize(16), io.BytesIO()
    palette.save(file, format="PNG", transparency=bytes(range(16)))
    expected = numpy.asarray(palette.convert("RGB")).transpose(2, 0, 1)
    assert numpy.array_equal(decode(file.getvalue(), "file", Decoding()).pixels, expected)


# What is refused


def refused(root: Path, message: str, **options: object) -> None:
    with pytest.raises(UserError, match=message) as error:
        build(root, **options)
    assert "\n" not in str(error.value)
    assert cache_content() == []


def test_classes_must_be_the_same_in_both_parts(image_folder: Path) -> None:
    shutil.move(image_folder / "val" / "bee", image_folder / "bee")
    refused(image_folder, "class 'bee' is in .*train but not in .*val")


@pytest.mark.parametrize(
    ("content", "workers"),
    [(b"<html>not found</html>", 0), (png(NOISE)[:300], 2)],
    ids=["html", "cut, with workers"],
)
def test_unreadable_files_are_named_and_skipped_only_if_asked(image_folder: Path, content: bytes, workers: int) -> None:
    bad = image_folder / "train" / "bee" / "3.png"
    bad.write_bytes(content)
    for storage in ("cache", "files"):
        message = f"{bad} is no readable image .*--data.skip_unreadable"
        refused(image_folder, message, storage=storage, decode_workers=workers)
    module = build(image_folder, skip_unreadable=True, decode_workers=workers)
    assert module.arrays.train_labels.tolist() == [0] * 8 + [1] * 7 + [2] * 8
    with pytest.raises(UnreadableImage):
        decode(content, bad, Decoding())


def test_mixed_sizes_and_oblong_images_need_a_size(image_folder: Path) -> None:
    (image_folder / "train" / "cat" / "5.png").write_bytes(png(COLOUR[:, :9]))
    refused(image_folder, r"different sizes, 12×12 and, in train/cat/5.png, 9×12; .*--data.image_size")
    assert build(image_folder, image_size=10).image_shape == (3, 10, 10)
