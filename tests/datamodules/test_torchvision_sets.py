"""The sets in torchvision's formats: read where they lie, and nothing left behind where they cannot be had."""

import hashlib
import pickle
import struct
import urllib.error
from pathlib import Path

import numpy
import pytest
import torch
import torchvision.datasets

from litmus import datamodules
from litmus.core.errors import UserError
from litmus.datamodules.loading.registry import load


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    load.cache_clear()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


def write_idx(folder: Path, train: int = 60, test: int = 20) -> None:
    folder.mkdir(parents=True)
    for split, count in (("train", train), ("t10k", test)):
        pixels = numpy.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=numpy.uint8)
        (folder / f"{split}-images-idx3-ubyte").write_bytes(
            struct.pack(">IIII", 2051, count, 28, 28) + pixels.tobytes()
        )
        labels = (numpy.arange(count) % 10).astype(numpy.uint8)
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, count) + labels.tobytes())


def write_cifar(folder: Path, dataset: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a small archive of CIFAR's form, with its checksums put in the place of the real ones."""
    folder.mkdir(parents=True)
    key = "fine_labels" if dataset is torchvision.datasets.CIFAR100 else "labels"

    def write(name: str, content: dict) -> str:
        (folder / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((folder / name).read_bytes()).hexdigest()

    def batch(name: str, seed: int) -> list[str]:
        data = numpy.random.default_rng(seed).integers(0, 256, (20, 3072), dtype=numpy.uint8)
        return [name, write(name, {"data": data, key: [index % 10 for index in range(20)]})]

    for attribute, first in (("train_list", 0), ("test_list", 100)):
        files = [batch(name, first + index) for index, (name, _) in enumerate(getattr(dataset, attribute))]
        monkeypatch.setattr(dataset, attribute, files)
    meta = dict(dataset.meta)  # type: ignore[attr-defined]
    meta["md5"] = write(meta["filename"], {meta["key"]: [f"class {index}" for index in range(10)]})
    monkeypatch.setattr(dataset, "meta", meta)


def test_mnist_is_the_original(real_data: Path) -> None:
    module = datamodules.build("mnist", root=str(real_data), batch_size=512, validation=1 / 12)
    assert module.fingerprint == "ec5f7e3f40bf4f70"
    assert len(module.train_indices) == 55_000
    # The statistics everybody quotes, of all 60,000 images: 0.1307 and 0.3081.
    assert (module.mean / 255 - 0.1307).abs() < 5e-4
    assert (module.std / 255 - 0.3081).abs() < 5e-4


def test_idx_files_are_read_offline(tmp_path: Path, no_network: None) -> None:
    for name, folder in {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST"}.items():
        write_idx(tmp_path / folder / "raw")
        module = datamodules.build(name, root=str(tmp_path), batch_size=10)
        assert module.image_shape == (1, 28, 28)
        assert module.num_classes == 10
        assert module.arrays.train_labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


@pytest.mark.parametrize(("name", "dataset"), [("cifar10", "CIFAR10"), ("cifar100", "CIFAR100")])
def test_cifar_is_read_as_torchvision_reads_it(
    name: str, dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_network: None
) -> None:
    kind = getattr(torchvision.datasets, dataset)
    write_cifar(tmp_path / kind.base_folder, kind, monkeypatch)
    module = datamodules.build(name, root=str(tmp_path), batch_size=10)
    theirs = kind(tmp_path, train=False)
    assert module.arrays.classes[3] == "class 3"
    assert isinstance(module.arrays.test_images, torch.Tensor)
    for index in (0, 19):
        image, label = theirs[index]
        assert torch.equal(module.arrays.test_images[index], torch.from_numpy(numpy.array(image)).permute(2, 0, 1))
        assert module.arrays.test_labels[index] == label


def test_cifar_is_resized_as_image_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_network: None) -> None:
    kind = torchvision.datasets.CIFAR10
    write_cifar(tmp_path / kind.base_folder, kind, monkeypatch)
    module = datamodules.build("cifar10", root=str(tmp_path), batch_size=10, image_size=16)
    for split in ("train", "val"):
        for image, label in kind(tmp_path, train=split == "train"):
            folder = tmp_path / "files" / split / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            image.save(folder / f"{len(list(folder.iterdir())):03}.png")
    files = datamodules.build(
        "folder", root=str(tmp_path / "files"), batch_size=10, image_size=16, cache=str(tmp_path / "cache")
    )
    assert module.image_shape == files.image_shape == (3, 16, 16)
    order = module.arrays.test_labels.argsort(stable=True)
    assert isinstance(module.arrays.test_images, torch.Tensor)
    assert isinstance(files.arrays.test_images, torch.Tensor)
    assert torch.equal(module.arrays.test_images[order], files.arrays.test_images)


def test_without_network_nothing_is_left_behind(tmp_path: Path, no_network: None) -> None:
    for name in ("mnist", "fashion-mnist", "kmnist", "cifar10", "cifar100"):
        root = tmp_path / "new" / "data"
        with pytest.raises(UserError, match=f"{name}: not in data.root .*not downloadable .*--data.root") as error:
            datamodules.build(name, root=str(root))
        assert "\n" not in str(error.value)
        assert list(tmp_path.iterdir()) == []


def test_damaged_and_missing_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_network: None) -> None:
    raw = tmp_path / "MNIST" / "raw"
    write_idx(raw)
    (raw / "train-images-idx3-ubyte").write_bytes((raw / "train-images-idx3-ubyte").read_bytes()[:5000])
    with pytest.raises(UserError, match=r"mnist: the files in .*raw cannot be read"):
        datamodules.build("mnist", root=str(tmp_path))
    kind = torchvision.datasets.CIFAR10
    write_cifar(tmp_path / kind.base_folder, kind, monkeypatch)
    (tmp_path / kind.base_folder / "data_batch_3").write_bytes(b"other")
    with pytest.raises(UserError, match=r"cifar10: the files in .*cifar-10-batches-py cannot be read .*corrupted"):
        datamodules.build("cifar10", root=str(tmp_path))
