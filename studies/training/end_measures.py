"""The callback that takes a run's last measures: its answers to the test images, its fit of the training images."""

from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor
from torch.nn import functional

from datamodules.batches.image_data import ImageDataModule
from lit_archs.learning.lit_network import LitNetwork
from litmus.batch import Batch
from studies.probes.base.passes import gathered
from studies.records.answers import Answers, of_classes, write_answers
from studies.records.run_record import RunRecord

FIT_IMAGES = 10_000
"""Training images that the pass at the end evaluates at most: a fifth of an epoch of CIFAR-10, forward alone."""


class EndMeasures(lightning.Callback):
    """Writes `answers.npz` and computes `metrics`: `fit_loss` and the share of right answers on the training images.

    The answers are those that the test metrics are computed from, so that the test set is read where it always is. The
    fit is taken in evaluation mode over up to 10,000 training images, evenly spaced, without augmentation: training's
    own means are of a network that still changes, of augmented images, with dropout and a batch's statistics.
    """

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self.metrics: dict[str, float] = {}
        self._batches: list[tuple[Tensor, ...]] = []

    def on_test_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        if module.task.metrics:
            return  # a task of one's own, which may know no right answers
        # A device without a share of the test set takes part in bringing the others' together.
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
            self._batches.append((batch.sample, *answered(outputs, batch, module.task.name == "segmentation")))

    def on_test_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        batches, self._batches = self._batches, []
        if batches:
            sample, *counts = (gathered(torch.cat(column)).cpu() for column in zip(*batches, strict=True))
            if trainer.is_global_zero:
                rows = [column[sample.argsort()].numpy() for column in counts]
                write_answers(self.record, of_classes(*rows) if len(rows) == 2 else Answers(None, *rows))
        datamodule: ImageDataModule = trainer.datamodule  # type: ignore[attr-defined]
        with trainer.precision_plugin.forward_context():
            convert = trainer.precision_plugin.convert_input
            self.metrics = module.fit(convert(batch) for batch in datamodule.fit_batches(FIT_IMAGES))


def answered(logits: Tensor, batch: Batch, pixels: bool) -> tuple[Tensor, ...]:
    """Return what a batch's logits answer: each image's predicted class and its label, int64 [N] each; or, where they
    are of `pixels`, the pixels of each image and class that are right, predicted and labelled, int64 [N, C] each.

    A prediction that is not finite is right nowhere: the class of such an image is −1.
    """
    finite = logits.isfinite().all(1)
    predicted = logits.argmax(1)
    if not pixels or batch.masks is None:
        return torch.where(finite, predicted, -1), batch.labels
    classes = logits.shape[1]
    # As the metrics count it: where the logits are not finite, a class that is not the pixel's.
    predicted = torch.where(finite, predicted, (batch.masks + 1) % classes)
    given, true = (functional.one_hot(each.flatten(1), classes) for each in (predicted, batch.masks))
    return (given * true).sum(1), given.sum(1), true.sum(1)
