"""LitNetwork, the LightningModule that trains any network step by step, and LitClassifier, that trains classifiers."""

import inspect
from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy

from lit_archs.learning.loss import AuxiliaryOutputs, classification_loss, logits_of, sample_losses
from lit_archs.learning.optimiser import OptimConfig, build_optimiser, lr_factor


class Batch(NamedTuple):
    """What `LitClassifier` trains on; `global_size` is the number of samples over all devices.

    Where each image is mixed with a second one, `second_labels` [N] are those ones' and `first_share` [N] is the
    weight of the first.
    """

    images: Tensor
    labels: Tensor
    global_size: int
    second_labels: Tensor | None = None
    first_share: Tensor | None = None


class ExactMean(Metric):
    """The mean of per-sample values, equal to the last digit for any split of the samples over batches and devices.

    Floating-point sums depend on their order, integer sums do not: values are added as multiples of 2⁻²⁴. The result
    is NaN as soon as one value is not finite.
    """

    total: Tensor
    count: Tensor
    nonfinite: Tensor

    def __init__(self) -> None:
        super().__init__()
        for state in ("total", "count", "nonfinite"):
            self.add_state(state, torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, values: Tensor) -> None:
        """Add per-sample `values` [N]."""
        finite = torch.isfinite(values)
        # Clamped so that no sum of 2^20 values can overflow 63 bits; a loss of 2^18 has diverged in any case.
        scaled = values.double().nan_to_num(0.0, 0.0, 0.0).clamp(-(2.0**18), 2.0**18) * 2.0**24
        self.total += scaled.round().to(torch.int64).sum()
        self.count += values.numel()
        self.nonfinite += (~finite).sum()

    def compute(self) -> Tensor:
        mean = self.total.double() / 2.0**24 / self.count
        return torch.where(self.nonfinite > 0, torch.nan, mean)


class TrainingWindow:
    """Losses and right answers of the steps since the last reset, left on the device until they are read.

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
        """Return the index of the first step whose loss is not finite, the number of steps where there is none."""
        bad = ~torch.isfinite(torch.stack(self.losses))
        return torch.where(bad.any(), bad.int().argmax(), len(self.losses))

    def reset(self) -> None:
        """Start anew."""
        self.losses, self.correct, self.counts = [], [], []


class LitNetwork(lightning.LightningModule, ABC):
    """Trains `network` step by step and evaluates it exactly; a subclass says what is right and what is measured.

    Logs `train_loss` and the share of right answers (means since the last time, every `log_every_n_steps`), and the
    `val_*`/`test_*` metrics. `diverged_at` is the first step whose loss was not finite on any device, None while there
    is none; it is looked for whenever the training means are taken. The learning rate follows `optim` step by step over
    `total_steps`.
    """

    training_columns: ClassVar[tuple[str, str]]
    """What the mean loss and the share of right answers of training are logged as."""
    metric_names: ClassVar[tuple[str, ...]]
    """The metrics of an evaluation; the first one after the loss is what a run is judged by."""

    def __init__(
        self, network: nn.Module, num_classes: int, optim: OptimConfig, total_steps: int, log_every_n_steps: int = 50
    ) -> None:
        super().__init__()
        # A step from top to bottom in one place, without the hooks that Lightning's own loop calls between its parts.
        self.automatic_optimization = False
        self.network = network
        self.optim = optim
        self.total_steps = total_steps
        self.log_every_n_steps = log_every_n_steps
        self.window = TrainingWindow()
        self.since_validation: Tensor | None = None
        self.diverged_at: int | None = None
        self.metrics = nn.ModuleDict({split: self._new_metrics(num_classes) for split in ("val", "test")})

    @abstractmethod
    def _new_metrics(self, num_classes: int) -> nn.ModuleDict:
        """Return what a split is evaluated by: a metric for each of `metric_names`."""

    @abstractmethod
    def loss(self, outputs: Any, batch: Any) -> Tensor:
        """Return the mean training loss of this device's `batch`, from what the network returned for it."""

    @abstractmethod
    def _right(self, outputs: Any, batch: Any) -> Tensor:
        """Return the number of right answers in a training batch."""

    @abstractmethod
    def _evaluate(self, split: str, batch: Any) -> Tensor:
        """Add a batch to the metrics of `split`, and return its logits."""

    @classmethod
    def validation_columns(cls) -> tuple[str, ...]:
        """Return what the metrics of the validation split are logged as."""
        return tuple(f"val_{name}" for name in cls.metric_names)

    @classmethod
    def judged_by(cls) -> str:
        """Return the metric by which a run's best evaluation is found."""
        return cls.metric_names[1]

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes the running hook here ten times a step or more, and a module searches its parameters for the
        # name each time.
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)

    def training_step(self, batch: Any, batch_index: int) -> None:
        optimiser: Any = self.optimizers()
        step = self.global_step
        lr = self.optim.lr * lr_factor(step, self.total_steps, self.optim)
        for group in optimiser.param_groups:
            group["lr"] = lr
        outputs = self.network(batch.images)
        loss = self.loss(outputs, batch)
        count = len(batch.images)
        # DDP averages the gradients of the devices; this makes it the mean over the global batch, also where the
        # devices' shares differ by a sample.
        share = count * self.trainer.world_size / batch.global_size
        optimiser.zero_grad()
        self.manual_backward(loss if share == 1 else loss * share)
        optimiser.step()
        self.window.add(loss.detach(), self._right(outputs, batch), count)
        if (step + 1) % self.log_every_n_steps == 0:
            self.log_dict(self._training_means(self._close_window(step + 1)))

    def _training_means(self, sums: Tensor) -> dict[str, float]:
        loss_sum, correct, total = sums.tolist()
        return dict(zip(self.training_columns, (loss_sum / total, correct / total), strict=True))

    # Lightning reads the signature anew at each step; Python looks here first.
    training_step.__signature__ = inspect.signature(training_step)  # type: ignore[attr-defined]

    def _close_window(self, steps: int) -> Tensor:
        """Return the window's sums over all devices, having looked for divergence in it; `steps` were taken by now."""
        sums = self.trainer.strategy.reduce(self.window.sums(), reduce_op="sum")
        first = self.trainer.strategy.reduce(self.window.first_nonfinite(), reduce_op="min")
        length = len(self.window.losses)
        if self.diverged_at is None and int(first) < length:
            self.diverged_at = steps - length + int(first)
        self.window.reset()
        self.since_validation = sums if self.since_validation is None else self.since_validation + sums
        return sums

    def on_validation_epoch_start(self) -> None:
        if self.window.losses:
            self._close_window(self.global_step)

    def validation_step(self, batch: Any, batch_index: int) -> Tensor | None:
        """Evaluate `batch` and return its logits, float32 [N, num_classes, ...], None for an empty one."""
        return self._evaluate("val", batch) if len(batch.images) else None

    def on_validation_epoch_end(self) -> None:
        trained: dict[str, float] = {}
        if self.since_validation is not None:
            trained = self._training_means(self.since_validation)
            self.since_validation = None
        self._log_evaluation("val", trained)

    def test_step(self, batch: Any, batch_index: int) -> Tensor | None:
        """Evaluate `batch` and return its logits, float32 [N, num_classes, ...], None for an empty one."""
        return self._evaluate("test", batch) if len(batch.images) else None

    def on_test_epoch_end(self) -> None:
        self._log_evaluation("test", {})

    def _log_evaluation(self, split: str, also: dict[str, float]) -> None:
        metrics: Any = self.metrics[split]
        evaluated = {f"{split}_{name}": metric.compute() for name, metric in metrics.items()}
        self.log_dict({**also, **evaluated}, batch_size=1)
        for metric in metrics.values():
            metric.reset()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return build_optimiser(self.network.parameters(), self.optim)


class LitClassifier(LitNetwork):
    """Trains `network` (images [N, C, H, W] → logits [N, num_classes]) with cross-entropy, or with its own loss.

    Logs `train_loss` and `train_top1`, and `val_*`/`test_*` `loss`, `top1` and `top5`; accuracies are fractions.
    """

    training_columns = ("train_loss", "train_top1")
    metric_names = ("loss", "top1", "top5")

    def _new_metrics(self, num_classes: int) -> nn.ModuleDict:
        options: dict[str, Any] = {"num_classes": num_classes, "average": "micro", "validate_args": False}
        top5 = MulticlassAccuracy(top_k=min(5, num_classes), **options)
        return nn.ModuleDict({"loss": ExactMean(), "top1": MulticlassAccuracy(**options), "top5": top5})

    def _right(self, outputs: Tensor | AuxiliaryOutputs, batch: Batch) -> Tensor:
        return (logits_of(outputs).detach().argmax(1) == batch.labels).sum()

    def loss(self, outputs: Tensor | AuxiliaryOutputs, batch: Batch) -> Tensor:
        smoothing = self.optim.label_smoothing
        if batch.second_labels is None or batch.first_share is None:
            return classification_loss(self.network, outputs, batch.labels, smoothing)
        # Cross-entropy is linear in the target, so this is the loss of the mixed label.
        first, second = (
            classification_loss(self.network, outputs, labels, smoothing, reduction="none")
            for labels in (batch.labels, batch.second_labels)
        )
        return torch.lerp(second, first, batch.first_share).mean()

    def _evaluate(self, split: str, batch: Batch) -> Tensor:
        logits = self.network(batch.images).float()
        metrics: Any = self.metrics[split]
        metrics["loss"].update(sample_losses(self.network, logits, batch.labels))
        # A diverged network's NaN logits would otherwise count as predictions of class 0.
        finite = logits.isfinite().all(1, keepdim=True)
        wrong = torch.zeros_like(logits).scatter_(1, ((batch.labels + 1) % logits.shape[1])[:, None], 1.0)
        scores = torch.where(finite, logits, wrong)
        metrics["top1"].update(scores, batch.labels)
        metrics["top5"].update(scores, batch.labels)
        return logits
