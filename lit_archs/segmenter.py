"""LitSegmenter: the LightningModule that trains a segmentation network."""

from typing import Any, NamedTuple

import lightning.pytorch as lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassF1Score, MulticlassJaccardIndex

from lit_archs.optimisation import OptimConfig, build_optimiser, lr_factor


class SegmentationBatch(NamedTuple):
    """Images [N, C, H, W] and the class of each pixel [N, H, W]."""

    images: Tensor
    masks: Tensor


class LitSegmenter(lightning.LightningModule):
    """Trains `network` (images [N, C, H, W] → logits [N, num_classes, H, W]) with cross-entropy over the pixels.

    Logs `train_loss`, and `val_*`/`test_*` `loss`, `dice` and `iou`: the means over the classes of the Dice
    coefficient and of intersection over union, over all pixels of the split. Takes batches that unpack into images
    and masks, such as `SegmentationBatch`.
    """

    def __init__(self, network: nn.Module, num_classes: int, optim: OptimConfig, total_steps: int) -> None:
        super().__init__()
        self.network = network
        self.optim = optim
        self.total_steps = total_steps

        def metrics(split: str) -> MetricCollection:
            # The Dice coefficient is the F1 score of the pixels.
            dice, iou = MulticlassF1Score(num_classes, average="macro"), MulticlassJaccardIndex(num_classes)
            return MetricCollection({"dice": dice, "iou": iou}, prefix=f"{split}_", compute_groups=False)

        self.metrics = nn.ModuleDict({"validation": metrics("val"), "test": metrics("test")})

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    def training_step(self, batch: SegmentationBatch, batch_index: int) -> Tensor:
        images, masks = batch
        loss = functional.cross_entropy(self.network(images), masks, label_smoothing=self.optim.label_smoothing)
        self.log("train_loss", loss, batch_size=len(images))
        return loss

    def validation_step(self, batch: SegmentationBatch, batch_index: int) -> None:
        self._evaluate("validation", "val_loss", batch)

    def test_step(self, batch: SegmentationBatch, batch_index: int) -> None:
        self._evaluate("test", "test_loss", batch)

    def _evaluate(self, split: str, loss_name: str, batch: SegmentationBatch) -> None:
        images, masks = batch
        logits = self.network(images).float()
        metrics: Any = self.metrics[split]
        metrics.update(logits.argmax(1), masks)
        loss = functional.cross_entropy(logits, masks)
        self.log(loss_name, loss, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(images))
        self.log_dict(metrics, on_step=False, on_epoch=True, batch_size=len(images))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimiser = build_optimiser(self.network.parameters(), self.optim)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: lr_factor(step, self.total_steps, self.optim)
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
