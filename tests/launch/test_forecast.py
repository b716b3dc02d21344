"""What a study will cost: counted exactly, timed on the device that runs it."""

import dataclasses
from pathlib import Path

import pytest
from tiny_runs import TINY

from litmus import run
from litmus.cli.main import run_command
from litmus.core.errors import UserError
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.design.plan import expand
from litmus.design.study import Study
from litmus.launch.config import LaunchConfig
from litmus.launch.forecast import DataSize, Forecast, forecast, measure
from litmus.training.config import RunConfig, resolve
from litmus.training.run import Execution

STUDY = Study("costs", "?", TINY, {"model.norm": ["none", "batch"]}, {"model.norm": "none"}, seeds=3)
CPU = {"accelerator": "cpu", "workers": 2, "wandb": "disabled"}


TYPED = ("--seeds", "1", "--trainer.epochs", "1", "--accelerator", "cpu", "--wandb", "disabled")


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("config", "forecast"):
        monkeypatch.setattr(f"litmus.launch.{module}.available_cpus", lambda: 2)


def fixed(config: RunConfig, size: object, execution: Execution) -> tuple[float, float]:
    return 3.0, 10.0


def test_runs_epochs_and_steps_are_counted_exactly(tmp_path: Path) -> None:
    plan, launch = expand(STUDY), LaunchConfig(out=str(tmp_path), **CPU)
    found = forecast(plan, launch, measured_by=fixed)
    assert (found.runs, found.complete, found.epochs) == (6, 0, 6 * 2)
    assert found.steps == 6 * 2 * ImageDataModule(plan.baseline.config.data).steps_per_epoch
    assert found.run_seconds == 6 * 23.0
    assert found.wall_seconds == 3 * 23.0
    # One run cannot be divided among the workers.
    alone = forecast(expand(STUDY, seeds=1, vary={"model.norm": ["none"]}), launch, measured_by=fixed)
    assert alone.wall_seconds == alone.run_seconds == 23.0


def test_what_is_complete_is_not_counted(tmp_path: Path) -> None:
    run(STUDY, seeds=1, out=tmp_path, **CPU)
    launch = LaunchConfig(out=str(tmp_path), **CPU)
    found = forecast(expand(STUDY), launch, measured_by=fixed)
    assert (found.runs, found.complete) == (4, 2)
    assert forecast(expand(STUDY, seeds=1), launch, measured_by=fixed).lines() == ["forecast: nothing to run (2 done)"]
    # Another setting is another experiment.
    assert forecast(expand(STUDY, settings={"optim.lr": 0.5}), launch, measured_by=fixed).complete == 0


def test_each_network_is_measured_once(tmp_path: Path) -> None:
    measured = []

    def by_norm(config: RunConfig, size: object, execution: Execution) -> tuple[float, float]:
        measured.append(config.model["norm"])
        return 0.0, 2.0 if config.model["norm"] == "batch" else 1.0

    study = dataclasses.replace(STUDY, factors={**STUDY.factors, "optim.lr": [0.01, 0.1]})
    found = forecast(expand(study), LaunchConfig(out=str(tmp_path), **CPU), measured_by=by_norm)
    assert sorted(measured) == ["batch", "none"]
    assert found.run_seconds == 2 * 3 * 2 * (1.0 + 2.0)


@pytest.mark.parametrize(
    "settings",
    [
        {"model.name": "unet", "model.depth": 2, "model.width": 2, "data.name": "shapes", "data.train_images": 300},
        {"model.name": "lenet5", "data.name": "cifar10", "data.augment": "cifar", "trainer.precision": "bf16-mixed"},
        {"model.name": "mlp", "data.name": "mnist", "data.root": "nowhere", "trainer.validations_per_epoch": 3},
        {"model.name": "mlp", "data.train_fraction": 0.1, "trainer.precision": "64-true", "optim.lr": 1e9},
    ],
)
def test_every_kind_of_run_can_be_measured_without_its_data(settings: dict) -> None:
    config = resolve(settings)
    assert measure(config, DataSize.of(config.data), Execution())[1] > 0


def test_the_time_of_an_epoch_is_that_of_all_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "litmus.launch.forecast._short_run",
        lambda config, size, execution, batch, steps: (steps, 1.0, 0.001 * batch * steps),
    )
    large = {"model.name": "resnet_cifar", "model.depth": 56, "model.width": 64, "data.name": "cifar10"}
    for validations in (1, 4, 8):
        config = resolve({**large, "data.validation": 0.1, "trainer.validations_per_epoch": validations})
        assert measure(config, DataSize.of(config.data), Execution()) == pytest.approx((1.0, 45.0), rel=0.01)


def test_known_sizes_are_those_of_the_data(real_data: Path) -> None:
    data = ImageDataModule(resolve({"data.name": "mnist", "data.root": str(real_data)}).data)
    known = DataSize.of(resolve({"data.name": "mnist", "data.root": "nowhere"}).data)
    assert (len(data.arrays.train_images), len(data.arrays.test_images)) == (known.train_images, known.test_images)
    assert (data.num_classes, data.image_shape) == (known.num_classes, known.image_shape)
    assert DataSize.of(resolve({"data.name": "cifar10", "data.image_size": 16}).data).image_shape == (3, 16, 16)


def test_absent_data_of_unknown_size_is_one_line(tmp_path: Path) -> None:
    study = dataclasses.replace(STUDY, base={**TINY, "data.name": "folder", "data.root": str(tmp_path / "nowhere")})
    with pytest.raises(UserError, match="nowhere") as caught:
        forecast(expand(study), LaunchConfig(out=str(tmp_path), **CPU), measured_by=fixed)
    assert "\n" not in str(caught.value)


def test_a_forecast_fits_80_columns() -> None:
    found = Forecast(123_456, 99_999, 12_345_678, 1_234_567_890, 9.9e8, 9.9e8, "cuda", 8, 128)
    assert all(len(line) <= 80 for line in found.lines())
    assert found.lines()[1].startswith("  about 2,200,000 GPU-hours, 11,458.3 days with 128 at a time")


def test_the_command_prints_it_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command(["run", "batch_norm", "--forecast", *TYPED]) == 0
    printed = capsys.readouterr().out
    # 1,437 digits less a fifth, in batches of 32: 35 full ones.
    assert printed.startswith("forecast: 10 runs, 10 epochs, 350 steps\n  about ")
    assert "core-hours" in printed
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_preset_is_forecast_by_another_process_before_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A process that measures on a GPU has a context there, which exclusive mode grants to one process alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("litmus.cli.run.forecast", None)
    monkeypatch.setattr("litmus.cli.run.run_plans", lambda *arguments, **others: 0)
    assert run_command(["run", "batch_norm", "--preset", "paper", "--accelerator", "cpu"]) == 0
    # 60,000 digits less a fifth, in batches of 60, 60 epochs, 12 arms and 5 seeds.
    assert capsys.readouterr().err.startswith("forecast: 60 runs, 3,600 epochs, 2,998,800 steps\n")
