"""What a study will cost before it starts: runs, epochs, steps, and hours from a measured step of each network."""

import itertools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from datamodules.batches.config import DataConfig
from datamodules.batches.image_data import ImageDataModule
from datamodules.batches.order import training_steps
from lit_archs.building.registry import ARCHITECTURES
from lit_archs.learning.optimiser import build_optimiser
from lit_archs.learning.tasks import MODULES
from litmus.batch import Batch
from litmus.errors import UserError
from litmus.settings import flatten
from studies.design.plan import Plan
from studies.launch.machine import LaunchConfig, execution_of
from studies.launch.older_code import OlderCode
from studies.own_code.local_modules import local_code
from studies.records.run_record import RunRecord, run_records
from studies.records.storage import CorruptRecord
from studies.records.study_record import read_study_record
from studies.training.config import RunConfig
from studies.training.environment import available_cpus
from studies.training.identity import run_id
from studies.training.network import build_network, network_options
from studies.training.run import Execution, Run
from studies.training.run_code import run_code

WARM_UPS = 2
SECONDS = 1.0
"""How long the steps of one network are timed, once they are warm."""
TRIAL_BATCH = 8
FORWARD_SHARE = 1 / 3
"""Of a step's time: a backward pass takes about two forward ones."""
MIXED = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}


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


@dataclass(frozen=True)
class Forecast:
    """What is left to do of a study, and how long it takes.

    `run_seconds` is the time of all the runs that are left, one after another, `wall_seconds` that of the study with
    `at_a_time` runs beside each other; a run occupies `units` CPU cores or GPUs. Loading, augmentation and writing come
    on top, and runs that share a GPU or a core's caches take longer than one by itself.
    """

    runs: int
    complete: int
    epochs: int
    steps: int
    run_seconds: float
    wall_seconds: float
    accelerator: str
    units: int
    at_a_time: int

    def lines(self) -> list[str]:
        """Return the forecast in two lines of at most 80 columns."""
        done = f" ({self.complete:,} done)" if self.complete else ""
        if not self.runs:
            return [f"forecast: nothing to run{done}"]
        unit = "GPU" if self.accelerator == "cuda" else "core"
        hours = self.run_seconds * self.units / 3600
        return [
            f"forecast: {self.runs:,} runs, {self.epochs:,} epochs, {self.steps:,} steps{done}",
            f"  about {_figure(hours)} {unit}-hours, {_clock(self.wall_seconds)} with {self.at_a_time} at a time; "
            "measured here",
        ]


def forecast(
    plan: Plan,
    launch: LaunchConfig,
    step_seconds: Callable[..., float] | None = None,
    source: Path | None = None,
) -> Forecast:
    """Return what is left of `plan`, having timed a training step of each distinct network on the device that runs it.

    Complete runs under `launch.out` are left out. `step_seconds(config, size, execution)` stands in for `measure_step`;
    `source` is the file of a study outside the package.
    Raises `UserError` where a dataset is absent whose size is not known beforehand.
    """
    execution, places = execution_of(launch)
    measured: dict[str, float] = {}
    is_done = _done(plan, launch, source)
    seconds: list[float] = []
    complete = epochs = steps = 0
    for config, planned in _work(plan, plan.directory(launch.out)):
        missing = [seed for seed in planned if not is_done(config.with_seed(seed))]
        complete += len(planned) - len(missing)
        if not missing:
            continue
        size = data_size(config.data)
        key = repr(_what_a_step_depends_on(config, size))
        if key not in measured:
            measured[key] = (step_seconds or measure_step)(config, size, execution)
        held_out = round(config.data.validation * size.train_images)
        run_steps = config.trainer.epochs * training_steps(
            size.train_images - held_out, config.data.batch_size, config.data.drop_last
        )
        evaluated = config.trainer.epochs * config.trainer.validations_per_epoch * held_out + size.test_images
        # Devices share an evaluation as they share a step.
        evaluation = FORWARD_SHARE * measured[key] * evaluated / config.data.batch_size
        seconds += [run_steps * measured[key] + evaluation] * len(missing)
        epochs += config.trainer.epochs * len(missing)
        steps += run_steps * len(missing)
    units = execution.devices * (1 if _cuda(execution) else execution.threads)
    # Runs that share a GPU or a core share its time.
    available = torch.cuda.device_count() if _cuda(execution) else available_cpus()
    beside = max(1, min(len(places), available // units))
    return Forecast(
        runs=len(seconds),
        complete=complete,
        epochs=epochs,
        steps=steps,
        run_seconds=sum(seconds),
        wall_seconds=max([*seconds, sum(seconds) / beside], default=0.0),
        accelerator=execution.accelerator,
        units=units,
        at_a_time=len(places),
    )


def _work(plan: Plan, directory: Path) -> list[tuple[RunConfig, Sequence[int]]]:
    """Return the configs of a plan's runs with their seeds; first those of its tuning, where it has one.

    Arms that have chosen are at what they chose, the others at what they have untuned, which costs about the same.
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


def _done(plan: Plan, launch: LaunchConfig, source: Path | None) -> Callable[[RunConfig], bool]:
    """Return whether the run of a config has its result, on whatever data the study's folder has runs of."""
    directory = plan.directory(launch.out)
    done = _complete_runs(directory)
    identities = {identity for _, identity in done}
    fingerprints = {fingerprint for fingerprint, _ in done}
    own = None if source is None else local_code(source)
    older = OlderCode(directory, launch.devices, launch.same_code)

    def is_done(config: RunConfig) -> bool:
        for fingerprint in fingerprints:
            code = None if own is None else run_code(config, own, fingerprint, launch.devices)
            identity = run_id(config, fingerprint, launch.devices, code.version if code is not None else "")
            if identity in identities:
                return True
            run = Run(identity, plan.study.name, "", {}, config, directory / identity, source, code=code)
            if code is not None and older.counting(run, older.of(run, fingerprint)) is not None:
                return True
        return False

    return is_done


def data_size(config: DataConfig) -> DataSize:
    """Return the size of a dataset, without reading it where it is known. Raises `UserError` where it is absent."""
    if config.name in KNOWN_SIZES:
        return KNOWN_SIZES[config.name]
    datamodule = ImageDataModule(config)
    arrays = datamodule.arrays
    return DataSize(len(arrays.train_images), len(arrays.test_images), datamodule.num_classes, datamodule.image_shape)


def measure_step(config: RunConfig, size: DataSize, execution: Execution) -> float:
    """Return the seconds of one training step of one device's share of a batch: forward, backward and optimiser.

    A batch that takes longer than `SECONDS` is measured in part, and its time taken to be in proportion.
    """
    device = torch.device(execution.accelerator)
    threads = torch.get_num_threads()
    torch.set_num_threads(execution.threads)
    try:
        step = _step(config, size, device)
        parts = config.trainer.accumulate
        share = math.ceil(config.data.batch_size / (execution.devices * parts))
        trial = min(share, TRIAL_BATCH)
        for _ in range(WARM_UPS):
            step(trial)
        estimate = _timed(step, trial, device, least=0.0) / trial
        count = max(trial, min(share, int(SECONDS / estimate)))
        if count > trial:
            step(count)
        return _timed(step, count, device, least=SECONDS / 2) * parts * share / count
    finally:
        torch.set_num_threads(threads)


def _step(config: RunConfig, size: DataSize, device: torch.device) -> Callable[[int], None]:
    options = network_options(config, size.num_classes, size.image_shape)
    name = config.model["name"]
    dtype = torch.float64 if config.trainer.precision == "64-true" else torch.float32
    memory_format = torch.channels_last if config.trainer.channels_last else torch.contiguous_format
    network = build_network(config, options).to(device, dtype, memory_format=memory_format).train()  # type: ignore[call-overload]
    optimiser = build_optimiser(network.parameters(), config.optim)
    task = ARCHITECTURES[name].task
    module = MODULES[task](network, options["num_classes"], config.optim, total_steps=1)
    mixed = MIXED.get(config.trainer.precision)

    def arithmetic() -> AbstractContextManager[Any]:
        return torch.autocast(device.type, mixed) if mixed is not None else nullcontext()

    def step(count: int) -> None:
        # Noise: the gradients of blank images fade to numbers so small that a CPU computes them many times slower.
        keyed = torch.Generator().manual_seed(count)
        images = torch.randn(count, *size.image_shape, generator=keyed).to(device, dtype)
        labels = torch.randint(size.num_classes, (count,), generator=keyed).to(device)
        masks = None
        if task == "segmentation":
            masks = torch.randint(size.num_classes, (count, *size.image_shape[1:]), generator=keyed).to(device)
        with torch.random.fork_rng(devices=[]), arithmetic():  # dropout draws
            loss = module.loss(network(images), Batch(images, labels, count, masks=masks))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def _timed(step: Callable[[int], None], count: int, device: torch.device, least: float) -> float:
    """Return the median seconds of a step of `count` images, over at least one step and `least` seconds.

    The median, because on a busy machine a few steps take many times as long as the others.
    """

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    times = [now()]
    while len(times) == 1 or times[-1] - times[0] < least:
        step(count)
        times.append(now())
    return statistics.median(later - earlier for earlier, later in itertools.pairwise(times))


def _what_a_step_depends_on(config: RunConfig, size: DataSize) -> tuple[Any, ...]:
    flat = flatten({"model": config.model, "norm": config.as_dict()["norm"], "trainer": config.as_dict()["trainer"]})
    settings = [(key, value) for key, value in sorted(flat.items()) if not key.startswith("trainer.") or key in _SPEED]
    return (size.num_classes, size.image_shape, config.data.batch_size, config.optim.name, *settings)


_SPEED = ("trainer.precision", "trainer.channels_last", "trainer.accumulate")


def _complete_runs(directory: Path) -> set[tuple[str, str]]:
    """Return the complete runs of a study's folder: the data's fingerprint and the identity of each."""
    found = set()
    for record in run_records(directory):
        fingerprint = _fingerprint(record)
        if fingerprint is not None:
            found.add((fingerprint, record.run_id))
    return found


def _fingerprint(record: RunRecord) -> str | None:
    try:
        return str(record.read_summary()["data"]["fingerprint"]) if record.is_complete() else None
    except (CorruptRecord, KeyError):
        return None


def _cuda(execution: Execution) -> bool:
    return execution.accelerator == "cuda"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _clock(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes / 60:,.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:,.1f} days"
