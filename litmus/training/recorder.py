"""The callbacks that record what a run measures: while it trains, and at its end."""

import csv
import io
import time
from collections.abc import Sequence
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor
from torch.nn import functional

from litmus.core.batch import Batch
from litmus.core.metrics import Task
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import PROBE_COLUMNS, Probe, gathered, predicted_classes
from litmus.records.answers import Answers, write_answers
from litmus.records.run_record import RunRecord
from litmus.records.storage import write_atomically
from litmus.training.config import RunConfig

COLUMNS = ("kind", "step", "epoch", "lr")
"""First columns of `metrics.csv`, followed by the training's and the validation's metrics, which depend on the task.

`kind` is `step` (training since the last such row) or `evaluation` (of the validation split, with the training since
the last evaluation)."""

Row = dict[str, Any]


class Recorder(lightning.Callback):
    """Collects the rows of `metrics.csv` and writes them at each evaluation.

    The rows are part of the checkpoint, so that a resumed run continues from exactly those that belong to its weights.
    `content` is added to every checkpoint, for those who read its weights.
    """

    def __init__(self, record: RunRecord, config: RunConfig, content: dict[str, Any]) -> None:
        self.record = record
        self.config = config
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
        self._write_rows(trainer, module)

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # The schedule takes its step before `on_train_batch_end`.
        self._lr = trainer.optimizers[0].param_groups[0]["lr"]

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        stepped = (batch_idx + 1) % self.config.trainer.accumulate == 0
        if stepped and trainer.global_step % self.config.trainer.log_every_n_steps == 0:
            self._add_row(trainer, "step", _task(module).training_columns)

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._add_row(trainer, "evaluation", _metric_columns(module))
        self._write_rows(trainer, module)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.seconds, self._clock = self._elapsed(), time.monotonic()

    def _write_rows(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if trainer.is_global_zero:
            write_atomically(self.record.metrics_file, _as_csv(COLUMNS + _metric_columns(module), self.rows))

    def _add_row(self, trainer: lightning.Trainer, kind: str, keys: tuple[str, ...]) -> None:
        metrics = trainer.callback_metrics
        steps = int(trainer.num_training_batches) // self.config.trainer.accumulate
        row: Row = {"kind": kind, "step": trainer.global_step, "epoch": trainer.global_step / steps, "lr": self._lr}
        row.update({key: float(metrics[key]) for key in keys})
        self.rows.append(row)

    def _elapsed(self) -> float:
        return self.seconds + time.monotonic() - self._clock


def _task(module: lightning.LightningModule) -> Task:
    assert isinstance(module, LitNetwork)
    return module.task


def _metric_columns(module: lightning.LightningModule) -> tuple[str, ...]:
    assert isinstance(module, LitNetwork)
    return module.task.training_columns + module.validation_columns


def write_probes(record: RunRecord, probes: Sequence[Probe]) -> None:
    """Write `probes.csv` as a whole."""
    rows = [row for probe in probes for row in probe.rows]
    write_atomically(record.probes_file, _as_csv(PROBE_COLUMNS, rows))


def _as_csv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


FIT_IMAGES = 10_000
"""Most training images that are evaluated at the end: a fifth of CIFAR-10, forward only."""


class AnswersAndFit(lightning.Callback):
    """Writes `answers.npz` and computes `metrics`: `fit_loss` and the accuracy on training images.

    The answers come from the same pass as the test metrics, so that the test set is read once. The fit is measured in
    evaluation mode over up to 10,000 training images, evenly spaced, without augmentation. The metrics of training
    itself are means over a network that still changes, with augmentation, dropout and batch statistics.
    """

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self.metrics: dict[str, float] = {}
        self._batches: list[tuple[Tensor, ...]] = []

    def on_test_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        if module.task.metrics:
            return  # a custom task, which may have no right answers
        # Every rank takes part in the gathering, also one without test images.
        images = torch.empty(0, dtype=torch.int64, device=module.device)
        classes = module.num_classes
        kept = (images,) * 2 if module.task.name == "classification" else (images.new_empty(0, classes),) * 3
        self._batches = [(images, *kept)]

    def on_test_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if outputs is not None and self._batches:
            assert isinstance(module, LitNetwork)
            self._batches.append((batch.sample, *_answers(outputs, batch, module.task.name == "segmentation")))

    def on_test_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        batches, self._batches = self._batches, []
        if batches:
            sample, *counts = (gathered(torch.cat(column)).cpu() for column in zip(*batches, strict=True))
            if trainer.is_global_zero:
                rows = [column[sample.argsort()].numpy() for column in counts]
                write_answers(self.record, Answers(*rows) if len(rows) == 2 else Answers(None, None, *rows))
        datamodule: ImageDataModule = trainer.datamodule  # type: ignore[attr-defined]
        with trainer.precision_plugin.forward_context():
            convert = trainer.precision_plugin.convert_input
            self.metrics = module.evaluate_fit(convert(batch) for batch in datamodule.fit_batches(FIT_IMAGES))


def _answers(logits: Tensor, batch: Batch, pixels: bool) -> tuple[Tensor, ...]:
    """Return the predicted class and the label of each image, int64 [N] each; or, with `pixels`, how many pixels of
    each image and class are right, predicted and labelled, int64 [N, C] each. Logits that are not finite are wrong.
    """
    predicted = predicted_classes(logits)
    if not pixels or batch.masks is None:
        return predicted, batch.labels
    classes = logits.shape[1]
    # As in the metrics, logits that are not finite predict a wrong class.
    predicted = torch.where(predicted < 0, (batch.masks + 1) % classes, predicted)
    given, true = (functional.one_hot(each.flatten(1), classes) for each in (predicted, batch.masks))
    return (given * true).sum(1), given.sum(1), true.sum(1)
