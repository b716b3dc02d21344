"""A network in other formats says what it says here; what lies beside it is enough to use it."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import trained
from torch import Tensor

from litmus import lit_archs, load_model
from litmus.cli.main import run_command
from litmus.export.export import export
from litmus.export.load_model import ImageModel
from litmus.training.run import Run

NETWORKS = {
    "lenet5": {"model.name": "lenet5", "model.norm": "batch"},
    "unet": {"model.name": "unet", "model.depth": 1, "model.width": 2, "data.name": "shapes", "data.image_size": 8,
             "data.train_images": 60, "data.test_images": 20, "data.batch_size": 16},
}  # fmt: skip


@pytest.fixture(scope="module", params=NETWORKS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tmp_path_factory.mktemp(request.param), {**NETWORKS[request.param], "trainer.epochs": 1})


@pytest.fixture
def model(run: Run) -> ImageModel:
    return load_model(run.directory)


@pytest.fixture
def images(model: ImageModel) -> Tensor:
    channels, height, width = model.input.shape
    draws = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (5, channels, height, width), dtype=torch.uint8, generator=draws)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_safetensors_hold_the_state_dict(run: Run, model: ImageModel, images: Tensor, tmp_path: Path) -> None:
    path = tmp_path / "new" / "weights.safetensors"
    assert run_command(["export", str(run.directory), "--output", str(path)]) == 0
    described = json.loads(path.with_suffix(".json").read_text())
    config, given = run.config, described["input"]
    outputs = len(described["classes"])
    options = {"num_classes": outputs, "in_channels": given["channels"], "image_size": given["height"]}
    network = lit_archs.build(config.model["name"], **options, **config.model_options).eval()
    network.load_state_dict(load_file(path))
    mean, std = (torch.tensor(given[name]).view(1, -1, 1, 1) for name in ("mean", "std"))
    torch.testing.assert_close(network((images / 255 - mean) / std), model(images), rtol=1e-4, atol=1e-4)
    assert described["metrics"] == run.record.read_summary()["metrics"]
    assert described["run"] == run.run_id
    assert outputs == model(images).shape[1]


@pytest.mark.slow
def test_onnx_says_the_same_of_any_number_of_images(model: ImageModel, images: Tensor, tmp_path: Path) -> None:
    import onnx
    from onnx.reference import ReferenceEvaluator

    path = tmp_path / "network.onnx"
    export(model, {}, path, "onnx")
    onnx.checker.check_model(str(path))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["network.json", "network.onnx"]
    for some in (images, images[:1]):
        (found,) = ReferenceEvaluator(str(path)).run(None, {"images": some.numpy()})
        torch.testing.assert_close(torch.tensor(found), model(some).detach(), rtol=1e-3, atol=1e-4)
