"""LitClassifier: the LightningModule that trains a classification network."""

from typing import Any, get_args

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy

from litmus.core.batch import Batch
from litmus.core.errors import UserError
from litmus.core.metrics import TASKS
from litmus.lit_archs.learning.exact_mean import ExactMean
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.lit_archs.learning.loss import (
    AuxiliaryOutputs,
    LossName,
    classification_loss,
    defines_loss,
    logits_of,
    sample_losses,
)


class BalancedAccuracy(Metric):
    """The mean over the classes of the share of a class's samples that are recognised, of classes that have samples.

    Brodersen et al. 2010, The balanced accuracy and its posterior distribution; scikit-learn's
    `balanced_accuracy_score`.
    """

    right: Tensor
    total: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        for state in ("right", "total"):
            self.add_state(state, torch.zeros(num_classes, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, scores: Tensor, labels: Tensor) -> None:
        """Add samples with their scores [N, classes] and labels [N]."""
        # Atomic additions of integers: the order in which a GPU makes them changes nothing.
        self.total.scatter_add_(0, labels, torch.ones_like(labels))
        self.right.scatter_add_(0, labels, (scores.argmax(1) == labels).long())

    def compute(self) -> Tensor:
        there = self.total > 0
        return (self.right[there].double() / self.total[there]).mean()


class LitClassifier(LitNetwork):
    """Trains `network` (images [N, C, H, W] → logits [N, num_classes]) with `optim.loss`, or with the network's loss.

    Logs `train_loss` and `train_top1`, and `val_*`/`test_*` `loss`, `top1`, `top5` (of more than
    five classes) and `balanced_accuracy`; accuracies are fractions.
    """

    task = TASKS["classification"]
    losses = get_args(LossName)

    def __init__(self, network: nn.Module, *arguments: Any, **options: Any) -> None:
        super().__init__(network, *arguments, **options)
        if defines_loss(network) and self.optim.loss != "cross_entropy":
            raise UserError(f"optim.loss {self.optim.loss}: the network defines its loss; leave optim.loss out")

    def new_metrics(self, num_classes: int) -> nn.ModuleDict:
        options: dict[str, Any] = {"num_classes": num_classes, "average": "micro", "validate_args": False}
        metrics: dict[str, nn.Module] = {"loss": ExactMean(), "top1": MulticlassAccuracy(**options)}
        if num_classes > 5:  # of fewer, all answers are right
            metrics["top5"] = MulticlassAccuracy(top_k=5, **options)
        return nn.ModuleDict({**metrics, "balanced_accuracy": BalancedAccuracy(num_classes)})

    def right(self, outputs: Tensor | AuxiliaryOutputs, batch: Batch) -> Tensor:
        return (logits_of(outputs).detach().argmax(1) == batch.labels).sum()

    def loss(self, outputs: Tensor | AuxiliaryOutputs, batch: Batch) -> Tensor:
        smoothing, loss = self.optim.label_smoothing, self.optim.loss
        if batch.second_labels is None or batch.first_share is None:
            return classification_loss(self.network, outputs, batch.labels, smoothing, loss=loss)
        # Cross-entropy is linear in the target, so this is the loss of the mixed label. The squared error to it is
        # less by what no score changes; a margin is that of either label, as Zhang et al. 2017 mix any loss.
        first, second = (
            classification_loss(self.network, outputs, labels, smoothing, "none", loss)
            for labels in (batch.labels, batch.second_labels)
        )
        return torch.lerp(second, first, batch.first_share).mean()

    def _averaged(self, images: Tensor) -> Tensor:
        """Return the logarithms of the mean probabilities [N, num_classes] over the parts of images [N, parts, ...].

        For a loss that the network defines, or one of margins or squares, the outputs are not logits: the mean outputs.
        """
        outputs = torch.stack([self.network(part).float() for part in images.unbind(1)])
        if defines_loss(self.network) or self.optim.loss != "cross_entropy":
            return outputs.mean(0)
        # No probability of zero, whose logarithm is not finite, as only a diverged network's are.
        return outputs.softmax(2).mean(0).clamp_min(torch.finfo(outputs.dtype).tiny).log()

    def evaluate(self, split: str, batch: Batch) -> Tensor:
        logits = self._averaged(batch.images) if batch.images.dim() == 5 else self.network(batch.images).float()
        metrics: Any = self.metrics[split]
        metrics["loss"].update(sample_losses(self.network, logits, batch.labels, self.optim.loss))
        for name, metric in metrics.items():
            if name != "loss":
                metric.update(logits, batch.labels)
        return logits
