"""LitNetwork: the LightningModule that trains any network, and evaluates it exactly."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import lightning.pytorch as lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from litmus.core.batch import Batch
from litmus.core.errors import UserError
from litmus.core.metrics import Task
from litmus.lit_archs.learning.optimiser import OptimConfig, build_optimiser, build_plateau_schedule, build_schedule


class TrainingWindow:
    """Losses and right answers of the batches since the last reset, left on the device until they are read.

    Only references are kept at each step: arithmetic on numbers this small would cost more than it computes.
    """

    def __init__(self) -> None:
        self.losses: list[Tensor] = []
        self.correct: list[Tensor] = []
        self.counts: list[int] = []

    def add(self, loss: Tensor, correct: Tensor, count: int) -> None:
        """Add one batch: its mean loss, its number of right answers and its size."""
        self.losses.append(loss)
        self.correct.append(correct)
        self.counts.append(count)

    def sums(self) -> Tensor:
        """Return the sum of losses, the number of right answers and of samples, float64 [3]."""
        losses = torch.stack(self.losses).double()
        counts = torch.tensor(self.counts, dtype=torch.float64, device=losses.device)
        return torch.stack(((losses * counts).sum(), torch.stack(self.correct).sum().double(), counts.sum()))

    def first_nonfinite(self) -> Tensor:
        """Return the index of the first batch whose loss is not finite, the number of batches where there is none."""
        bad = ~torch.isfinite(torch.stack(self.losses))
        return torch.where(bad.any(), bad.int().argmax(), len(self.losses))

    def reset(self) -> None:
        """Start anew."""
        self.losses, self.correct, self.counts = [], [], []


class LitNetwork(lightning.LightningModule, ABC):
    """Trains `network` and evaluates it exactly; a subclass says what is right and what is measured.

    Logs `train_loss` and the share of right answers (means since the last time, every `log_every_n_steps`), and the
    `val_*`/`test_*` metrics of its task. `diverged_at` is the first step whose loss was not finite on any device, None
    while there is none; it is looked for whenever the training means are taken. The learning rate follows `optim` step
    by step over `total_steps`, which are the trainer's where they are not given. With `input_shape` (channels, height,
    width) Lightning's summary shows sizes and FLOPs.
    """

    task: ClassVar[Task]
    """What the network is trained for."""

    losses: ClassVar[tuple[str, ...]] = ("cross_entropy",)
    """The values of `optim.loss` that it trains with; a task that defines its loss reads none."""

    def __init__(
        self,
        network: nn.Module,
        num_classes: int,
        optim: OptimConfig | None = None,
        total_steps: int | None = None,
        log_every_n_steps: int = 50,
        input_shape: tuple[int, int, int] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.num_classes = num_classes
        self.optim = optim or OptimConfig()
        if self.optim.loss not in self.losses:
            valid = ", ".join(self.losses)
            raise UserError(f"optim.loss {self.optim.loss} is for classification, not {self.task.name}; valid: {valid}")
        self.log_every_n_steps = log_every_n_steps
        self.window = TrainingWindow()
        self.since_validation: Tensor | None = None
        self.diverged_at: int | None = None
        self.metrics = nn.ModuleDict({split: self.new_metrics(num_classes) for split in ("val", "test", "fit")})
        self._total_steps = total_steps
        if input_shape is not None:
            self.example_input_array = torch.zeros(1, *input_shape)

    @property
    def validation_columns(self) -> tuple[str, ...]:
        """What the metrics of the validation split are recorded as."""
        metrics: Any = self.metrics["val"]
        return tuple(f"val_{name}" for name in metrics)

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self._total_steps or int(self.trainer.estimated_stepping_batches)

    @abstractmethod
    def new_metrics(self, num_classes: int) -> nn.ModuleDict:
        """Return what a split is evaluated by: a torchmetrics metric for each of the task's metrics."""

    @abstractmethod
    def loss(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the mean training loss of this device's `batch`, from what the network returned for it."""

    @abstractmethod
    def right(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the number of right answers in a training batch, zero where the task has none."""

    @abstractmethod
    def evaluate(self, split: str, batch: Batch) -> Tensor:
        """Add a batch to the metrics of `split`, and return its logits."""

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return the optimiser and its learning-rate schedule, which moves at every step, or at plateaus of epochs."""
        clipped = bool(self.trainer.gradient_clip_val)
        optimiser = build_optimiser(self.network.parameters(), self.optim, clipped)
        if self.optim.schedule == "plateau":
            plateau = build_plateau_schedule(optimiser, self.optim)
            config = {"scheduler": plateau, "interval": "epoch", "monitor": "val_loss"}
            return {"optimizer": optimiser, "lr_scheduler": config}  # type: ignore[typeddict-item]
        schedule = build_schedule(optimiser, self.optim, self.total_steps)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Return the loss of `batch`: a `Batch`, or a pair of images and targets, as a `DataLoader` gives it."""
        batch = self._as_batch(batch)
        outputs = self.network(batch.images)
        loss = self.loss(outputs, batch)
        count = len(batch.images)
        self.window.add(loss.detach(), self.right(outputs, batch), count)
        parts = self.trainer.accumulate_grad_batches
        step = self.global_step + 1
        if (batch_idx + 1) % parts == 0 and step % self.log_every_n_steps == 0:
            self.log_dict(self._training_means(self._close_window(step)))
        # DDP averages the gradients of the devices, accumulation those of the parts; this makes it the mean over the
        # global batch, also where the shares differ by a sample.
        share = count * self.trainer.world_size * parts / batch.global_size
        return loss if share == 1 else loss * share

    def _as_batch(self, batch: Any) -> Batch:
        if not isinstance(batch, list | tuple) or len(batch) != 2:
            return batch  # type: ignore[return-value]
        images, targets = batch
        together = self.trainer.world_size * self.trainer.accumulate_grad_batches
        return Batch(images, targets, len(images) * together, masks=targets if targets.dim() == 3 else None)

    def _training_means(self, sums: Tensor) -> dict[str, float]:
        loss_sum, correct, total = sums.tolist()
        means = (loss_sum / total, correct / total)
        return dict(zip(self.task.training_columns, means, strict=False))  # not every task has right answers

    def _close_window(self, steps: int) -> Tensor:
        """Return the window's sums over all devices, having looked for divergence in it; it ends with step `steps`."""
        sums = self.trainer.strategy.reduce(self.window.sums(), reduce_op="sum")
        first = self.trainer.strategy.reduce(self.window.first_nonfinite(), reduce_op="min")
        length, parts = len(self.window.losses), self.trainer.accumulate_grad_batches
        if self.diverged_at is None and int(first) < length:
            self.diverged_at = steps - length // parts + int(first) // parts
        self.window.reset()
        self.since_validation = sums if self.since_validation is None else self.since_validation + sums
        return sums

    def on_validation_epoch_start(self) -> None:
        if self.window.losses:
            self._close_window(self.global_step)

    def validation_step(self, batch: Any, batch_idx: int) -> Tensor | None:
        """Evaluate `batch` and return its logits, float32 [N, num_classes, ...], None for an empty one."""
        batch = self._as_batch(batch)
        return self.evaluate("val", batch) if len(batch.images) else None

    def on_validation_epoch_end(self) -> None:
        trained: dict[str, float] = {}
        if self.since_validation is not None:
            trained = self._training_means(self.since_validation)
            self.since_validation = None
        self._log_evaluation("val", trained)

    def test_step(self, batch: Any, batch_idx: int) -> Tensor | None:
        """Evaluate `batch` and return its logits, float32 [N, num_classes, ...], None for an empty one."""
        batch = self._as_batch(batch)
        return self.evaluate("test", batch) if len(batch.images) else None

    def on_test_epoch_end(self) -> None:
        self._log_evaluation("test", {})

    def evaluate_fit(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the task's `fit_columns` over `batches` of training images, over all devices.

        The network is evaluated as it is: the caller has put it into evaluation mode, without gradients.
        """
        for batch in batches:
            if len(batch.images):
                self.evaluate("fit", batch)
        measured = self.measured("fit")
        return {f"fit_{name}": float(measured[name]) for name in self.task.fit_metrics}

    def _log_evaluation(self, split: str, also: dict[str, float]) -> None:
        measured = {f"{split}_{name}": value for name, value in self.measured(split).items()}
        self.log_dict({**also, **measured}, batch_size=1)

    def measured(self, split: str) -> dict[str, Tensor]:
        """Return the metrics of what `split` was evaluated on, and start anew; all NaN where the loss is not finite.

        What such a network answers is no answer: the class of NaN logits is the first one.
        """
        metrics: Any = self.metrics[split]
        found = {name: metric.compute() for name, metric in metrics.items()}
        for metric in metrics.values():
            metric.reset()
        return {name: torch.where(found["loss"].isfinite(), value, torch.nan) for name, value in found.items()}
