"""What a study will cost before it starts: runs, epochs, steps, and hours from a measured step of each network."""

import dataclasses
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
from litmus.core.config_keys import flatten
from litmus.core.errors import UserError
from litmus.core.formatting import roughly
from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.batches.order import training_steps
from litmus.design.plan import Plan
from litmus.launch.machine import LaunchConfig, execution_of
from litmus.launch.older_code import OlderCode
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.lit_archs.learning.optimiser import build_optimiser
from litmus.lit_archs.learning.tasks import MODULES
from litmus.records.run_record import run_records
from litmus.records.storage import StorageError
from litmus.records.study_record import read_study_record
from litmus.training.config import MIXED, RunConfig, resolve, use_precision
from litmus.training.environment import available_cpus
from litmus.training.execute import execute
from litmus.training.identity import run_code, run_id
from litmus.training.network import build_network, network_options
from litmus.training.own_code import local_code
from litmus.training.run import Execution, Place, Run

BATCHES = (16, 256)
EPOCHS = 4


@dataclass(frozen=True)
class LoopSeconds:
    """The seconds that a step and an epoch take beside what the network computes: batches, callbacks, records."""

    step: float = 0.0
    epoch: float = 0.0


@functools.cache
def measure_loop(accelerator: str) -> LoopSeconds:
    """Return what the training loop takes on this machine, on one device, beside the network's own arithmetic.

    A linear classifier of 64 numbers is trained on scikit-learn's digits with many small batches and with few large
    ones, whose difference is that of their steps; what is left of the few is the epochs'. Where no temporary folder can
    be written, it takes nothing.
    """
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        _epoch(accelerator, BATCHES[0], epochs=1)  # what is done once in a process is done by now
        (many, long), (few, short) = (_epoch(accelerator, batch, EPOCHS) for batch in BATCHES)
    except (OSError, StorageError):
        return LoopSeconds()  # a forecast that says too little is no reason to refuse the study
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        gc.unfreeze()
    step = max(0.0, (long - short) / (many - few))
    return LoopSeconds(step, max(0.0, short - few * step))


def _epoch(accelerator: str, batch: int, epochs: int) -> tuple[float, float]:
    """Return the steps and the seconds of an epoch."""
    config = resolve(
        {"model.name": "mlp", "model.depth": 0, "data.name": "digits", "data.batch_size": batch,
         "trainer.epochs": epochs, "optim.lr": 1e-3}
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run = Run("loop", "loop", "loop", {}, config, Path(folder), trial="loop")
        with torch.random.fork_rng():
            execute(run, Execution(accelerator=accelerator), Place(device_indices=(0,)), lambda _: None)
        summary = run.record.read_summary()
    return summary["metrics"]["steps"] / epochs, summary["seconds"] / epochs


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


LARGER = 8
"""Times the batch with which it is seen how much of the GPU a step leaves unused."""

MOST = 16
"""Runs on one GPU at most."""

CONTEXT_BYTES = 1 << 30
"""What a process takes of a GPU's memory before it has allocated anything: the context, and the libraries' kernels."""


@dataclass(frozen=True)
class Room:
    """What was measured of one run on a GPU, and what there is.

    `seconds` of a step of its batch, `seconds_larger` of one of `LARGER` times as many images; `run_bytes` of the GPU's
    memory that a run takes, `free_bytes` that are free; `cpus` that start kernels for each GPU; `runs` that wait for
    each GPU.
    """

    seconds: float
    seconds_larger: float
    run_bytes: int
    free_bytes: int
    cpus: int
    runs: int

    @property
    def beside(self) -> int:
        """Runs at a time: what the GPU computes in the time of a step, what its memory holds and the cores drive.

        Where the larger batch takes no longer, a step leaves at least seven eighths of the GPU unused.
        """
        unused = LARGER * self.seconds / self.seconds_larger
        most = (unused, self.free_bytes / self.run_bytes, self.cpus, self.runs, MOST)
        return max(1, int(min(most)))

    def told(self) -> str:
        """Return what was chosen, and why, in a line."""
        step, larger = 1000 * self.seconds, 1000 * self.seconds_larger
        return (
            f"{self.beside} at a time on each GPU (a step takes {step:.1f} ms, one of {LARGER} times the batch "
            f"{larger:.1f} ms; a run {self.run_bytes / 2**30:.1f} of {self.free_bytes / 2**30:.0f} GiB); "
            "--per-device N says otherwise"
        )


def packed(launch: LaunchConfig, runs: Sequence[Run]) -> tuple[LaunchConfig, str | None]:
    """Return `launch` with a number for `per_device` where it is auto, and what to tell of it.

    Nothing of it changes a result: each run has a process of its own. One run at a time on a CPU, and where a run takes
    several devices or nothing could run beside it.
    """
    if launch.per_device != "auto":
        return launch, None
    alone = dataclasses.replace(launch, per_device=1)
    execution, places = execution_of(alone)
    if execution.accelerator != "cuda" or execution.devices > 1 or launch.workers is not None:
        return alone, None
    waiting = -(-len(runs) // len(places))
    if waiting < 2:
        return alone, None
    room = measure(_largest(runs), execution, max(1, available_cpus() // len(places)), waiting)
    return dataclasses.replace(launch, per_device=room.beside), room.told()


def measure(config: RunConfig, execution: Execution, cpus: int, runs: int) -> Room:
    """Return what a step of `config` takes on the first GPU, and what is there."""
    size = data_size(config.data)
    larger = dataclasses.replace(
        config, data=dataclasses.replace(config.data, batch_size=LARGER * config.data.batch_size)
    )
    free = torch.cuda.mem_get_info(0)[0]
    torch.cuda.reset_peak_memory_stats(0)
    try:
        seconds = measure_step(config, size, execution)
        step_bytes = torch.cuda.max_memory_reserved(0)
        try:
            seconds_larger = measure_step(larger, size, execution)
        except torch.OutOfMemoryError:
            seconds_larger = LARGER * seconds  # a step that large needs no company
    finally:
        torch.cuda.empty_cache()
    channels, height, width = size.image_shape
    data_bytes = (size.train_images + size.test_images) * channels * height * width
    resident = data_bytes if data_bytes < free / 2 else 0
    return Room(seconds, seconds_larger, CONTEXT_BYTES + step_bytes + resident, free, cpus, runs)


def _largest(runs: Sequence[Run]) -> RunConfig:
    """Return the config of the run whose batch is the largest; of several the deepest and widest, as their keys say."""

    def size(run: Run) -> tuple[float, ...]:
        model = run.config.model
        numbers = [float(model.get(key) or 0) for key in ("depth", "width")]
        return (run.config.data.batch_size, *numbers)

    return max(runs, key=size).config


@dataclass(frozen=True)
class Longest:
    """The arm that takes most of a study's time, and the seconds of its step."""

    config: RunConfig
    size: DataSize
    execution: Execution
    seconds: float


@dataclass(frozen=True)
class Forecast:
    """What is left to do of a study, and how long it takes.

    `run_seconds` is the time of all the runs that are left, one after another, `wall_seconds` that of the study with
    `at_a_time` runs beside each other; a run occupies `units` CPU cores or GPUs. Loading and augmentation come
    on top, and runs that share a GPU or a core's caches take longer than one by itself. `longest` is what takes most of
    it.
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
    longest: Longest | None = None

    def lines(self) -> list[str]:
        """Return the forecast in two lines of at most 80 columns."""
        done = f" ({self.complete:,} done)" if self.complete else ""
        if not self.runs:
            return [f"forecast: nothing to run{done}"]
        unit = "GPU" if self.accelerator == "cuda" else "core"
        hours = self.run_seconds * self.units / 3600
        return [
            f"forecast: {self.runs:,} runs, {self.epochs:,} epochs, {self.steps:,} steps{done}",
            f"  about {_figure(hours)} {unit}-hours, {roughly(self.wall_seconds)} with {self.at_a_time} at a time; "
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
    times = RunTimes(execution, step_seconds)
    taken: list[tuple[float, RunConfig]] = []
    is_done = _done(plan, launch, source)
    seconds: list[float] = []
    complete = epochs = steps = 0
    for config, planned in _work(plan, plan.directory(launch.out)):
        missing = [seed for seed in planned if not is_done(config.with_seed(seed))]
        complete += len(planned) - len(missing)
        if not missing:
            continue
        run_steps, run_seconds = times.of(config)
        seconds += [run_seconds] * len(missing)
        taken.append((run_seconds * len(missing), config))
        epochs += config.trainer.epochs * len(missing)
        steps += run_steps * len(missing)
    units = execution.devices * (1 if _cuda(execution) else execution.threads)
    longest = None
    if taken:
        _, config = max(taken, key=lambda each: each[0])
        size, step = times.step(config)
        longest = Longest(config, size, execution, step)
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
        longest=longest,
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


def _complete_runs(directory: Path) -> set[tuple[str, str]]:
    """Return the complete runs of a study's folder: the data's fingerprint and the identity of each."""
    found = set()
    for record in run_records(directory):
        if record.outcome().is_complete:
            found.add((str(record.read_summary()["data"]["fingerprint"]), record.run_id))
    return found


def _cuda(execution: Execution) -> bool:
    return execution.accelerator == "cuda"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


WORTH = 0.9
"""Share of the time above which a setting is not told of."""


def savings(told: Forecast, step_seconds: Callable[..., float] = measure_step) -> list[str]:
    """Return a line for what would save time: the share of a step's that the study's costliest network then takes.

    Compiling is not tried: it takes a minute a network before the first step.
    """
    if told.longest is None:
        return []
    longest, trainer = told.longest, told.longest.config.trainer
    changes: list[dict[str, Any]] = [{"precision": "bf16-mixed"}, {"channels_last": True}]
    changes.append({**changes[0], **changes[1]})
    if told.accelerator == "cuda":
        changes.insert(0, {"precision": "tf32"})
    found = []
    for change in changes:
        # Who asked for another precision than the default has chosen.
        if any(key == "precision" and trainer.precision != "32-true" for key in change):
            continue
        if any(getattr(trainer, key) == value for key, value in change.items()):
            continue
        faster = dataclasses.replace(trainer, **change)
        config = dataclasses.replace(longest.config, trainer=faster)
        share = step_seconds(config, longest.size, longest.execution) / longest.seconds
        if share < WORTH:
            found.append(f"{100 * share:.0f} % with {_as_options(change)}")
    if not found:
        return []
    return [
        "  of that time, with other rounding, the same for all arms:",
        *(f"    {each}" for each in found),
    ]


def _as_options(change: dict[str, Any]) -> str:
    return " ".join(f"--trainer.{key} {str(value).lower()}" for key, value in change.items())
