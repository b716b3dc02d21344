"""A user's images: every form of them becomes the same dataset, and wrong ones are refused in one line."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, TensorDataset

from litmus import datamodules
from litmus.core.errors import UserError
from litmus.datamodules.loading.arrays import ImageArrays
from litmus.datamodules.loading.registry import DATASETS, load

DRAWS = numpy.random.default_rng(0)
COLOUR = DRAWS.integers(0, 256, (20, 3, 6, 8), dtype=numpy.uint8)
GREY = COLOUR[:, 0]
LABELS = numpy.arange(20) % 4
MASKS = DRAWS.integers(0, 3, (20, 6, 8))
TEST = (COLOUR[:5], LABELS[:5])


class Items(Dataset[Any]):
    def __init__(self, item: Callable[[int], Any], count: int = 20, **attributes: Any) -> None:
        self.item, self.count = item, count
        vars(self).update(attributes)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        return self.item(index)


def picture(index: int) -> Image.Image:
    return Image.fromarray(COLOUR[index].transpose(1, 2, 0))


FORMS: dict[str, Any] = {
    "numpy, channels last": (COLOUR.transpose(0, 2, 3, 1), LABELS.astype(numpy.uint8)),
    "torch": (torch.tensor(COLOUR), torch.tensor(LABELS)),
    "floats": (COLOUR / 255, LABELS),
    "whole numbers": (COLOUR.astype(int), LABELS),
    "tensors": TensorDataset(torch.tensor(COLOUR).float() / 255, torch.tensor(LABELS)),
    "Pillow": Items(lambda index: (picture(index), int(LABELS[index]))),
    "Pillow with transparency": Items(lambda index: (picture(index).convert("RGBA"), LABELS[index])),
    "arrays one by one": Items(lambda index: (COLOUR[index].transpose(1, 2, 0), torch.tensor(LABELS[index]))),
}


def test_every_form_is_the_same_data() -> None:
    images = torch.tensor(COLOUR)
    expected = datamodules.dataset((images, LABELS), TEST)
    for form, given in FORMS.items():
        found = datamodules.dataset(given, TEST)
        assert found.fingerprint == expected.fingerprint, form
        assert found.classes == ("0", "1", "2", "3")
    # What the caller does to an array later changes nothing.
    images.zero_()
    assert torch.equal(expected.train_images, torch.tensor(COLOUR))  # type: ignore[arg-type]


def test_grey_images_have_one_channel_and_a_mixture_has_three() -> None:
    for images in (GREY, GREY[:, None], GREY[..., None]):
        assert torch.equal(
            datamodules.dataset((images, LABELS), (images, LABELS)).train_images[:, 0], torch.tensor(GREY)
        )  # type: ignore[index]
    mixed = Items(lambda index: (picture(index) if index else Image.fromarray(GREY[0]), LABELS[index]))
    found = datamodules.dataset(mixed, TEST).train_images
    assert torch.equal(found[0], torch.tensor(GREY[0]).expand(3, -1, -1))  # type: ignore[index]
    assert torch.equal(found[1:], torch.tensor(COLOUR[1:]))  # type: ignore[index]


def test_masks_are_distinguished_from_labels_by_their_shape() -> None:
    for masks in (MASKS, MASKS[:, None], torch.tensor(MASKS)):
        found = datamodules.dataset((COLOUR, masks), (COLOUR[:5], masks[:5]), classes=["cat", "dog"])
        assert torch.equal(found.train_masks, torch.tensor(MASKS[:, None], dtype=torch.uint8))  # type: ignore[arg-type]
        assert found.classes == ("cat", "dog")
    items = Items(lambda index: (picture(index), Image.fromarray(MASKS[index].astype(numpy.uint8))))
    found = datamodules.dataset(items, items)
    assert torch.equal(found.train_masks[:, 0], torch.tensor(MASKS))  # type: ignore[index]
    assert found.classes == ("1", "2")


@pytest.mark.parametrize("count", [5, 14])
def test_without_a_test_set_a_fifth_is_set_aside_and_nothing_is_lost(count: int) -> None:
    images = torch.arange(count, dtype=torch.uint8).view(count, 1, 1).expand(count, 2, 2)
    labels = torch.arange(count) % 2
    found, again = (datamodules.dataset((images, labels)) for _ in range(2))
    assert len(found.test_images) == count // 5
    together = torch.cat([found.train_images, found.test_images])[:, 0, 0, 0]  # type: ignore[list-item]
    assert together.sort().values.tolist() == list(range(count))
    assert torch.equal(together.long() % 2, torch.cat([found.train_labels, found.test_labels]))
    assert found.fingerprint == again.fingerprint


changing = iter(range(10**6))
WRONG: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "counts": (((COLOUR, LABELS[:-1]),), {}, "^train: 20 images and 19 labels$"),
    "normalised": (((COLOUR / 100 - 1, LABELS),), {}, r"^train: float images go from 0 to 1, got -1 to 1.5"),
    "infinite": (((COLOUR, LABELS / 0.0),), {}, r"^train: a number to predict is not finite"),
    "mixed": (((COLOUR, LABELS / 2), (COLOUR, LABELS)), {}, r"their labels are of different types"),
    "test alone": (((COLOUR, LABELS % 3), TEST), {}, "^test: the label of image 3 has the value 3; for 3 classes"),
    "void": (((COLOUR, numpy.where(MASKS == 2, 255, MASKS)),), {"classes": ["cat"]}, r"image \d has the value 255"),
    "mask size": (((COLOUR, MASKS[:, :5]),), {}, "^train: masks are 8×5 and their images 8×6$"),
    "one of each": (((COLOUR, MASKS), TEST), {}, "^train and test: one has labels and the other masks$"),
    "no pair": ((Items(lambda index: COLOUR[index]),), {}, "0: expected an image and its label or mask, got ndarray$"),
    "error": ((Items(lambda index: (picture(index * 2), 1)),), {}, r"10: IndexError: .* \(.*test_custom\.py, line \d+"),
    "random": ((Items(lambda index: (COLOUR[next(changing) % 20], 1)),), {}, r"item \d+ changes each time it is read"),
}  # fmt: skip


def test_wrong_data_are_refused_in_one_line() -> None:
    for parts, options, complaint in WRONG.values():
        with pytest.raises(UserError, match=complaint) as error:
            datamodules.dataset(*parts, **options)
        assert len(str(error.value).splitlines()) == 1


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten after it."""
    DATASETS.names()
    monkeypatch.setattr(DATASETS, "_entries", dict(DATASETS._entries))


@pytest.mark.usefixtures("registered")
def test_register_is_a_decorator_and_a_call() -> None:
    @datamodules.register("decorated")
    def decorated(size: int = 6, flip=False) -> ImageArrays:  # type: ignore[no-untyped-def]
        """Mine.

        Args:
            size: rows that are kept.
        """
        return datamodules.dataset(
            (COLOUR[:, :, :size, ::-1] if flip else COLOUR[:, :, :size], LABELS), classes=list("abcd")
        )

    assert datamodules.register("called", decorated) is decorated
    datamodules.register("ready", datamodules.dataset((COLOUR, LABELS), TEST))
    assert {"decorated", "called", "ready"} <= set(datamodules.names())
    assert DATASETS["decorated"].summary == "Mine."
    keys = DATASETS["decorated"].keys("data")
    assert list(keys) == ["data.size", "data.flip"]
    assert keys["data.size"].help == "rows that are kept."
    data = datamodules.build("called", size=4, flip=True, batch_size=4)
    assert data.image_shape == (3, 4, 8)
    assert (
        datamodules.build("ready", batch_size=4).fingerprint == datamodules.dataset((COLOUR, LABELS), TEST).fingerprint
    )
    with pytest.raises(UserError, match="dataset 'ready' is registered twice"):
        datamodules.register("ready", decorated)


class WithTrain(Items):
    """Mine, in two parts."""

    def __init__(self, root: str, train: bool = True, bright: int = 0, transform: Any = None) -> None:
        super().__init__(lambda index: (picture(index + 10 * (not train)), LABELS[index]), 10)
        self.root = root


class WithSplit(Items):
    def __init__(self, split: str = "train") -> None:
        number = {"train": 0, "test": 10}[split]
        super().__init__(lambda index: (picture(index + number), LABELS[index]), 10)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("made", [WithTrain, WithSplit])
def test_a_class_of_datasets_makes_both_parts(made: type) -> None:
    datamodules.register("parts", made)
    arrays = datamodules.build("parts", batch_size=4).arrays
    assert torch.equal(arrays.train_images, torch.tensor(COLOUR[:10]))  # type: ignore[arg-type]
    assert torch.equal(arrays.test_images, torch.tensor(COLOUR[10:]))  # type: ignore[arg-type]
    assert set(DATASETS["parts"].keys()) == ({"bright"} if made is WithTrain else set())
    load.cache_clear()


@pytest.mark.usefixtures("registered")
def test_what_cannot_be_registered_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match="dataset wrong: its argument size needs a default"):
        datamodules.register("wrong", lambda size: size)

    class Absent(Items):
        def __init__(self, root: str) -> None:
            raise RuntimeError("Dataset not found.")

    datamodules.register("absent", Absent)
    with pytest.raises(UserError, match="dataset absent: RuntimeError: Dataset not found"):
        datamodules.build("absent")


def test_arrays_come_from_a_file_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.npz"
    numpy.savez(
        file, train_images=COLOUR, train_labels=LABELS, test_images=TEST[0], test_labels=TEST[1], classes=list("abcd")
    )
    found = datamodules.build("arrays", root=str(file), batch_size=4).arrays
    expected = datamodules.dataset((COLOUR, LABELS), TEST, classes=["a", "b", "c", "d"])
    assert dataclasses.replace(found, content=None).fingerprint == expected.fingerprint
    numpy.savez(file, train_images=COLOUR, train_label=LABELS)
    load.cache_clear()
    with pytest.raises(UserError, match=r"unknown array of .* 'train_label'; did you mean 'train_labels'\?"):
        datamodules.build("arrays", root=str(file))
