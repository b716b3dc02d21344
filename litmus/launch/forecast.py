"""How long a study will take, from short runs of each distinct network on this machine."""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from litmus.core.errors import UserError
from litmus.core.formatting import duration
from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.batches.order import training_steps
from litmus.datamodules.loading.arrays import ImageArrays, read
from litmus.design.plan import Plan
from litmus.launch.config import LaunchConfig, execution_of, places_of
from litmus.records.run_record import run_records
from litmus.records.study_record import read_study_record
from litmus.records.user_code import code_version, identity_with_code
from litmus.training.config import RunConfig
from litmus.training.environment import available_cpus
from litmus.training.execute import cost_of, execute
from litmus.training.identity import run_id
from litmus.training.network import network_options
from litmus.training.older_runs import codes_of_study
from litmus.training.run import Execution, Place, Run
from litmus.training.user_code import read_user_code

EPOCHS = 2
"""Epochs of a short run."""
MOST_STEPS = 50
"""Most training steps of a short run's epoch; a large network on a CPU takes fewer, with smaller batches."""
CPU_FLOPS = 2e10
"""Floating-point operations of the forward passes of such an epoch on a CPU: about two seconds."""
LEAST_BATCH = 8
LEARNING_RATE = 1e-8
"""So small that no run diverges, which would end it early."""

KNOWN_SIZES = {
    "mnist": (60_000, 10_000, 10, (1, 28, 28)),
    "fashion-mnist": (60_000, 10_000, 10, (1, 28, 28)),
    "kmnist": (60_000, 10_000, 10, (1, 28, 28)),
    "cifar10": (50_000, 10_000, 10, (3, 32, 32)),
    "cifar100": (50_000, 10_000, 100, (3, 32, 32)),
}
"""Training and test images, classes and usual shape of datasets that never change: a forecast downloads none."""


@dataclass(frozen=True)
class DataSize:
    """The size of a dataset; `arrays` are its images, None if it need not be read."""

    train_images: int
    test_images: int
    num_classes: int
    image_shape: tuple[int, int, int]
    arrays: ImageArrays | None = None

    @classmethod
    def of(cls, config: DataConfig) -> "DataSize":
        """Return the size of a dataset, without reading it if it is known. Raises `UserError` if it is absent."""
        if config.name in KNOWN_SIZES:
            train, test, classes, (channels, *side) = KNOWN_SIZES[config.name]
            height, width = [config.options.get("image_size") or pixels for pixels in side]
            return cls(train, test, classes, (channels, height, width))
        data = ImageDataModule(config)
        counts = len(data.arrays.train_images), len(data.arrays.test_images)
        return cls(*counts, data.num_classes, data.image_shape, data.arrays)

    def subset(self, images: int) -> ImageArrays:
        """Return the first training images, or random ones, with test images in proportion."""
        indices = torch.arange(images) % self.train_images
        tested = indices[: max(1, round(images * self.test_images / self.train_images))]
        if self.arrays is None:
            pixels = torch.randint(256, (images, *self.image_shape), dtype=torch.uint8)
            labels, classes = indices % self.num_classes, tuple(map(str, range(self.num_classes)))
            return ImageArrays(pixels, labels, pixels[tested], labels[tested], classes)
        (pixels,) = read(self.arrays.train_images, [indices])
        labels, masks = self.arrays.train_labels[indices], self.arrays.train_masks
        part = replace(self.arrays, train_images=pixels, train_labels=labels, sums=None, content="subset")
        part = replace(part, test_images=pixels[tested], test_labels=labels[tested])
        return part if masks is None else replace(part, train_masks=masks[indices], test_masks=masks[tested])


def measure(config: RunConfig, size: DataSize, execution: Execution) -> tuple[float, float]:
    """Return the seconds that a run of `config` takes once, for its start and its test, and in each epoch.

    Two short runs, over few images and over many, have the proportions of the whole dataset: the time grows along a
    line with the number of images. They leave the threads and the determinism of this process as a run sets them.
    """
    step = config.data.batch_size / execution.devices
    batch, steps = math.ceil(step), steps_per_epoch(config, size)
    many = min(steps, MOST_STEPS)
    if execution.accelerator == "cpu":
        options = network_options(config, size.num_classes, size.image_shape)
        images = CPU_FLOPS / cost_of(config.model["name"], tuple(sorted(options.items())), size.image_shape).flops
        batch = min(batch, max(LEAST_BATCH, config.trainer.accumulate, int(images / 4)))
        many = max(2, min(math.ceil(steps * step / batch), MOST_STEPS, int(images / batch)))
    few = max(1, many // 4, config.trainer.validations_per_epoch)
    many = max(many, 4 * few)  # of lengths as close as their noise, two runs do not show the time of a step
    _short_run(config, size, execution, batch, 1)  # warms up
    few, once_few, epoch_few = _short_run(config, size, execution, batch, few)
    many, once_many, epoch_many = _short_run(config, size, execution, batch, many)
    # In steps of a short run, which has smaller batches.
    beyond = (steps * step / batch - many) / max(1, many - few)
    return once_many + beyond * max(0.0, once_many - once_few), epoch_many + beyond * max(0.0, epoch_many - epoch_few)


def _short_run(
    config: RunConfig, size: DataSize, execution: Execution, batch: int, steps: int
) -> tuple[int, float, float]:
    """Execute a run over a part of the data; return its steps an epoch, and the seconds outside and in an epoch."""
    data = replace(config.data, batch_size=batch, drop_last=True)
    trained = data.train_fraction * (1 - data.validation)
    # Enough for all classes, of each of which a part is trained on, and for a validation.
    images = math.ceil(max(steps * batch / trained + size.num_classes * (data.train_fraction < 1), 1 / data.validation))
    short = replace(_timed(config), data=data, trainer=replace(config.trainer, epochs=EPOCHS, compile=False))
    with tempfile.TemporaryDirectory() as folder:
        run = Run("forecast", "forecast", "forecast", {}, short, Path(folder))
        alone = replace(execution, devices=1, wandb="disabled", logger=None)
        began = time.monotonic()
        execute(run, alone, Place(), lambda _: None, arrays=size.subset(images))
        seconds = time.monotonic() - began
        summary = run.record.read_summary()
    return summary["metrics"]["steps"] // EPOCHS, seconds - summary["seconds"], summary["seconds"] / EPOCHS


def _timed(config: RunConfig) -> RunConfig:
    """Return a config with one value for everything that changes no time, whose run does not diverge."""
    optim, init = replace(config.optim, lr=LEARNING_RATE), replace(config.init, gain=1.0)
    return replace(config, optim=optim, init=init, trainer=replace(config.trainer, epochs=EPOCHS), seed=0)


@dataclass(frozen=True)
class Forecast:
    """What is left to do of a study, and how long it takes.

    `run_seconds` is the time of all remaining runs, one after another, `wall_seconds` that of the study with
    `concurrent` runs at a time; a run occupies `units` CPU cores or GPUs.
    """

    runs: int
    complete: int
    epochs: int
    steps: int
    run_seconds: float
    wall_seconds: float
    accelerator: str
    units: int
    concurrent: int

    def lines(self) -> list[str]:
        """Return the forecast in two lines of at most 80 columns."""
        done = f" ({self.complete:,} done)" if self.complete else ""
        if not self.runs:
            return [f"forecast: nothing to run{done}"]
        unit = "GPU" if self.accelerator == "cuda" else "core"
        hours = self.run_seconds * self.units / 3600
        figure = f"{hours:,.0f}" if hours >= 10 else f"{hours:.2g}"
        return [
            f"forecast: {self.runs:,} runs, {self.epochs:,} epochs, {self.steps:,} steps{done}",
            f"  about {figure} {unit}-hours, {duration(self.wall_seconds)} with {self.concurrent} at a time; "
            "measured here",
        ]


def forecast(
    plan: Plan,
    launch: LaunchConfig,
    source: Path | None = None,
    measured_by: Callable[[RunConfig, DataSize, Execution], tuple[float, float]] = measure,
) -> Forecast:
    """Return what is left of `plan`, having measured each distinct network on this machine's devices.

    Runs that are complete under `launch.out` are left out; `source` is the file of a study outside the package. Raises
    `UserError` if a dataset of unknown size is absent.
    """
    execution = execution_of(launch)
    places = places_of(launch, execution)
    is_complete = _complete(plan, launch, source)
    measured: dict[str, tuple[float, float]] = {}
    seconds: list[float] = []
    complete = epochs = steps = 0
    for config, seeds in _configs(plan, plan.directory(launch.out)):
        missing = sum(not is_complete(config.with_seed(seed)) for seed in seeds)
        complete += len(seeds) - missing
        if not missing:
            continue
        size, trained, key = DataSize.of(config.data), config.trainer.epochs, repr(_timed(config))
        if key not in measured:
            measured[key] = measured_by(config, size, execution)
        once, epoch = measured[key]
        seconds += [once + trained * epoch] * missing
        epochs += trained * missing
        steps += trained * steps_per_epoch(config, size) * missing
    cuda = execution.accelerator == "cuda"
    units = execution.devices * (1 if cuda else execution.threads)
    # Runs on one GPU or core divide its time.
    available = torch.cuda.device_count() if cuda else available_cpus()
    at_full_speed = max(1, min(len(places), available // units))
    wall = max([*seconds, sum(seconds) / at_full_speed], default=0.0)
    return Forecast(
        len(seconds), complete, epochs, steps, sum(seconds), wall, execution.accelerator, units, len(places)
    )


def steps_per_epoch(config: RunConfig, size: DataSize) -> int:
    """Return the training steps of an epoch over the whole dataset."""
    trained = size.train_images - round(config.data.validation * size.train_images)
    return training_steps(round(config.data.train_fraction * trained), config.data.batch_size, config.data.drop_last)


def _configs(plan: Plan, directory: Path) -> list[tuple[RunConfig, Sequence[int]]]:
    """Return the configs of a plan's runs with their seeds; of a tuned plan first those of its trials.

    An arm that has chosen its values has these, another one its untuned values, which cost about the same.
    """
    if plan.tuning is None:
        return [(arm.config, plan.seeds_of(arm.label)) for arm in plan.arms]
    trials = [(arm.at(point).config, plan.tuning.seed_numbers) for point in plan.tuning.points for arm in plan.arms]
    try:
        tuning = read_study_record(directory).tuning
    except UserError:
        tuning = None
    chosen = tuning.chosen if tuning is not None else {}
    arms = [arm.at(chosen.get(arm.label, {})) for arm in plan.arms]
    return [*trials, *((arm.config, plan.seeds_of(arm.label)) for arm in arms)]


def _complete(plan: Plan, launch: LaunchConfig, source: Path | None) -> Callable[[RunConfig], bool]:
    """Return a function that says whether a config's run is complete, on any data that the folder has runs of."""
    identities, fingerprints = set(), set()
    for record in run_records(plan.directory(launch.out)):
        if record.outcome().is_complete:
            fingerprints.add(str(record.read_summary()["data"]["fingerprint"]))
            identities.add(record.run_id)
    codes = [] if source is None else codes_of_study(plan.directory(launch.out), read_user_code(source).hashes)
    versions = [code_version(code) for code in (codes if launch.same_code else codes[:1])]

    def is_complete(config: RunConfig) -> bool:
        bases = [run_id(config, fingerprint, launch.devices) for fingerprint in fingerprints]
        with_code = [identity_with_code(base, version) for base in bases for version in versions]
        return not identities.isdisjoint(bases if source is None else with_code)

    return is_complete
