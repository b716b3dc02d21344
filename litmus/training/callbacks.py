"""Small callbacks of every run: it stops where it diverges, evaluates at even distances, and draws dropout by key."""

import math
import signal
import threading
import time
from typing import Any

import lightning.pytorch as lightning
import torch

from litmus.core.keyed_random import derive
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.records.run_record import Heartbeat, Listener
from litmus.training.config import RunConfig


class StopAtDivergence(lightning.Callback):
    """Ends training once the module has seen a loss that is not finite.

    Every `every_n_steps` and at the end of an epoch: where an evaluation within an epoch sees it first, training goes
    on to the next of these, as it always has, so that a diverged run repeats to the last step.
    """

    def __init__(self, every_n_steps: int) -> None:
        self.every_n_steps = every_n_steps

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        stepped = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if stepped and trainer.global_step % self.every_n_steps == 0:
            self._stop(trainer, module)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._stop(trainer, module)

    def _stop(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        if module.diverged_at is not None:
            trainer.should_stop = True


class EvenValidations(lightning.Callback):
    """Evaluates `per_epoch` times an epoch, at even distances, the last time at its end.

    Lightning's own interval leaves an epoch's last steps unevaluated where it does not divide the epoch.
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


class OwnSignals(lightning.Callback):
    """Leaves SIGTERM to whoever answers it, here the launcher.

    Lightning puts a handler of its own in front, for as long as it trains or evaluates, which would cut the run off.
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
"""How long after one beat the next may come."""


class Pulse(lightning.Callback):
    """Tells about once a second how far the run is: whoever started it sees that it does not hang.

    The first time after the first step, which may have to wait until the network is compiled. `metric` is the last one
    that was logged. Nothing is asked of the device, so that no step waits for it.
    """

    def __init__(self, tell: Listener, config: RunConfig) -> None:
        self.tell = tell
        self.batch_size = config.data.batch_size
        self.epochs = config.trainer.epochs
        self.metric: tuple[str, float] = ("", math.nan)
        self._told = -math.inf
        self._timed: tuple[float, int] | None = None
        """When the steps began that are counted for the images a second, and which step that was."""
        self._rate: float | None = None

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.monotonic()
        if self._timed is None:
            self._timed = now, trainer.global_step
        if now - self._told >= BEAT_SECONDS:
            since, first = self._timed
            if trainer.global_step > first:
                self._rate = (trainer.global_step - first) * self.batch_size / (now - since)
                self._timed = now, trainer.global_step
            self._beat(trainer, module, now)

    def on_validation_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._timed = None  # what evaluation takes is none of training's speed

    def on_validation_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        now = time.monotonic()
        if now - self._told >= BEAT_SECONDS:
            self._beat(trainer, module, now)

    def on_test_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.on_validation_batch_end(trainer, module, outputs, batch, batch_idx)

    def _beat(self, trainer: lightning.Trainer, module: lightning.LightningModule, now: float) -> None:
        assert isinstance(module, LitNetwork)
        self._told = now
        step, steps = trainer.global_step, module.total_steps
        name, value = self.metric
        self.tell(
            Heartbeat(
                step,
                steps,
                step / steps * self.epochs,
                self.epochs,
                self._rate,
                name,
                value if math.isfinite(value) else None,
            )
        )


class KeyedDropout(lightning.Callback):
    """Seeds what has no generator of its own, by (seed, epoch, device): it repeats after a resume and in every arm."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # Lightning skips on_train_epoch_start in the first epoch after a resume.
        if batch_idx == 0:
            torch.manual_seed(derive(self.seed, "forward", trainer.current_epoch, trainer.global_rank))
