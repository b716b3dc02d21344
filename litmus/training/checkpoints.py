"""Checkpoints, within an epoch too, from which a run resumes in the same bits; and its best weights."""

import contextlib
import io
import math
import os
import threading
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import torch
import torch.distributed as distributed
from torch import Tensor

from litmus.core.keyed_random import generator_states, set_generators
from litmus.core.metrics import METRICS
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.records.run_record import RunRecord
from litmus.records.storage import CorruptRecord, replace, storage_errors, write_atomically
from litmus.training.config import RunConfig
from litmus.training.run import Run

MOST_OF_TIME = 0.05
"""A checkpoint within an epoch waits until writing them takes no more than this fraction of the time."""

AGREE_EVERY = 8
"""Steps between two agreements of several processes on a checkpoint; a single process may take one at any step."""


class Paused(Exception):
    """The run was asked to stop and has written a checkpoint from which it can resume."""


class Checkpoints(lightning.Callback):
    """Saves a run at its end, at the ends of epochs and, in long ones, between two steps.

    A run resumes as if it had not stopped: for every process, a checkpoint holds the next sample, the state of the
    generators that dropout and a user's code draw from, and the sums since the last row of metrics.

    Args:
        record: the run's files on disk.
        every_seconds: least time between two checkpoints; 0: one at the end of every epoch, and none within.
        every_steps: steps between two checkpoints within an epoch, in place of the time.
        pause: once it is set, the run is checkpointed and raises `Paused`.
    """

    def __init__(
        self, record: RunRecord, every_seconds: float, every_steps: int | None, pause: threading.Event
    ) -> None:
        self.record = record
        self.every_seconds = every_seconds
        self.every_steps = every_steps
        self.pause = pause
        self._saved = time.monotonic()
        self._cost = 0.0
        self._within_epoch: list[dict[str, Any]] = []
        self._resuming: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        return {"within_epoch": self._within_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        states = state_dict["within_epoch"]
        rank, size = (distributed.get_rank(), distributed.get_world_size()) if distributed.is_initialized() else (0, 1)
        if len(states) == size:
            self._resuming = states[rank]
        elif states and rank == 0:
            # The number of processes has changed: only the sums over all of them matter.
            self._resuming = {
                **states[0],
                "losses": torch.cat([state["losses"] for state in states]),
                "correct": torch.cat([state["correct"] for state in states]),
                "counts": [count for state in states for count in state["counts"]],
            }

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._saved = time.monotonic()
        assert isinstance(module, LitNetwork)
        if self._resuming is not None:
            window = module.window
            device = module.device
            window.losses = list(self._resuming["losses"].to(device).unbind())
            window.correct = list(self._resuming["correct"].to(device).unbind())
            window.counts = list(self._resuming["counts"])
            since = self._resuming["since_validation"]
            module.since_validation = None if since is None else since.to(device)

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self._resuming is not None:
            set_generators(self._resuming["generators"])
            self._resuming = None

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(module, LitNetwork)
        stepped = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        # A resumed run would repeat an evaluation that follows, or the end of the epoch.
        between_steps = stepped and batch_idx + 1 not in (trainer.num_training_batches, trainer.val_check_batch)
        if not between_steps or module.diverged_at is not None:
            return
        due, pausing = self._due_within_epoch(trainer)
        if due or pausing:
            states: list[Any] = [None] * trainer.world_size
            if trainer.world_size > 1:
                distributed.all_gather_object(states, _state(module))
            else:
                states = [_state(module)]
            self._within_epoch = states
            self._save(trainer)
            self._within_epoch = []
        if pausing:
            raise Paused

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        last = trainer.current_epoch + 1 == trainer.max_epochs
        late = time.monotonic() - self._saved >= self.every_seconds
        pausing = self.pause.is_set() and not last
        due, pausing = trainer.strategy.broadcast((last or pausing or late, pausing))
        # A diverged run leaves the checkpoint before: from there it diverges again, should it be killed now.
        if module.diverged_at is not None:
            return
        if due:
            self._save(trainer)
        if pausing:
            raise Paused

    def _due_within_epoch(self, trainer: lightning.Trainer) -> tuple[bool, bool]:
        """Return whether a checkpoint is due, and whether the run should stop; the same in all processes."""
        step = trainer.global_step
        by_step = self.every_steps is not None and step % self.every_steps == 0
        if trainer.world_size > 1 and step % AGREE_EVERY:
            return by_step, False
        since = time.monotonic() - self._saved
        by_time = self.every_seconds > 0 and max(self.every_seconds, self._cost / MOST_OF_TIME) <= since
        due = (by_time and self.every_steps is None, self.pause.is_set())
        by_time, pausing = trainer.strategy.broadcast(due) if trainer.world_size > 1 else due
        return by_step or by_time, pausing

    def _save(self, trainer: lightning.Trainer) -> None:
        path, began = self.record.checkpoint, time.monotonic()
        temporary = path.with_suffix(".saving")
        with storage_errors(path):
            # Lightning would create missing parents too, such as a study's folder that the user has deleted.
            path.parent.mkdir(exist_ok=True)
            try:
                trainer.save_checkpoint(temporary)
                if trainer.is_global_zero:
                    with open(temporary, "rb+") as file:
                        os.fsync(file.fileno())
                    replace(temporary, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise
        self._saved = time.monotonic()
        self._cost = self._saved - began


def _state(module: LitNetwork) -> dict[str, Any]:
    """Return what this process needs to resume between two steps, besides what Lightning saves."""
    window, empty = module.window, torch.empty(0)
    since = module.since_validation
    return {
        "losses": torch.stack(window.losses).cpu() if window.losses else empty,
        "correct": torch.stack(window.correct).cpu() if window.correct else empty,
        "counts": list(window.counts),
        "since_validation": None if since is None else since.cpu(),
        "generators": generator_states(),
    }


class BestWeights(lightning.Callback):
    """Keeps a copy of the weights of the best evaluation so far in memory; of equal evaluations, those of the first.

    The copy is part of the run's checkpoint, so that a resumed run has the best weights up to its step, even if it had
    come further before it was killed. At the end of training the copy is written to a file, together with `content`,
    and the last checkpoint is saved without it.
    """

    @staticmethod
    def wanted(config: RunConfig) -> bool:
        """Whether a run of `config` keeps or tests its best weights."""
        return config.trainer.keep in ("best", "both") or config.trainer.test == "best"

    def __init__(self, record: RunRecord, content: dict[str, Any]) -> None:
        self.record = record
        self.content = content
        self.value: float | None = None
        self.step: int | None = None
        self.weights: dict[str, Tensor] | None = None
        self._written = False

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value, "step": self.step, "weights": None if self._written else self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.value, self.step, self.weights = state_dict["value"], state_dict["step"], state_dict["weights"]
        if self.step is not None and self.weights is None:
            self.weights = read_checkpoint(self.record.best_checkpoint)["state_dict"]
            self._written = True

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        metric = METRICS[module.task.primary_metric]
        value = float(trainer.callback_metrics[f"val_{metric.name}"])
        # A network that diverged still predicts something.
        if module.diverged_at is not None or not math.isfinite(value):
            return
        if self.value is None or metric.best((self.value, value), lambda each: each) != self.value:
            self.value = value
            self._take(trainer, module)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if trainer.current_epoch + 1 == trainer.max_epochs:
            self._write(trainer)

    def finish(self, trainer: lightning.Trainer, module: LitNetwork) -> None:
        """Write the file unless it is written, with the last weights if no evaluation was finite.

        A run that diverged before its first evaluation has no such file.
        """
        if self.weights is None and module.diverged_at is None:
            self._take(trainer, module)
        self._write(trainer)

    def _take(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.step = trainer.global_step
        self.weights = {name: tensor.detach().cpu().clone() for name, tensor in module.state_dict().items()}

    def _write(self, trainer: lightning.Trainer) -> None:
        if self.weights is None or self._written:
            return
        if trainer.is_global_zero:
            file = io.BytesIO()
            torch.save({"state_dict": self.weights, "global_step": self.step, **self.content}, file)
            write_atomically(self.record.best_checkpoint, file.getvalue())
        self._written = True

    def load_into(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Load these weights into `module`, on all devices those of the first."""
        weights = trainer.strategy.broadcast(self.weights)
        assert weights is not None
        module.load_state_dict(weights)


def check_readable(run: Run) -> None:
    """Raise `CorruptRecord` if the run has a checkpoint from which it cannot resume."""
    path = run.record.checkpoint
    if not path.exists():
        return
    content = read_checkpoint(path, mmap=True)
    missing = {"state_dict", "loops", "callbacks", "optimizer_states", "lr_schedulers"} - content.keys()
    if missing:
        raise CorruptRecord(f"{path}: lacks {', '.join(sorted(missing))}")
    if BestWeights.wanted(run.config) and BestWeights.__qualname__ not in content["callbacks"]:
        raise CorruptRecord(f"{path}: saved without the best weights, which trainer.keep or trainer.test now needs")


def read_checkpoint(path: Path, mmap: bool = False) -> dict[str, Any]:
    """Return what a file of weights holds, on the CPU. Raises `CorruptRecord`."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
        return {**content, "state_dict": dict(content["state_dict"])}
    except Exception as error:  # torch.load raises a dozen types for a damaged file
        raise CorruptRecord(f"{path}: {' '.join(str(error).split())[:120]}") from None
