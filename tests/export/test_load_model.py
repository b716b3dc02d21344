"""A trained network as it was tested: from its record, on images as they are."""

import itertools
from pathlib import Path

import pytest
import torch
from drawn_folder import make_folder
from PIL import Image
from tiny_runs import TINY, trained
from torch import Tensor
from torch.nn import functional

from litmus import datamodules, load_model
from litmus.core.errors import UserError
from litmus.datamodules.image_files.decode import Decoding, decode
from litmus.export.load_model import ImageModel, fitted
from litmus.export.predict import image_files, predictions
from litmus.training.run import Run

FOLDER = {"data.name": "folder", "data.image_size": 8, "data.stored_size": 10, "data.batch_size": 8,
          "data.decode_workers": 0}  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tmp_path_factory.mktemp("plain"), {**TINY, "trainer.keep": "both"})


@pytest.fixture
def of_files(tmp_path: Path) -> tuple[Run, Path]:
    root = make_folder(tmp_path / "data")
    return trained(tmp_path, {**TINY, **FOLDER, "data.root": str(root), "data.centring": "pixel"}), root


def loss(model: ImageModel, images: Tensor, labels: Tensor) -> float:
    assert not model.training
    with torch.no_grad():
        return functional.cross_entropy(model(images), labels).item()


def test_a_network_says_of_the_test_set_what_it_said_when_it_was_tested(plain: Run) -> None:
    model, arrays = load_model(plain.directory), datamodules.build("digits").arrays
    expected = plain.record.read_summary()["metrics"]["test_loss"]
    assert loss(model, arrays.test_images, arrays.test_labels) == pytest.approx(expected, rel=1e-6)
    assert loss(model, arrays.test_images / 255, arrays.test_labels) == pytest.approx(expected, rel=1e-4)
    assert model.classes == tuple("0123456789")
    assert "last weights, step 40" in model.title
    best = load_model(plain.directory, weights="best")
    row = plain.record.read_summary()["metrics"]
    indices = datamodules.build("digits", batch_size=64).val_indices
    images, labels = arrays.train_images[indices], arrays.train_labels[indices]
    assert (best(images).argmax(1) == labels).double().mean().item() == pytest.approx(row["best_val_top1"], abs=1e-6)


def test_files_are_decoded_and_cut_as_the_data_module_does(of_files: tuple[Run, Path]) -> None:
    this, root = of_files
    model = load_model(this.directory)
    files = image_files([str(root / "val")])
    assert [file.name.parts[0] for file in files] == ["ant"] * 3 + ["bee"] * 3 + ["cat"] * 3
    found = torch.stack([each.values for each in predictions(model, files, batch_size=4)])
    likelihood = found[torch.arange(9), torch.arange(9) // 3].log().mean().item()
    assert -likelihood == pytest.approx(this.record.read_summary()["metrics"]["test_loss"], rel=1e-5)


def test_images_of_any_size_are_resized_as_files_are(tmp_path: Path) -> None:
    for resize, (height, width) in itertools.product(("crop", "stretch"), ((12, 12), (9, 20), (31, 17), (10, 10))):
        draws = torch.Generator().manual_seed(0)
        pixels = torch.randint(0, 256, (3, height, width), generator=draws, dtype=torch.uint8)
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(tmp_path / "image.png")
        data = (tmp_path / "image.png").read_bytes()
        expected = torch.tensor(decode(data, "image.png", Decoding(10, resize)).pixels)  # type: ignore[arg-type]
        found = fitted(pixels[None], (10, 10), resize)[0]
        assert found.dtype == torch.uint8
        assert (found.int() - expected.int()).abs().max() <= 1  # the two round at other places


def test_images_of_another_form_are_refused(plain: Run) -> None:
    model = load_model(plain.directory)
    for images, complaint in (
        (torch.zeros(1, 3, 8, 8), r"expected images \[N, 1, height, width\], got float32 \[1, 3, 8, 8\]"),
        (torch.full((1, 1, 8, 8), 200.0), "float images go from 0 to 1, got 200 to 200"),
    ):
        with pytest.raises(UserError, match=complaint):
            model(images)


def test_a_run_without_weights_or_with_damaged_ones_says_what_to_do(tmp_path: Path) -> None:
    this = trained(tmp_path, {**TINY, "trainer.keep": "none", "trainer.epochs": 1})
    with pytest.raises(UserError, match=r"kept no weights \(trainer.keep none\); .*--out again --keep best$"):
        load_model(this.directory)
    last = trained(tmp_path / "last", {**TINY, "trainer.epochs": 1})
    last.record.checkpoint.write_bytes(b"no checkpoint")
    with pytest.raises(UserError, match=r"last\.ckpt: .*; running its study again sets it aside and repeats it$"):
        load_model(last.directory)
