"""A folder of images and masks: pairs by name, values by meaning, and one-line errors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image
from tiny_runs import trained
from torch import Tensor

from litmus import datamodules, load_model
from litmus.core.errors import UserError
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.loading.registry import load


def pixels(number: int, side: int = 12) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return an image [side, side, 3] and its mask of 0, 1 and 2 [side, side]."""
    draws = numpy.random.default_rng(number)
    mask = numpy.kron(draws.integers(0, 3, (2, 2)), numpy.ones((side // 2, side // 2), int)).astype(numpy.uint8)
    image = draws.integers(0, 60, (side, side, 3)) + 90 * mask[..., None]
    return image.astype(numpy.uint8), mask


def draw(folder: Path, numbers: range) -> Path:
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for number in numbers:
        image, mask = pixels(number)
        Image.fromarray(image).save(folder / "images" / f"{number:02}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number:02}.png")
    return folder


def build(root: Path, **options: Any) -> ImageDataModule:
    load.cache_clear()
    return datamodules.build("mask_folder", root=str(root), **{"batch_size": 4, "decode_workers": 0, **options})


def expected(numbers: list[int]) -> tuple[Tensor, Tensor]:
    drawn = [pixels(number) for number in numbers]
    images = torch.stack([torch.from_numpy(image).permute(2, 0, 1) for image, _ in drawn])
    return images, torch.stack([torch.from_numpy(mask)[None] for _, mask in drawn])


def same(first: object, second: Tensor) -> bool:
    return isinstance(first, Tensor) and torch.equal(first, second)


def test_a_fifth_is_the_test_set_and_every_pair_stays_one(tmp_path: Path) -> None:
    arrays = build(draw(tmp_path / "data", range(20))).arrays
    images, masks = expected(list(range(20)))
    assert len(arrays.test_images) == 4
    for part, part_masks in ((arrays.train_images, arrays.train_masks), (arrays.test_images, arrays.test_masks)):
        assert isinstance(part, Tensor)
        assert part_masks is not None
        for image, mask in zip(part, part_masks, strict=True):
            (number,) = (images == image).flatten(1).all(1).nonzero().flatten().tolist()
            assert torch.equal(mask, masks[number])
    assert arrays.classes == ("1", "2")


def test_masks_are_read_in_every_mode_that_holds_indices(tmp_path: Path) -> None:
    fingerprints = set()
    modes: dict[str, Callable[[numpy.ndarray], Image.Image]] = {
        "grey": Image.fromarray,
        "palette": lambda mask: _with_palette(Image.fromarray(mask)),
        "16 bits": lambda mask: Image.fromarray(mask.astype(numpy.uint16)),
    }
    for mode, write in modes.items():
        root = draw(tmp_path / mode, range(10))
        for number in range(10):
            write(pixels(number)[1]).save(root / "masks" / f"{number:02}.png")
        arrays = build(root).arrays
        assert same(arrays.train_masks, build(tmp_path / "grey").arrays.train_masks)  # type: ignore[arg-type]
        fingerprints.add(arrays.fingerprint)
    assert len(fingerprints) == 3  # their files differ


def _with_palette(image: Image.Image) -> Image.Image:
    image.putpalette([0, 0, 0, 200, 30, 30, 30, 200, 30])
    return image


def test_values_say_what_stands_for_what(tmp_path: Path) -> None:
    root = draw(tmp_path / "data", range(10))
    for number in range(10):
        Image.fromarray((pixels(number)[1] > 0).astype(numpy.uint8) * 255).save(root / "masks" / f"{number:02}.png")
    with pytest.raises(UserError, match=r"values are 0, 255, and 1 is not among them; .*--data\.values '\[0, 255\]'"):
        build(root)
    data = build(root, values=[0, 255], classes=["cat"])
    assert set(data.arrays.train_masks.unique().tolist()) == {0, 1}  # type: ignore[union-attr]
    assert data.arrays.classes == ("cat",)
    assert data.fingerprint != build(root, values=[0, 255]).fingerprint


@pytest.mark.parametrize("resize", ["crop", "stretch"])
def test_masks_are_resized_with_their_images_and_hold_no_new_values(tmp_path: Path, resize: str) -> None:
    root = draw(tmp_path / "data", range(10))
    mask = numpy.zeros((12, 24), numpy.uint8)
    mask[:, 12:] = 2
    Image.fromarray(mask * 60).convert("RGB").save(root / "images" / "00.png")
    Image.fromarray(mask).save(root / "masks" / "00.png")
    arrays = build(root, image_size=6, resize=resize).arrays
    images = torch.cat([arrays.train_images, arrays.test_images])  # type: ignore[list-item]
    masks = torch.cat([arrays.train_masks, arrays.test_masks])  # type: ignore[list-item]
    assert masks.shape == (10, 1, 6, 6)
    assert set(masks.unique().tolist()) == {0, 1, 2}
    (number,) = [n for n in range(10) if torch.equal(masks[n, 0, 0], torch.tensor([0, 0, 0, 2, 2, 2]).byte())]
    assert ((images[number, 0] > 60) == (masks[number, 0] == 2)).all()


def test_the_fingerprint_covers_every_image_and_mask(tmp_path: Path) -> None:
    root = draw(tmp_path / "data", range(10))
    seen = {build(root).fingerprint}
    for kind in ("images", "masks"):
        Image.fromarray(pixels(77)[kind == "masks"]).save(root / kind / "05.png")
        seen.add(build(root).fingerprint)
    assert len(seen) == 3
    assert build(root, batch_size=2, resize="stretch").fingerprint in seen


def test_pairs_that_do_not_fit_are_named(tmp_path: Path) -> None:
    cases: dict[str, tuple[Callable[[Path, Path], object], str]] = {
        "image alone": (lambda image, mask: mask.unlink(), r"images/03\.png has no mask: .*masks holds no 03\.png"),
        "mask alone": (lambda image, mask: image.unlink(), r"the mask .*masks/03\.png has no image in .*images"),
        "size": (
            lambda image, mask: Image.fromarray(pixels(3)[1][:, :10]).save(mask),
            r"the mask .*masks/03\.png is 10×12 and its image images/03\.png 12×12",
        ),
        "damaged": (lambda image, mask: mask.write_bytes(b"\x89PNG"), r"masks/03\.png is not a readable mask"),
    }
    for name, (spoil, complaint) in cases.items():
        root = draw(tmp_path / name, range(10))
        spoil(root / "images" / "03.png", root / "masks" / "03.png")
        refused(root, complaint)


def refused(root: Path, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as error:
        build(root)
    assert len(str(error.value).splitlines()) == 1


def test_a_network_learns_from_it_and_predicts_masks(tmp_path: Path) -> None:
    draw(tmp_path / "train", range(40))
    draw(tmp_path / "test", range(40, 50))
    run = trained(
        tmp_path,
        {"model.name": "unet", "model.depth": 1, "model.width": 4, "data.name": "mask_folder",
         "data.root": str(tmp_path), "data.batch_size": 8, "data.decode_workers": 0, "trainer.epochs": 8},
    )  # fmt: skip
    images, masks = expected(list(range(40, 50)))
    model = load_model(run.directory)
    assert model.classes == ("background", "1", "2")
    accuracy = (model(images).argmax(1) == masks[:, 0]).double().mean().item()
    assert accuracy == pytest.approx(run.record.read_summary()["metrics"]["test_pixel_accuracy"], abs=1e-6)
    assert accuracy > 0.9
