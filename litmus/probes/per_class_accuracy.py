"""Probe: the accuracy of each class on the validation split."""

from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor

from litmus.probes.probe import Probe, predicted_classes, register, summed


@register
class PerClassAccuracy(Probe):
    """Rows of a class, by its name in the layer's place: `top1` over its validation samples, at every validation.

    A class without a sample in the split has no row. Logits that are not finite are wrong answers.
    """

    name = "per_class_accuracy"
    summary = "validation accuracy of each class"
    cost = "counting the answers at every validation"
    for_segmentation = False

    _counts: Tensor | None = None

    def on_validation_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        classes: int = trainer.datamodule.num_classes  # type: ignore[attr-defined]
        self._counts = torch.zeros(2, classes, dtype=torch.int64, device=module.device)

    def on_validation_batch_end(
        self, trainer: lightning.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if outputs is None or self._counts is None:
            return
        right = predicted_classes(outputs) == batch.labels
        for row, labels in zip(self._counts, (batch.labels, batch.labels[right]), strict=True):
            row += torch.bincount(labels, minlength=len(row))

    def on_validation_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert self._counts is not None
        names = trainer.datamodule.arrays.classes  # type: ignore[attr-defined]
        for name, count, right in zip(names, *summed(self._counts).tolist(), strict=True):
            if count:
                self.add(trainer.global_step, str(name), top1=right / count)
