"""LitSegmenter: the LightningModule that trains a segmentation network."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import Metric

from litmus.core.batch import Batch
from litmus.core.errors import UserError
from litmus.core.metrics import TASKS
from litmus.lit_archs.learning.exact_mean import ExactMean
from litmus.lit_archs.learning.lit_network import LitNetwork


class Confusion(Metric):
    """Pixels by class and predicted class, int64 [C, C]; the sums are exact for any split over batches and devices."""

    counts: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        zeros = torch.zeros(num_classes, num_classes, dtype=torch.int64)
        self.add_state("counts", zeros, dist_reduce_fx="sum")

    def update(self, predicted: Tensor, masks: Tensor) -> None:
        """Add predicted classes and true ones, int64 [N, H, W] each."""
        pairs = (masks * self.num_classes + predicted).flatten()
        self.counts += torch.bincount(pairs, minlength=self.num_classes**2).view_as(self.counts)

    def _mean_over_classes(self, shared: Tensor, total: Tensor) -> Tensor:
        # A class that is neither there nor predicted says nothing.
        return (shared[total > 0] / total[total > 0]).mean()


class IntersectionOverUnion(Confusion):
    """The mean over the classes of |prediction ∩ truth| / |prediction ∪ truth|, also called the Jaccard index."""

    def compute(self) -> Tensor:
        counts = self.counts.double()
        shared, sizes = counts.diagonal(), counts.sum(0) + counts.sum(1)
        return self._mean_over_classes(shared, sizes - shared)


class Dice(Confusion):
    """The mean over the classes of 2 |prediction ∩ truth| / (|prediction| + |truth|), the F1 score of the pixels."""

    def compute(self) -> Tensor:
        counts = self.counts.double()
        return self._mean_over_classes(2 * counts.diagonal(), counts.sum(0) + counts.sum(1))


class PixelAccuracy(Confusion):
    """The share of pixels whose class is right."""

    def compute(self) -> Tensor:
        counts = self.counts.double()
        return counts.diagonal().sum() / counts.sum()


class LitSegmenter(LitNetwork):
    """Trains `network` (images [N, C, H, W] → logits [N, num_classes, H, W]) with cross-entropy over the pixels.

    Logs `train_loss` and `train_pixel_accuracy`, and `val_*`/`test_*` `loss`, `iou`, `dice` and `pixel_accuracy`, all
    over all pixels of the split; `iou` and `dice` are means over the classes, the ground among them.
    """

    task = TASKS["segmentation"]

    def new_metrics(self, num_classes: int) -> nn.ModuleDict:
        return nn.ModuleDict(
            {
                "loss": ExactMean(),
                "iou": IntersectionOverUnion(num_classes),
                "dice": Dice(num_classes),
                "pixel_accuracy": PixelAccuracy(num_classes),
            }
        )

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        return functional.cross_entropy(outputs, _masks(batch), label_smoothing=self.optim.label_smoothing)

    def right(self, outputs: Tensor, batch: Batch) -> Tensor:
        # In images, as the loss is counted: the share of an image's pixels, summed.
        return (outputs.detach().argmax(1) == _masks(batch)).double().mean((1, 2)).sum()

    def evaluate(self, split: str, batch: Batch) -> Tensor:
        masks = _masks(batch)
        logits = self.network(batch.images).float()
        metrics: dict[str, Metric] = dict(self.metrics[split].items())  # type: ignore[operator]
        metrics.pop("loss").update(functional.cross_entropy(logits, masks, reduction="none").mean((1, 2)))
        for metric in metrics.values():
            metric.update(logits.argmax(1), masks)
        return logits


def _masks(batch: Batch) -> Tensor:
    if batch.masks is None:
        raise UserError("LitSegmenter needs the class of every pixel, and these batches have no masks")
    return batch.masks
