"""When a run is checkpointed, in the middle of an epoch too, and what it takes to go on from there in the same bits."""

import contextlib
import os
import threading
import time
from typing import Any

import lightning.pytorch as lightning
import torch
import torch.distributed as distributed

from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.records.run_record import RunRecord
from litmus.records.storage import storage_errors

MOST_OF_TIME = 0.05
"""A checkpoint within an epoch waits until writing them takes no more than this share of the time."""

AGREE_EVERY = 8
"""Steps between two moments at which several processes agree on a checkpoint; one by itself may take any."""


class Paused(Exception):
    """The run was asked to give way: it has written a checkpoint, and is left there."""


class Checkpoints(lightning.Callback):
    """Saves a run at its end, at the ends of epochs and, in long ones, between two steps.

    A run goes on from a checkpoint as if nothing had been: the sample that follows, the generators that dropout draws
    from, and what has been summed up since the last row of metrics, of every process, are part of it.

    Args:
        record: what the run leaves on disk.
        every_seconds: least time between two checkpoints; 0: one at the end of every epoch, and none within.
        every_steps: steps between two checkpoints, in place of the time.
        pause: set by whoever wants the run to give way; it then ends with `Paused`, once it is checkpointed.
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
            # Of a window only the sums over all processes count.
            self._resuming = {
                **states[0],
                "losses": torch.cat([state["losses"] for state in states]),
                "correct": torch.cat([state["correct"] for state in states]),
                "counts": [count for state in states for count in state["counts"]],
            }

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._saved = time.monotonic()
        if self._resuming is not None:
            window = _network(module).window
            device = module.device
            window.losses = list(self._resuming["losses"].to(device).unbind())
            window.correct = list(self._resuming["correct"].to(device).unbind())
            window.counts = list(self._resuming["counts"])
            since = self._resuming["since_validation"]
            _network(module).since_validation = None if since is None else since.to(device)

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self._resuming is not None:
            torch.set_rng_state(self._resuming["generator"])
            if self._resuming["cuda_generator"] is not None and module.device.type == "cuda":
                torch.cuda.set_rng_state(self._resuming["cuda_generator"], module.device)
            self._resuming = None

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        stepped = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        # What follows an evaluation, or the epoch, would have to be told apart from what it repeats.
        between_steps = stepped and batch_idx + 1 not in (trainer.num_training_batches, trainer.val_check_batch)
        if not between_steps or _network(module).diverged_at is not None:
            return
        pausing, due = self._wanted(trainer)
        if due or pausing:
            self._within_epoch = _gathered(_state(_network(module)))
            self._save(trainer)
            self._within_epoch = []
        if pausing:
            raise Paused

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        last = trainer.current_epoch + 1 == trainer.max_epochs
        late = time.monotonic() - self._saved >= self.every_seconds
        pausing = self.pause.is_set() and not last
        due, pausing = trainer.strategy.broadcast((last or pausing or late, pausing))
        # A diverged run leaves the checkpoint before: from there it diverges again, should it be killed now.
        if _network(module).diverged_at is not None:
            return
        if due:
            self._save(trainer)
        if pausing:
            raise Paused

    def _wanted(self, trainer: lightning.Trainer) -> tuple[bool, bool]:
        """Return whether the run is to give way, and whether a checkpoint is due; the same in all processes."""
        step = trainer.global_step
        by_step = self.every_steps is not None and step % self.every_steps == 0
        if trainer.world_size > 1 and step % AGREE_EVERY:
            return False, by_step
        since = time.monotonic() - self._saved
        by_time = self.every_steps is None and 0 < max(self.every_seconds, self._cost / MOST_OF_TIME) <= since
        wanted = (self.pause.is_set(), by_time and self.every_seconds > 0)
        pausing, by_time = trainer.strategy.broadcast(wanted) if trainer.world_size > 1 else wanted
        return pausing, by_step or by_time

    def _save(self, trainer: lightning.Trainer) -> None:
        path, began = self.record.checkpoint, time.monotonic()
        temporary = path.with_suffix(".saving")
        with storage_errors(path):
            # Lightning would make the folder anew, and all that it is in, where that is gone.
            path.parent.mkdir(exist_ok=True)
            try:
                trainer.save_checkpoint(temporary)
                if trainer.is_global_zero:
                    with open(temporary, "rb+") as file:
                        os.fsync(file.fileno())
                    os.replace(temporary, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise
        self._saved = time.monotonic()
        self._cost = self._saved - began


def _state(module: LitNetwork) -> dict[str, Any]:
    """Return what this process needs to go on between two steps, beside what Lightning keeps."""
    window, empty = module.window, torch.empty(0)
    cuda = module.device.type == "cuda"
    since = module.since_validation
    return {
        "losses": torch.stack(window.losses).cpu() if window.losses else empty,
        "correct": torch.stack(window.correct).cpu() if window.correct else empty,
        "counts": list(window.counts),
        "since_validation": None if since is None else since.cpu(),
        "generator": torch.get_rng_state(),
        "cuda_generator": torch.cuda.get_rng_state(module.device) if cuda else None,
    }


def _gathered(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the state of every process, by rank."""
    if not distributed.is_initialized():
        return [state]
    states: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(states, state)
    return states


def _network(module: lightning.LightningModule) -> LitNetwork:
    assert isinstance(module, LitNetwork)
    return module
