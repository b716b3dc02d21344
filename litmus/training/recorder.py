"""The callback that keeps what a run measures: the rows of `metrics.csv`."""

import csv
import io
import time
from collections.abc import Callable
from typing import Any

import lightning.pytorch as lightning

from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.records.run_record import RunRecord
from litmus.records.storage import write_atomically
from litmus.training.config import RunConfig

COLUMNS = ("kind", "step", "epoch", "lr")
"""First columns of `metrics.csv`, followed by the training's and the validation's metrics, which depend on the task.

`kind` is `step` (training since the last such row) or `evaluation` (of the validation split, with the training since
the last evaluation)."""

Row = dict[str, Any]


class Recorder(lightning.Callback):
    """Keeps the rows of `metrics.csv` and writes them so that a kill at any moment loses no pairing.

    The rows travel in the checkpoint: a resumed run goes on from exactly those that belong to its weights. `content` is
    what a checkpoint also holds, for those who read its weights.
    """

    def __init__(
        self,
        record: RunRecord,
        config: RunConfig,
        on_row: Callable[[Row], None],
        content: dict[str, Any],
    ) -> None:
        self.record = record
        self.config = config
        self.on_row = on_row
        self.content = content
        self.rows: list[Row] = []
        self.seconds = 0.0
        self._lr = 0.0
        self._clock = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "seconds": self._elapsed()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = list(state_dict["rows"])
        self.seconds = state_dict["seconds"]

    def on_save_checkpoint(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint.update(self.content)

    def on_fit_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._clock = time.monotonic()
        if trainer.is_global_zero:
            self.write_rows(module)

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # The schedule moves on before the step's end is told.
        self._lr = trainer.optimizers[0].param_groups[0]["lr"]

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

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._add_row(trainer, "evaluation", _metric_columns(module))
        if trainer.is_global_zero:
            self.write_rows(module)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.seconds, self._clock = self._elapsed(), time.monotonic()

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
        self.on_row(row)

    def _elapsed(self) -> float:
        return self.seconds + time.monotonic() - self._clock

    def _steps_per_epoch(self, trainer: lightning.Trainer) -> int:
        return int(trainer.num_training_batches) // self.config.trainer.accumulate


def _network(module: lightning.LightningModule) -> LitNetwork:
    assert isinstance(module, LitNetwork)
    return module


def _metric_columns(module: lightning.LightningModule) -> tuple[str, ...]:
    task = _network(module).task
    return task.training_columns + task.validation_columns
