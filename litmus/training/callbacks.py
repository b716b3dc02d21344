"""Small callbacks of every run: divergence, validations, batch norm's statistics, signals, progress, generators."""

import itertools
import math
import signal
import threading
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
from torch.nn.modules.batchnorm import _BatchNorm

from litmus.core.keyed_random import generator_states, seed_generators, set_generators
from litmus.core.metrics import Task
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.batches.shard import Shard
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.records.run_record import Heartbeat, Listener, write_heartbeat
from litmus.training.config import RunConfig
from litmus.training.recorder import Recorder


class StopAtDivergence(lightning.Callback):
    """Ends training after a loss that is not finite.

    It checks every `every_n_steps` steps and at the end of each epoch. If an evaluation within an epoch finds such a
    loss, training ends at the next check.
    """

    def __init__(self, every_n_steps: int) -> None:
        self.every_n_steps = every_n_steps

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        stepped = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if stepped and trainer.global_step % self.every_n_steps == 0:
            self._stop_if_diverged(trainer, module)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._stop_if_diverged(trainer, module)

    def _stop_if_diverged(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        if module.diverged_at is not None:
            trainer.should_stop = True


class EvenlySpacedValidations(lightning.Callback):
    """Evaluates `per_epoch` times an epoch, evenly spaced, the last time at its end.

    Lightning's `val_check_interval` leaves an epoch's last steps unevaluated if it does not divide the epoch.
    """

    def __init__(self, per_epoch: int) -> None:
        self.per_epoch = per_epoch

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        part, parts = batch_idx + 1, trainer.accumulate_grad_batches
        step, steps = part // parts, int(trainer.num_training_batches) // parts
        due = part % parts == 0 and step * self.per_epoch // steps > (step - 1) * self.per_epoch // steps
        trainer.val_check_batch = part if due else part + 1


STATISTICS_IMAGES = 10_000


class PopulationStatistics(lightning.Callback):
    """Gives batch norm the statistics of the training set before each evaluation, in place of running averages.

    They are the means over the first epoch's batches, of about 10,000 images, with the weights of that moment: a mean
    and an unbiased variance of each batch, or of each virtual batch (Ioffe & Szegedy 2015, 1502.03167, algorithm 2).
    """

    def on_validation_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        layers = [
            layer for layer in module.network.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats
        ]
        if not layers:
            return
        momenta = [layer.momentum for layer in layers]
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # the mean over all batches
            layer.train()
        datamodule: ImageDataModule = trainer.datamodule  # type: ignore[attr-defined]
        parts = trainer.accumulate_grad_batches
        steps = max(1, STATISTICS_IMAGES // datamodule.config.batch_size)
        batches = datamodule.train_epoch(0, Shard(trainer.global_rank, trainer.world_size), parts)
        with trainer.precision_plugin.forward_context():
            for batch in itertools.islice(batches, steps * parts):
                module.network(trainer.precision_plugin.convert_input(batch).images)
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
            layer.eval()
            for statistic in (layer.running_mean, layer.running_var):
                assert statistic is not None
                statistic.copy_(trainer.strategy.reduce(statistic, reduce_op="mean"))

    on_test_start = on_validation_start  # type: ignore[assignment]


class KeepSignalHandlers(lightning.Callback):
    """Keeps the launcher's handler of SIGTERM.

    Lightning replaces it while it trains or evaluates, by one that would stop the run at once.
    """

    def __init__(self) -> None:
        self._handler: Any = None

    def setup(self, trainer: lightning.Trainer, module: lightning.LightningModule, stage: str) -> None:
        self._handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._put_back()

    def on_test_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._put_back()

    def _put_back(self) -> None:
        # Only the main thread may handle signals; Lightning does not in others either.
        if self._handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handler)


BEAT_SECONDS = 1.0
"""Least time between two heartbeats."""
WRITE_SECONDS = 5.0
"""Least time between two heartbeats that are written to disk."""


class Heartbeats(lightning.Callback):
    """Reports the run's progress about once a second, first after the first step.

    It never waits for the device. With a `directory` it also writes the heartbeat there every few seconds, for
    processes that share only the disk.
    """

    def __init__(self, on_progress: Listener, recorder: Recorder, config: RunConfig, directory: Path | None) -> None:
        self.on_progress = on_progress
        self.recorder = recorder
        self.batch_size = config.data.batch_size
        self.epochs = config.trainer.epochs
        self.directory = directory
        self._last = -math.inf
        self._written = time.monotonic()
        self._timed: tuple[float, int] | None = None
        """The time and step since which the images per second are counted."""
        self._rate: float | None = None

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.monotonic()
        if self._timed is None:
            self._timed = now, trainer.global_step
        if now - self._last >= BEAT_SECONDS:
            since, first = self._timed
            if trainer.global_step > first:
                self._rate = (trainer.global_step - first) * self.batch_size / (now - since)
                self._timed = now, trainer.global_step
            self._beat(trainer, module, now)

    def on_validation_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._timed = None  # the images per second are those of training

    def on_validation_batch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule, *_: Any) -> None:
        now = time.monotonic()
        if now - self._last >= BEAT_SECONDS:
            self._beat(trainer, module, now)

    on_test_batch_end = on_validation_batch_end  # type: ignore[assignment]

    def _beat(self, trainer: lightning.Trainer, module: lightning.LightningModule, now: float) -> None:
        assert isinstance(module, LitNetwork)
        self._last = now
        step, steps = trainer.global_step, module.total_steps
        name, value = self._last_metric(module.task)
        heartbeat = Heartbeat(
            step,
            steps,
            step / steps * self.epochs,
            self.epochs,
            self._rate,
            name,
            value if math.isfinite(value) else None,
        )
        self.on_progress(heartbeat)
        if self.directory is not None and now - self._written >= WRITE_SECONDS:
            self._written = now
            write_heartbeat(self.directory, heartbeat)

    def _last_metric(self, task: Task) -> tuple[str, float]:
        """Return the latest metric of the validation split, or of training before the first evaluation."""
        name = f"val_{task.primary_metric}"
        for row in reversed(self.recorder.rows):
            if row["kind"] == "evaluation":
                return name, row[name]
        name = task.training_columns[-1]
        return (name, self.recorder.rows[-1][name]) if self.recorder.rows else ("", math.nan)


class KeyedGenerators(lightning.Callback):
    """Seeds the global generators of Python, NumPy and PyTorch, which dropout and a user's code draw from.

    By (seed, epoch, rank) in training: the same in every arm. By (seed, step, rank) in an evaluation, which leaves the
    generators of training as they were.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._of_training: dict[str, Any] | None = None

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # Lightning skips on_train_epoch_start in the first epoch after a resume.
        if batch_idx == 0:
            seed_generators(self.seed, "forward", trainer.current_epoch, trainer.global_rank)

    def on_validation_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._of_training = generator_states()
        seed_generators(self.seed, "validation", trainer.global_step, trainer.global_rank)

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if self._of_training is not None:
            set_generators(self._of_training)

    def on_test_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        seed_generators(self.seed, "test", trainer.global_rank)
