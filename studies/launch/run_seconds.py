"""What a run takes, from a measured step of its network: its steps, and the seconds of these and of its evaluations."""

import functools
import itertools
import math
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from datamodules.batches.config import DataConfig
from datamodules.batches.image_data import ImageDataModule
from datamodules.batches.order import training_steps
from lit_archs.building.registry import ARCHITECTURES
from lit_archs.learning.optimiser import build_optimiser
from lit_archs.learning.tasks import MODULES
from litmus.batch import Batch
from litmus.settings import flatten
from studies.launch.loop_seconds import LoopSeconds, measure_loop
from studies.training.arithmetic import MIXED, use_precision
from studies.training.config import RunConfig
from studies.training.network import build_network, network_options
from studies.training.run import Execution

WARM_UPS = 2
SECONDS = 1.0
"""How long the steps of one network are timed, once they are warm."""
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


class RunTimes:
    """The steps and seconds of runs on the device that executes them; a step of each distinct network is timed once.

    `step_seconds(config, size, execution)` and `loop` stand in for what `measure_step` and `measure_loop` measure; with
    a given step and no loop, the loop takes nothing.
    """

    def __init__(
        self,
        execution: Execution,
        step_seconds: Callable[..., float] | None = None,
        loop: LoopSeconds | None = None,
    ) -> None:
        self._execution = execution
        self._loop = loop or (measure_loop(execution.accelerator) if step_seconds is None else LoopSeconds())
        self._step_seconds = step_seconds or measure_step
        self._measured: dict[str, float] = {}

    def of(self, config: RunConfig) -> tuple[int, float]:
        """Return the steps of a run, and its seconds. Raises `UserError` where its dataset is absent and unknown."""
        size, step = self.step(config)
        held_out = round(config.data.validation * size.train_images)
        trained = round(config.data.train_fraction * (size.train_images - held_out))
        steps = config.trainer.epochs * training_steps(trained, config.data.batch_size, config.data.drop_last)
        tested = size.test_images * config.data.test_crops
        evaluated = config.trainer.epochs * config.trainer.validations_per_epoch * held_out + tested
        # Devices share an evaluation as they share a step.
        evaluation = FORWARD_SHARE * step * evaluated / config.data.batch_size
        loop = steps * self._loop.step + config.trainer.epochs * self._loop.epoch
        return steps, steps * step + evaluation + loop

    def step(self, config: RunConfig) -> tuple[DataSize, float]:
        """Return the size of a run's dataset, and the seconds of a step of its network."""
        size = data_size(config.data)
        key = repr(_what_a_step_depends_on(config, size))
        if key not in self._measured:
            self._measured[key] = self._step_seconds(config, size, self._execution)
        return size, self._measured[key]

    def __len__(self) -> int:
        """How many networks were timed."""
        return len(self._measured)


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
        # A GPU takes about as long for few images as for many: a part would say nothing of the whole.
        trial = share if device.type == "cuda" else min(share, TRIAL_BATCH)
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
    use_precision(config.trainer.precision)
    mixed = MIXED.get(config.trainer.precision)

    def arithmetic() -> AbstractContextManager[Any]:
        return torch.autocast(device.type, mixed) if mixed is not None else nullcontext()

    @functools.cache
    def batch_of(count: int) -> Batch:
        # Noise: the gradients of blank images fade to numbers so small that a CPU computes them many times slower.
        keyed = torch.Generator().manual_seed(count)
        images = torch.randn(count, *size.image_shape, generator=keyed).to(device, dtype)
        labels = torch.randint(size.num_classes, (count,), generator=keyed).to(device)
        masks = None
        if task == "segmentation":
            masks = torch.randint(size.num_classes, (count, *size.image_shape[1:]), generator=keyed).to(device)
        return Batch(images, labels, count, masks=masks)

    def step(count: int) -> None:
        batch = batch_of(count)
        with torch.random.fork_rng(devices=[]), arithmetic():  # dropout draws
            loss = module.loss(network(batch.images), batch)
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
