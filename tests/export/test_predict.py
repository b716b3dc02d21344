"""`litmus export` and `litmus predict`, in this process."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from tiny_runs import trained

from litmus import datamodules, load_model
from litmus.cli.main import run_command
from litmus.core.errors import UserError
from litmus.core.source import import_source
from litmus.export.predict import UNSEEN, image_files, predictions, write_mask
from litmus.records.run_record import RunRecord
from litmus.training.run import Run

STUDY = '''"""Does a gate help?"""

from litmus import lit_archs
from torch import nn

from litmus import Study


class Gated(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.gate = nn.Linear(inputs, outputs)
        self.line = nn.Linear(inputs, outputs)

    def forward(self, images):
        flat = images.flatten(1)
        return self.line(flat) * self.gate(flat).sigmoid()


@lit_archs.register("gated", input_shape=(1, 8, 8))
def gated(num_classes: int = 10, in_channels: int = 1, image_size: int = 8) -> nn.Module:
    """A gated line."""
    return Gated(in_channels * image_size**2, num_classes)


study = Study(base={"model.name": "gated", "trainer.epochs": 1}, factors={"optim.lr": [0.1, 0.2]},
              baseline={"optim.lr": 0.1}, seeds=1)
'''


@pytest.fixture(scope="session")  # a process registers a name once
def own(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a network that a study's file registers."""
    directory = tmp_path_factory.mktemp("own")
    file = directory / "mine.py"
    file.write_text(STUDY)
    import_source(file)
    return trained(directory, {"model.name": "gated", "trainer.epochs": 1}, file)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    arrays = datamodules.build("digits").arrays
    (tmp_path / "images" / "more").mkdir(parents=True)
    for index in range(3):
        folder = tmp_path / "images" / ("more" if index else "")
        Image.fromarray(arrays.test_images[index, 0].numpy()).save(folder / f"{index}.png")
    (tmp_path / "images" / "notes.txt").write_text("no image")
    return tmp_path / "images"


@pytest.mark.slow
def test_another_process_finds_a_users_network_again(
    own: Run, images: Path, litmus: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    printed = litmus("predict", str(own.directory), "images")
    assert (printed.returncode, printed.stderr) == (0, "")
    lines = printed.stdout.splitlines()
    assert lines[0] == f"run {own.run_id}: gated, an arm, seed 0; last weights, step 10"
    assert [line.split()[0] for line in lines[1:]] == ["images/0.png", "images/more/1.png", "images/more/2.png"]
    assert max(map(len, lines)) <= 80


def test_answers_come_as_json_with_every_class(own: Run, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["predict", str(own.directory), str(images), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    model = load_model(own.directory)
    expected = model(datamodules.build("digits").arrays.test_images[:3]).softmax(1)
    assert [Path(entry["image"]).name for entry in answer["images"]] == ["0.png", "1.png", "2.png"]
    for entry, shares in zip(answer["images"], expected, strict=True):
        assert list(entry["probabilities"].values()) == pytest.approx(shares.tolist(), abs=1e-6)
        assert entry["class"] == model.classes[shares.argmax()]


def test_a_network_that_has_changed_or_is_gone_is_refused(
    own: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = RunRecord(shutil.copytree(own.directory, tmp_path / own.run_id))
    content = torch.load(record.checkpoint, weights_only=True)
    content["state_dict"]["network.door.weight"] = content["state_dict"].pop("network.gate.weight")
    torch.save(content, record.checkpoint)
    assert run_command(["export", str(record.path)]) == 2
    error = capsys.readouterr().err
    assert "gated has changed since it was trained: 2 of its parameters" in error
    record.config_file.write_text(record.config_file.read_text().replace("name: gated", "name: grated"))
    record.write_status(**{**record.read_status(), "source": str(tmp_path / "gone.py")})
    assert run_command(["export", str(record.path)]) == 2
    error = capsys.readouterr().err
    assert f"its network 'grated' was registered by {tmp_path / 'gone.py'}, which is gone" in error
    assert len(error.splitlines()) == 1


def test_an_unreadable_image_is_named(own: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"broken\.png is no readable image"):
        list(predictions(load_model(own.directory), image_files([str(tmp_path / "broken.png")]), 4))


UNET = {"model.name": "unet", "model.depth": 1, "model.width": 4, "data.name": "shapes", "data.image_size": 16,
        "data.train_images": 60, "data.test_images": 20, "data.batch_size": 16, "trainer.epochs": 1}  # fmt: skip


def test_a_network_that_segments_leaves_masks_of_the_images_own_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    this = trained(tmp_path, UNET)
    model = load_model(this.directory)
    arrays = datamodules.build("shapes", image_size=16, train_images=60, test_images=20, batch_size=16).arrays
    pixels = arrays.test_images[0].permute(1, 2, 0).numpy()
    wide = numpy.repeat(numpy.repeat(pixels, 2, 0), 2, 1)
    wide = numpy.concatenate((wide[:, :3], wide, wide[:, -5:]), 1)
    (tmp_path / "images" / "deep").mkdir(parents=True)
    Image.fromarray(pixels).save(tmp_path / "images" / "same.png")
    Image.fromarray(wide).save(tmp_path / "images" / "deep" / "wide.png")
    deep, same = predictions(model, image_files([str(tmp_path / "images")]), 8)
    expected = model(arrays.test_images[:1])[0].argmax(0)
    assert numpy.array_equal(same.mask, expected.numpy())
    assert same.values.tolist() == [(expected == label).double().mean().item() for label in range(5)]
    assert deep.mask.shape == (32, 40)
    # The middle of 32 columns is seen, and nothing beside it.
    assert (deep.mask[:, :4] == UNSEEN).all()
    assert (deep.mask[:, -4:] == UNSEEN).all()
    assert (deep.mask[:, 4:-4] != UNSEEN).all()
    path = write_mask(deep, tmp_path / "masks")
    with Image.open(path) as image:
        assert image.mode == "P"
        assert numpy.array_equal(numpy.asarray(image), deep.mask)

    monkeypatch.chdir(tmp_path)
    assert run_command(["predict", str(this.directory), "images", "--masks", "out"]) == 0
    assert "images/deep/wide.png                out/deep/wide.png: " in capsys.readouterr().out
    assert numpy.array_equal(numpy.asarray(Image.open("out/same.png")), same.mask)
    assert run_command(["predict", str(this.directory), "images", "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)["images"][0]
    assert entry["mask"] == "masks/deep/wide.png"
    assert sum(entry["shares"].values()) == pytest.approx(1)
