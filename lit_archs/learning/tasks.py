"""Which LightningModule trains a network for which task, and custom tasks."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from litmus.core.batch import Batch
from litmus.core.errors import UserError
from litmus.core.metrics import Task, add_task
from litmus.lit_archs.learning.classifier import LitClassifier
from litmus.lit_archs.learning.exact_mean import ExactMean
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.lit_archs.learning.segmenter import LitSegmenter

MODULES: dict[str, type[LitNetwork]] = {module.task.name: module for module in (LitClassifier, LitSegmenter)}
"""What trains a network, by the task that it is for."""

Module = TypeVar("Module", bound=type[LitNetwork])


def register_task(module: Module) -> Module:
    """Register a custom task with its metrics by the LightningModule that trains for it; a class decorator.

    Networks are registered for it by its name: `register("autoencoder", task="reconstruction")`. Raises `UserError` if
    the name of the task is taken, or that of a metric with another meaning.
    """
    if not (isinstance(module, type) and issubclass(module, LitNetwork)):
        raise UserError(f"{getattr(module, '__name__', module)} is not a LitNetwork: derive it from lit_archs.LitTask")
    task = getattr(module, "task", None)
    if not isinstance(task, Task):
        raise UserError(f"{module.__name__} does not define what it measures; add task = custom_task(...)")
    add_task(task)
    MODULES[task.name] = module
    return module


class LitTask(LitNetwork):
    """Trains `network` for a custom task: a subclass defines `task`, `loss` and `measure`.

    Evaluation, optimiser, schedule, divergence and several devices work as for classification; a subclass may override
    `configure_optimizers`. Logs `train_loss`, and the task's metrics of the validation and the test split.
    """

    @abstractmethod
    def loss(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the mean training loss of this device's `batch`, from what the network returned for it."""

    def measure(self, outputs: Any, batch: Batch) -> Mapping[str, Tensor]:
        """Return the value of each metric for each sample, [N] by the metric's name; the means are reported.

        Without the loss among them, its mean over each batch is used. For a metric that is not a mean over samples,
        override `new_metrics` and `evaluate` instead.
        """
        return {}

    def new_metrics(self, num_classes: int) -> nn.ModuleDict:
        return nn.ModuleDict({name: ExactMean() for name in self.task.evaluated})

    def right(self, outputs: Any, batch: Batch) -> Tensor:
        return torch.zeros((), device=batch.images.device)

    def evaluate(self, split: str, batch: Batch) -> Tensor:
        outputs = self.network(batch.images)
        measured = {"loss": self.loss(outputs, batch).expand(len(batch.images)), **self.measure(outputs, batch)}
        metrics: Any = self.metrics[split]
        for name, metric in metrics.items():
            if name not in measured:
                raise UserError(f"{type(self).__name__}.measure returns no {name}; it returns {', '.join(measured)}")
            metric.update(measured[name].detach())
        return outputs if isinstance(outputs, Tensor) else measured["loss"]
