"""How long a study will take, from one measured training step of each network."""

import functools
import gc
import itertools
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from litmus.core.batch import Batch
from litmus.core.errors import UserError
from litmus.core.formatting import duration
from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.batches.order import training_steps
from litmus.design.plan import Plan
from litmus.launch.config import LaunchConfig, execution_of, places_of
from litmus.launch.older_runs import codes_of_study
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.lit_archs.learning.optimiser import build_optimiser
from litmus.records.run_code import code_version, identity_with_code
from litmus.records.run_record import run_records
from litmus.records.study_record import read_study_record
from litmus.training.config import MIXED, RunConfig, resolve, use_precision
from litmus.training.environment import available_cpus
from litmus.training.execute import execute
from litmus.training.identity import run_id
from litmus.training.network import build_module
from litmus.training.run import Execution, Place, Run
from litmus.training.user_code import read_user_code

WARM_UPS = 2
SECONDS = 1.0
"""How long the steps of one network are timed, after the warm-up."""
TRIAL_BATCH = 8
FORWARD_SHARE = 1 / 3
"""Of a step's time: a backward pass takes about two forward ones."""


@dataclass(frozen=True)
class DataSize:
    """What of a dataset decides what a run costs."""

    train_images: int
    test_images: int
    num_classes: int
    image_shape: tuple[int, int, int]


KNOWN_SIZES = {
    "mnist": DataSize(60_000, 10_000, 10, (1, 28, 28)),
    "fashion-mnist": DataSize(60_000, 10_000, 10, (1, 28, 28)),
    "kmnist": DataSize(60_000, 10_000, 10, (1, 28, 28)),
    "cifar10": DataSize(50_000, 10_000, 10, (3, 32, 32)),
    "cifar100": DataSize(50_000, 10_000, 100, (3, 32, 32)),
}
"""Datasets that never change, so that a forecast downloads none of them."""


def data_size(config: DataConfig) -> DataSize:
    """Return the size of a dataset, without reading it where it is known. Raises `UserError` where it is absent."""
    if config.name in KNOWN_SIZES:
        return KNOWN_SIZES[config.name]
    datamodule = ImageDataModule(config)
    arrays = datamodule.arrays
    return DataSize(len(arrays.train_images), len(arrays.test_images), datamodule.num_classes, datamodule.image_shape)


def measure_step(config: RunConfig, size: DataSize, execution: Execution) -> float:
    """Return the seconds of one training step of one device: forward, backward and optimiser.

    Of a batch that takes longer than `SECONDS` a part is measured, and the time taken to be in proportion.
    """
    device = torch.device(execution.accelerator)
    threads = torch.get_num_threads()
    torch.set_num_threads(execution.threads)
    try:
        step = _training_step(config, size, device)
        accumulate = config.trainer.accumulate
        images = math.ceil(config.data.batch_size / (execution.devices * accumulate))
        # A GPU takes about as long for few images as for many: a part would say nothing of the whole.
        trial = images if device.type == "cuda" else min(images, TRIAL_BATCH)
        for _ in range(WARM_UPS):
            step(trial)
        estimate = _median_seconds(step, trial, device, at_least=0.0) / trial
        count = max(trial, min(images, int(SECONDS / estimate)))
        if count > trial:
            step(count)
        return _median_seconds(step, count, device, at_least=SECONDS / 2) * accumulate * images / count
    finally:
        torch.set_num_threads(threads)


def _training_step(config: RunConfig, size: DataSize, device: torch.device) -> Callable[[int], None]:
    """Return a function that takes a training step with a batch of so many random images."""
    dtype = torch.float64 if config.trainer.precision == "64-true" else torch.float32
    module = build_module(config, size.num_classes, size.image_shape)
    network = module.network.to(device, dtype).train()
    optimiser = build_optimiser(network.parameters(), config.optim)
    task = ARCHITECTURES[config.model["name"]].task
    use_precision(config.trainer.precision)
    mixed = MIXED.get(config.trainer.precision)

    def arithmetic() -> AbstractContextManager[Any]:
        return torch.autocast(device.type, mixed) if mixed is not None else nullcontext()

    @functools.cache
    def batch_of(count: int) -> Batch:
        # Noise: the gradients of blank images fade to numbers so small that a CPU computes them many times slower.
        generator = torch.Generator().manual_seed(count)
        images = torch.randn(count, *size.image_shape, generator=generator).to(device, dtype)
        labels = torch.randint(size.num_classes, (count,), generator=generator).to(device)
        masks = None
        if task == "segmentation":
            masks = torch.randint(size.num_classes, (count, *size.image_shape[1:]), generator=generator).to(device)
        return Batch(images, labels, count, masks=masks)

    def step(count: int) -> None:
        batch = batch_of(count)
        with torch.random.fork_rng(devices=[]), arithmetic():  # dropout draws
            loss = module.loss(network(batch.images), batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def _median_seconds(step: Callable[[int], None], count: int, device: torch.device, at_least: float) -> float:
    """Return the median seconds of a step of `count` images, over at least one step and `at_least` seconds.

    The median, because on a busy machine a few steps take many times as long as the others.
    """

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    times = [now()]
    while len(times) == 1 or times[-1] - times[0] < at_least:
        step(count)
        times.append(now())
    return statistics.median(later - earlier for earlier, later in itertools.pairwise(times))


@dataclass(frozen=True)
class LoopSeconds:
    """The seconds of a training step and of an epoch that the network does not take: batches, callbacks, records."""

    step: float = 0.0
    epoch: float = 0.0


@functools.cache
def measure_loop(accelerator: str) -> LoopSeconds:
    """Return what the training loop takes on this machine without the network: most of the time of a small network.

    A linear classifier of digits trains with many small batches and with few large ones. The difference is that of the
    steps, the rest of the few is that of the epochs.
    """
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        _digits_epoch(accelerator, batch_size=16, epochs=1)  # warms up
        many, long = _digits_epoch(accelerator, batch_size=16, epochs=4)
        few, short = _digits_epoch(accelerator, batch_size=256, epochs=4)
    except OSError:
        return LoopSeconds()  # no temporary folder: a forecast that is too low is no reason to refuse the study
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        gc.unfreeze()
    step = max(0.0, (long - short) / (many - few))
    return LoopSeconds(step, max(0.0, short - few * step))


def _digits_epoch(accelerator: str, batch_size: int, epochs: int) -> tuple[float, float]:
    """Return the steps and the seconds of an epoch of a linear classifier."""
    settings = {"model.name": "mlp", "model.depth": 0, "data.name": "digits", "data.batch_size": batch_size}
    config = resolve({**settings, "trainer.epochs": epochs, "optim.lr": 1e-3})
    with tempfile.TemporaryDirectory() as folder:
        run = Run("loop", "loop", "loop", {}, config, Path(folder), trial="loop")
        with torch.random.fork_rng():
            execute(run, Execution(accelerator=accelerator), Place(), lambda _: None)
        summary = run.record.read_summary()
    return summary["metrics"]["steps"] / epochs, summary["seconds"] / epochs


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
    step_seconds: Callable[[RunConfig, DataSize, Execution], float] = measure_step,
    loop_seconds: Callable[[str], LoopSeconds] = measure_loop,
    source: Path | None = None,
) -> Forecast:
    """Return what is left of `plan`, having timed a training step of each distinct network on this machine's devices.

    Runs that are complete under `launch.out` are left out. `step_seconds` and `loop_seconds` measure; `source`
    is the file of a study outside the package. Raises `UserError` where a dataset is absent whose size is not known.
    """
    execution = execution_of(launch)
    places = places_of(launch, execution)
    is_complete = _complete(plan, launch, source)
    measured: dict[str, float] = {}
    seconds: list[float] = []
    complete = epochs = steps = 0
    for config, seeds in _configs(plan, plan.directory(launch.out)):
        missing = sum(not is_complete(config.with_seed(seed)) for seed in seeds)
        complete += len(seeds) - missing
        if not missing:
            continue
        size = data_size(config.data)
        key = _what_decides_the_seconds_of_a_step(config, size)
        if key not in measured:
            measured[key] = step_seconds(config, size, execution)
        run_steps, run_seconds = _steps_and_seconds(config, size, measured[key])
        loop = loop_seconds(execution.accelerator)
        seconds += [run_seconds + run_steps * loop.step + config.trainer.epochs * loop.epoch] * missing
        epochs += config.trainer.epochs * missing
        steps += run_steps * missing
    cuda = execution.accelerator == "cuda"
    units = execution.devices * (1 if cuda else execution.threads)
    # Runs on one GPU or core divide its time.
    available = torch.cuda.device_count() if cuda else available_cpus()
    at_full_speed = max(1, min(len(places), available // units))
    return Forecast(
        runs=len(seconds),
        complete=complete,
        epochs=epochs,
        steps=steps,
        run_seconds=sum(seconds),
        wall_seconds=max([*seconds, sum(seconds) / at_full_speed], default=0.0),
        accelerator=execution.accelerator,
        units=units,
        concurrent=len(places),
    )


def _steps_and_seconds(config: RunConfig, size: DataSize, step: float) -> tuple[int, float]:
    """Return the training steps and the seconds of a run whose step takes `step` seconds."""
    epochs, batch = config.trainer.epochs, config.data.batch_size
    validation = round(config.data.validation * size.train_images)
    trained = round(config.data.train_fraction * (size.train_images - validation))
    steps = epochs * training_steps(trained, batch, config.data.drop_last)
    evaluated = epochs * config.trainer.validations_per_epoch * validation + size.test_images * config.data.test_crops
    return steps, steps * step + FORWARD_SHARE * step * evaluated / batch


def _what_decides_the_seconds_of_a_step(config: RunConfig, size: DataSize) -> str:
    trainer = config.trainer
    speed = (trainer.precision, trainer.channels_last, trainer.accumulate)
    norm = config.as_dict()["norm"]
    network = (size.num_classes, size.image_shape, sorted(config.model.items()), norm)
    return repr((*network, config.data.batch_size, config.optim.name, speed))


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
