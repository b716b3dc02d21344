"""Probe: the final logits of the validation and the test split, from which ensembles are made."""

import io
from typing import Any

import lightning.pytorch as lightning
import numpy
import torch
from torch import Tensor

from litmus.lit_archs.learning.classifier import LitClassifier
from litmus.probes.probe import Probe, gathered, register
from litmus.records.storage import write_atomically

Arrays = dict[str, numpy.ndarray[Any, Any]]


@register
class Logits(Probe):
    """No rows; `logits.npz` in the record's folder, of the weights at the end of training.

    `val_logits` float32 [N, classes], `val_labels` and `val_samples` int64 [N], and the same of `test`; in the order
    of the samples' numbers in their set, which are `val_samples`. They come from the evaluations that also give the
    run's metrics, so that the test set is read once. A diverged run has none.
    """

    name = "logits"
    summary = "logits of the validation and test split at the end, for ensembles of seeds"
    cost = "4 bytes a sample and class, in memory and on disk"
    for_segmentation = False

    _batches: list[tuple[Tensor, Tensor, Tensor]] | None = None

    def on_validation_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitClassifier)
        self._batches = [] if trainer.global_step == module.total_steps else None

    def on_test_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._batches = []

    def on_validation_batch_end(
        self, trainer: lightning.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if outputs is not None and self._batches is not None:
            self._batches.append((outputs, batch.labels, batch.sample))

    on_test_batch_end = on_validation_batch_end  # type: ignore[assignment]

    def on_validation_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        # Written before the last checkpoint: a run resumed from that one is not validated again.
        if self._batches is not None:
            self._write(trainer, {}, self._collected(trainer, "val"))

    def on_test_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        with numpy.load(self.record.logits_file) as stored:
            validation: Arrays = {key: stored[key] for key in stored.files if key.startswith("val_")}
        self._write(trainer, validation, self._collected(trainer, "test"))

    def _collected(self, trainer: lightning.Trainer, split: str) -> Arrays:
        batches, self._batches = self._batches or [], None
        classes: int = trainer.datamodule.num_classes  # type: ignore[attr-defined]
        nothing = torch.empty(0, dtype=torch.int64, device=trainer.strategy.root_device)
        parts = [(nothing.new_empty((0, classes), dtype=torch.float32), nothing, nothing), *batches]
        logits, labels, samples = (gathered(torch.cat(column)).cpu() for column in zip(*parts, strict=True))
        order = samples.argsort()
        columns = {"logits": logits.float(), "labels": labels, "samples": samples}
        return {f"{split}_{key}": column[order].numpy() for key, column in columns.items()}

    def _write(self, trainer: lightning.Trainer, *arrays: Arrays) -> None:
        # Every device has read what there is before the first one replaces it.
        trainer.strategy.barrier()
        if trainer.is_global_zero:
            content = io.BytesIO()
            numpy.savez(content, **{key: array for each in arrays for key, array in each.items()})  # type: ignore[arg-type]
            write_atomically(self.record.logits_file, content.getvalue())
