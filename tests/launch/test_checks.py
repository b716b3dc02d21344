"""What could not train is refused before anything is launched, and it is counted how far the arms start equal."""

from pathlib import Path

import numpy
import pytest
import torch
from tiny_runs import TINY
from torch import Tensor, nn

import litmus
from litmus.core.errors import UserError
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.design.plan import expand
from litmus.design.study import Study
from litmus.launch.checks import check, compare_arms, look_at_data, try_step
from litmus.lit_archs import register
from litmus.records.study_record import Start
from litmus.training.config import RunConfig, resolve

GATE = '''\
"""Does a gate help?"""

from torch import nn

from litmus import lit_archs
from litmus import Study


@lit_archs.register("tried_gate")
class GateNet(nn.Module):
    """Two convolutions, with or without a gate between them."""

    def __init__(self, num_classes, in_channels=3, gate=False, outputs=0, product=False, slope=False):
        super().__init__()
        self.slope = nn.PReLU() if slope else nn.ReLU()
        gates = [nn.Conv2d(4, 4, 1), nn.Sigmoid()] if gate else []
        self.body = nn.Sequential(nn.Conv2d(in_channels, 4, 3), nn.ReLU(), *gates, nn.Conv2d(4, 4, 3), nn.ReLU())
        self.head = nn.Linear(4, outputs or num_classes)
        self.product = product

    def forward(self, images):
        features = self.body(images).mean((2, 3))
        if self.product:
            features = features @ features[:3]
        return self.head(features)


study = Study(
    base={"model.name": "tried_gate", "trainer.epochs": 1, "optim.lr": 0.05},
    factors={"model.gate": [False, True]},
    baseline={"model.gate": False},
    seeds=1,
)
'''


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "tried_gate.py"
    path.write_text(GATE)
    return path


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model.outputs": 7}, r"^arm 'gate False': returned \[4, 7\], expected \[4, 10\]: the data have 10 classes$"),
        ({"model.product": True}, r"^arm 'gate False': tried_gate.py, line 24: RuntimeError: .*cannot be multiplied"),
        ({"optim.name": "adagrad", "optim.options": ["epsilon=1"]}, "unknown optim.options of adagrad 'epsilon'; did"),
        ({"optim.name": "rprop", "optim.weight_decay": 0.1}, "optim.weight_decay 0.1: rprop has none"),
        ({"init.scheme": "xavier_normal", "model.slope": True}, "init.scheme xavier_normal has no rule for slope of P"),
    ],
)
def test_a_mistake_is_one_line_with_the_arm_and_nothing_runs(
    file: Path, tmp_path: Path, settings: dict, said: str
) -> None:
    with pytest.raises(UserError, match=said) as refused:
        litmus.run(file, settings=settings, out=tmp_path / "runs")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_unequal_starts_are_printed_before_the_study_begins_and_counted_in_the_report(
    file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = litmus.run(file, out=file.parent / "runs")
    first, second, *_ = capfd.readouterr().err.splitlines()
    assert "'gate True' starts with 4 of 6 shared-shape parameters equal to the baseline's; not body.2.bias, b" in first
    assert "--init.pairing place" in second
    page = result.report.read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "gate True: 4 of 6 shared-shape parameters start equal, not body.2.bias, body.2.weight" in page
    assert result.report.parent.name == "tried_gate"
    by_place = litmus.run(file, settings={"init.pairing": "place"}, out=file.parent / "runs")
    assert "5 of 6 shared-shape parameters" in capfd.readouterr().err  # a bias's draw depends on its layer's width
    assert "its place among those of its shape" in by_place.report.read_text()


@register("returns_pairs")
class ReturnsPairs(nn.Module):
    """Returns a dictionary, as detectors do."""

    def __init__(self, num_classes: int, in_channels: int = 1) -> None:
        super().__init__()
        self.head = nn.Linear(64 * in_channels, num_classes)
        self.idle = nn.Linear(2, 2)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"out": self.head(images.flatten(1)), "aux": images}


@register("half_idle")
class HalfIdle(ReturnsPairs):
    """Has a layer that takes no part."""

    def forward(self, images: Tensor) -> Tensor:  # type: ignore[override]
        return self.head(images.flatten(1))


def tried(name: str, devices: int = 1, **settings: object) -> None:
    config = resolve({**{k: v for k, v in TINY.items() if not k.startswith("model.")}, "model.name": name, **settings})
    try_step(config, ImageDataModule(config.data), devices)


def test_what_is_no_tensor_of_logits_is_named() -> None:
    with pytest.raises(UserError, match=r"returned a dictionary of out, aux, expected \[4, 10\]"):
        tried("returns_pairs")


def test_a_parameter_without_a_part_in_the_loss_matters_on_several_devices_alone() -> None:
    tried("half_idle")
    with pytest.raises(UserError, match=r"idle\.weight, idle\.bias does not affect the loss"):
        tried("half_idle", devices=2)


def test_a_norm_that_has_nothing_to_average_over_is_refused() -> None:
    with pytest.raises(UserError, match="Expected more than 1 spatial element when training"):
        tried("resnet18", **{"model.norm": "instance", "data.batch_size": 8})


def test_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    tried("half_idle")
    assert torch.equal(torch.get_rng_state(), before)


def initial_values(factors: dict, baseline: dict, **base: object) -> tuple[dict[str, Start], list[str]]:
    settings = {"model.name": "mlp", "model.width": 8, "data.name": "digits", **base}
    study = Study("example", "a question", base=settings, factors=factors, baseline=baseline)
    return compare_arms(expand(study), seed=0)


def test_another_depth_starts_equal_and_another_gain_only_where_nothing_is_drawn() -> None:
    assert initial_values({"model.depth": [1, 3]}, {"model.depth": 1})[0]["depth 3"] == Start(4, 4)
    starts, lines = initial_values({"init.gain": [1.0, 2.0]}, {"init.gain": 1.0})
    start = starts["gain 2.0"]
    assert (start.equal, start.shared) == (4, 8)  # the biases, which start at zero
    assert start.unequal == ("linear1.weight", "linear2.weight", "linear3.weight", "classifier.weight")
    assert len(lines) == 1  # no advice on equal starts: it is what the study varies
    assert start.some_unequal().endswith("and 1 more")


def test_a_convolution_with_a_bias_starts_as_the_one_before_a_norm() -> None:
    settings = {"model.name": "resnet20", "model.width": 4}
    start = initial_values({"model.norm": ["none", "batch"]}, {"model.norm": "none"}, **settings)[0]["norm batch"]
    assert not start.unequal
    assert start.shared == 40  # its weights, and the shifts, there of a convolution and here of a norm


def test_a_last_batch_of_one_image_and_oblong_images_are_reported_before_the_launch(tmp_path: Path) -> None:
    def own(name: str, shape: tuple[int, ...], **settings: object) -> RunConfig:
        images = numpy.random.default_rng(0).integers(0, 256, shape, dtype=numpy.uint8)
        numpy.savez(tmp_path / f"{name}.npz", train_images=images, train_labels=numpy.arange(len(images)) % 2)
        data = {"data.name": "arrays", "data.root": str(tmp_path / f"{name}.npz"), "data.drop_last": False}
        return resolve({**TINY, **data, "data.batch_size": 10, **settings})

    # 112 images: 22 are the test set, 9 the validation split.
    config = own("odd", (112, 8, 8), **{"model.norm": "batch", "data.validation": 0.1})
    module = ImageDataModule(config.data)
    assert len(module.train_indices) % 10 == 1
    with pytest.raises(UserError, match=r"^the last batch .* a single image .*--data.drop_last true") as error:
        check(config, 1)
    assert len(str(error.value).splitlines()) == 1
    assert "the last batch of an epoch is a single image" in look_at_data(config.data, module.fingerprint)[-1]
    check(own("odd", (112, 8, 8), **{"model.norm": "batch", "data.drop_last": True}), 1)
    check(own("odd", (112, 8, 8), **{"model.norm": "none"}), 1)
    oblong = own("oblong", (100, 3, 24, 32), **{"data.drop_last": True})
    with pytest.raises(UserError, match=r"^model.name mlp cannot take a step with images of 32×24.*; make them square"):
        check(oblong, 1)
    check(own("oblong", (100, 3, 24, 32), **{"data.drop_last": True, "model.name": "resnet20", "model.depth": 20}), 1)


@register("idle_option")
class IdleOption(nn.Module):
    """Has an option that does nothing, one that starts with nothing to do, and one that does something later."""

    def __init__(
        self, num_classes: int, in_channels: int = 1, unused: bool = False, gate: bool = False, slope: float = 0.0
    ) -> None:
        super().__init__()
        self.first = nn.Linear(64 * in_channels, 8)
        self.norm = nn.BatchNorm1d(8)
        self.head = nn.Linear(8, num_classes)
        self.gate = nn.Parameter(torch.zeros(8)) if gate else None
        self.slope = slope

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.norm(self.first(images.flatten(1)))
        hidden = nn.functional.leaky_relu(hidden, self.slope)
        return self.head(hidden if self.gate is None else hidden + self.gate)


def equal_networks(study: Study) -> list[str]:
    return [line for line in compare_arms(expand(study), 0)[1] if "are one network" in line]


UNET = {"model.name": "unet", "model.depth": 1, "model.width": 2, "model.norm": "none", "data.name": "shapes"}
SMALL = {"data.image_size": 8, "data.train_images": 80, "data.test_images": 20}


@pytest.mark.parametrize(
    ("base", "key", "levels", "equal"),
    [
        ({"model.name": "idle_option"}, "model.unused", [False, True], True),
        ({"model.name": "idle_option"}, "model.gate", [False, True], False),
        ({"model.name": "idle_option"}, "model.slope", [0.0, 0.01], False),
        ({"model.name": "mlp", "model.norm": "none"}, "norm.eps", [1e-5, 1e-3], True),
        ({"model.name": "mlp", "model.norm": "batch"}, "norm.eps", [1e-5, 1e-3], False),
        ({"model.name": "mlp", "model.norm": "ghost_batch"}, "norm.virtual_batch_size", [16, 32], False),
        ({"model.name": "mlp", "model.norm": "batch"}, "norm.gradient", ["full", "stopped"], False),  # one loss
        ({"model.name": "mlp", "model.norm": "batch"}, "norm.momentum", [0.1, 0.2], False),  # one gradient
        ({"model.name": "mlp", "model.norm": "batch"}, "norm.evaluation_statistics", ["running", "population"], False),
        ({"model.name": "mlp"}, "optim.lr", [0.1, 0.2], False),
        ({**UNET, **SMALL}, "model.skips", ["none", "add"], False),
        ({**UNET, **SMALL}, "norm.eps", [1e-5, 1e-3], True),
    ],
)
def test_arms_whose_networks_do_the_same_are_named(
    base: dict, key: str, levels: list, equal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = {"data.batch_size": 64, "trainer.epochs": 1, **base}
    study = Study(name="x", question="?", base=common, factors={key: levels}, baseline={key: levels[0]})
    state = torch.random.get_rng_state()
    lines = equal_networks(study)
    assert len(lines) == equal
    assert all(f"perhaps it never reads {key}" in line for line in lines)
    assert torch.equal(state, torch.random.get_rng_state())
    monkeypatch.setattr("litmus.launch.checks.MOST_FLOPS", 1.0)  # more work than that is not done
    assert equal_networks(study) == []
