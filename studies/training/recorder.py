"""The callback that watches a run: metrics rows, checkpoints, divergence, keyed dropout."""

import csv
import io
import os
import time
from collections.abc import Callable
from typing import Any

import lightning.pytorch as lightning
import torch

from lit_archs.learning.network import LitNetwork
from litmus.derive import derive
from studies.records.run_record import RunRecord
from studies.records.storage import storage_errors, write_atomically
from studies.training.config import RunConfig

COLUMNS = ("kind", "step", "epoch", "lr")
"""First columns of `metrics.csv`, followed by the training's and the validation's metrics, which depend on the task.

`kind` is `step` (training since the last such row) or `evaluation` (of the validation split, with the training since
the last evaluation)."""

Row = dict[str, Any]


class Recorder(lightning.Callback):
    """Keeps the rows of `metrics.csv` and writes them and the checkpoint so that a kill at any moment loses no pairing.

    The rows travel in the checkpoint: a resumed run goes on from exactly those that belong to its weights.
    """

    def __init__(
        self,
        record: RunRecord,
        config: RunConfig,
        checkpoint_seconds: float,
        on_row: Callable[[Row, float], None],
    ) -> None:
        self.record = record
        self.config = config
        self.checkpoint_seconds = checkpoint_seconds
        self.on_row = on_row
        self.rows: list[Row] = []
        self.seconds = 0.0
        self.diverged_at: int | None = None
        self._lr = 0.0
        self._clock = self._saved = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = list(state_dict["rows"])
        self.seconds = state_dict["seconds"]

    def on_fit_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._clock = self._saved = time.monotonic()
        if trainer.is_global_zero:
            self.write_rows(module)

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == 0:
            # Dropout has no generator of its own. Keyed here, it repeats after a resume and is the same in every arm.
            # Lightning skips on_train_epoch_start in the first epoch after a resume.
            torch.manual_seed(derive(self.config.seed, "forward", trainer.current_epoch, trainer.global_rank))
        # The schedule moves on before the step's end is told.
        self._lr = trainer.optimizers[0].param_groups[0]["lr"]
        # Lightning's own interval leaves an epoch's last steps unevaluated where it does not divide the epoch.
        part, parts = batch_idx + 1, self.config.trainer.accumulate
        step, steps = part // parts, self._steps_per_epoch(trainer)
        per_epoch = self.config.trainer.validations_per_epoch
        due = part % parts == 0 and step * per_epoch // steps > (step - 1) * per_epoch // steps
        trainer.val_check_batch = part if due else part + 1

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        stepped = (batch_idx + 1) % self.config.trainer.accumulate == 0
        if stepped and trainer.global_step % self.config.trainer.log_every_n_steps == 0:
            self._add_row(trainer, "step", _network(module).task.training_columns)
            self._stop_if_diverged(trainer, module)

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._add_row(trainer, "evaluation", _metric_columns(module))
        if trainer.is_global_zero:
            self.write_rows(module)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._stop_if_diverged(trainer, module)
        now = time.monotonic()
        self.seconds += now - self._clock
        self._clock = now
        last = trainer.current_epoch + 1 == trainer.max_epochs
        due = trainer.strategy.broadcast(last or now - self._saved >= self.checkpoint_seconds)
        # A diverged run leaves the checkpoint before: from there it diverges again, should it be killed now.
        if due and self.diverged_at is None:
            self._save(trainer)
            self._saved = time.monotonic()

    def write_rows(self, module: lightning.LightningModule) -> None:
        """Write `metrics.csv`, whole."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS + _metric_columns(module), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(self.record.metrics_file, text.getvalue())

    def _add_row(self, trainer: lightning.Trainer, kind: str, keys: tuple[str, ...]) -> None:
        metrics, steps = trainer.callback_metrics, self._steps_per_epoch(trainer)
        row: Row = {"kind": kind, "step": trainer.global_step, "epoch": trainer.global_step / steps, "lr": self._lr}
        row.update({key: float(metrics[key]) for key in keys})
        self.rows.append(row)
        self.on_row(row, trainer.global_step / (steps * (trainer.max_epochs or 1)))

    def _steps_per_epoch(self, trainer: lightning.Trainer) -> int:
        return int(trainer.num_training_batches) // self.config.trainer.accumulate

    def _stop_if_diverged(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        diverged_at = _network(module).diverged_at
        if diverged_at is not None:
            self.diverged_at = diverged_at
            trainer.should_stop = True

    def _save(self, trainer: lightning.Trainer) -> None:
        path = self.record.checkpoint
        temporary = path.with_suffix(".saving")
        with storage_errors(path):
            trainer.save_checkpoint(temporary)
            if trainer.is_global_zero:
                os.replace(temporary, path)


def _network(module: lightning.LightningModule) -> LitNetwork:
    assert isinstance(module, LitNetwork)
    return module


def _metric_columns(module: lightning.LightningModule) -> tuple[str, ...]:
    task = _network(module).task
    return task.training_columns + task.validation_columns
