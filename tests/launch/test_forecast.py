"""What a study will cost: counted exactly, timed on the device that runs it."""

import dataclasses
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_runs import TINY

from litmus import run
from litmus.core.errors import UserError
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.design.plan import expand
from litmus.design.study import Study
from litmus.launch.config import LaunchConfig
from litmus.launch.forecast import (
    KNOWN_SIZES,
    Forecast,
    LoopSeconds,
    data_size,
    forecast,
    measure_loop,
    measure_step,
)
from litmus.training.config import RunConfig, resolve
from litmus.training.run import Execution

STUDY = Study("costs", "?", TINY, {"model.norm": ["none", "batch"]}, {"model.norm": "none"}, seeds=3)
CPU = {"accelerator": "cpu", "workers": 2, "wandb": "disabled"}


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("config", "forecast"):
        monkeypatch.setattr(f"litmus.launch.{module}.available_cpus", lambda: 2)


def no_time(accelerator: str) -> LoopSeconds:
    return LoopSeconds()


def a_second(config: RunConfig, size: object, execution: Execution) -> float:
    return 1.0


def test_runs_epochs_and_steps_are_counted_exactly(tmp_path: Path) -> None:
    plan = expand(STUDY)
    found = forecast(plan, LaunchConfig(out=str(tmp_path), **CPU), a_second, no_time)
    data = ImageDataModule(plan.baseline.config.data)
    assert (found.runs, found.complete, found.epochs) == (6, 0, 6 * 2)
    assert found.steps == 6 * 2 * data.steps_per_epoch
    # A step a second, and a third of one for each batch that is only evaluated.
    evaluated = 2 * len(data.val_indices) + len(data.arrays.test_images)
    each = 2 * data.steps_per_epoch + evaluated / 64 / 3
    assert found.run_seconds == pytest.approx(6 * each)
    assert found.wall_seconds == pytest.approx(3 * each)
    # One run cannot be divided among the workers.
    alone = forecast(
        expand(STUDY, seeds=1, vary={"model.norm": ["none"]}), LaunchConfig(out=str(tmp_path), **CPU), a_second, no_time
    )
    assert alone.wall_seconds == alone.run_seconds == pytest.approx(each)


def test_what_is_complete_is_not_counted(tmp_path: Path) -> None:
    run(STUDY, seeds=1, out=tmp_path, **CPU)
    launch = LaunchConfig(out=str(tmp_path), **CPU)
    found = forecast(expand(STUDY), launch, a_second, no_time)
    assert (found.runs, found.complete) == (4, 2)
    assert forecast(expand(STUDY, seeds=1), launch, a_second, no_time).lines() == ["forecast: nothing to run (2 done)"]
    # Another setting is another experiment.
    assert forecast(expand(STUDY, settings={"optim.lr": 0.5}), launch, a_second, no_time).complete == 0


def test_each_network_is_measured_once(tmp_path: Path) -> None:
    measured = []

    def measure(config: RunConfig, size: object, execution: Execution) -> float:
        measured.append(config.model["norm"])
        return 2.0 if config.model["norm"] == "batch" else 1.0

    study = dataclasses.replace(STUDY, factors={**STUDY.factors, "optim.lr": [0.01, 0.1]})
    found = forecast(expand(study), LaunchConfig(out=str(tmp_path), **CPU), measure, no_time)
    assert sorted(measured) == ["batch", "none"]
    one = forecast(expand(STUDY), LaunchConfig(out=str(tmp_path), **CPU), a_second, no_time)
    assert found.run_seconds == pytest.approx(2 * one.run_seconds * 1.5)


@pytest.mark.parametrize(
    "settings",
    [
        {"model.name": "unet", "model.depth": 2, "model.width": 2, "data.name": "shapes"},
        {"model.name": "googlenet", "data.name": "cifar10", "data.batch_size": 4, "trainer.precision": "bf16-mixed"},
        {"model.name": "lenet5_1998", "data.name": "mnist", "data.root": "nowhere"},
        {"model.name": "mlp", "model.dropout": 0.5, "trainer.precision": "64-true"},
    ],
)
def test_every_kind_of_network_can_be_measured_without_its_data(settings: dict) -> None:
    config = resolve(settings)
    assert measure_step(config, data_size(config.data), Execution()) > 0


def test_a_larger_network_takes_longer() -> None:
    small, large = (resolve({**TINY, "model.width": width, "model.depth": 6}) for width in (8, 2048))
    size = data_size(small.data)
    assert measure_step(large, size, Execution()) > 2 * measure_step(small, size, Execution())


def test_known_sizes_are_those_of_the_data(real_data: Path) -> None:
    data = ImageDataModule(resolve({"data.name": "mnist", "data.root": str(real_data)}).data)
    known = KNOWN_SIZES["mnist"]
    assert (len(data.arrays.train_images), len(data.arrays.test_images)) == (known.train_images, known.test_images)
    assert (data.num_classes, data.image_shape) == (known.num_classes, known.image_shape)


def test_absent_data_of_unknown_size_is_one_line(tmp_path: Path) -> None:
    study = dataclasses.replace(STUDY, base={**TINY, "data.name": "folder", "data.root": str(tmp_path / "nowhere")})
    with pytest.raises(UserError, match="nowhere") as caught:
        forecast(expand(study), LaunchConfig(out=str(tmp_path), **CPU), a_second, no_time)
    assert "\n" not in str(caught.value)


def test_a_forecast_fits_80_columns() -> None:
    found = Forecast(123_456, 99_999, 12_345_678, 1_234_567_890, 9.9e8, 9.9e8, "cuda", 8, 128)
    assert all(len(line) <= 80 for line in found.lines())
    assert found.lines()[1].startswith("  about 2,200,000 GPU-hours, 11,458.3 days with 128 at a time")


@pytest.mark.slow
def test_the_command_prints_it_and_stops(
    litmus: "Callable[..., subprocess.CompletedProcess[str]]", tmp_path: Path
) -> None:
    printed = litmus("run", "batch_norm", "--preset", "paper", "--forecast", "--accelerator", "cpu")
    assert printed.returncode == 0, printed.stderr
    # 60,000 digits less a fifth, in batches of 60, 60 epochs, 12 arms and 5 seeds.
    assert printed.stdout.startswith("forecast: 60 runs, 3,600 epochs, 2,998,800 steps\n")
    assert "core-hours" in printed.stdout
    assert not (tmp_path / "runs").exists()


def test_the_training_loop_counts_by_step_and_by_epoch_and_measuring_it_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = LaunchConfig(out=str(tmp_path), **CPU)
    without = forecast(expand(STUDY), launch, a_second, no_time)
    found = forecast(expand(STUDY), launch, a_second, lambda _: LoopSeconds(step=0.5, epoch=2.0))
    assert found.run_seconds == pytest.approx(without.run_seconds + 0.5 * found.steps + 2.0 * found.epochs)
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    assert measure_loop.__wrapped__("cpu").step > 0
    assert before[:2] == (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())
    assert torch.equal(before[2], torch.get_rng_state())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert measure_loop.__wrapped__("cpu") == LoopSeconds()
