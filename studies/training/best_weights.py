"""The callback that keeps the weights of the best evaluation on the validation split."""

import io
import math
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor

from lit_archs.learning.lit_network import LitNetwork
from litmus.metrics import METRICS
from studies.records.run_record import RunRecord
from studies.records.storage import CorruptRecord, write_atomically


class BestWeights(lightning.Callback):
    """Holds a copy of the weights of the best evaluation so far, the first of several, in memory.

    They travel in the run's checkpoint: a resumed run goes on from exactly those that belong to its step, also where it
    had come further before it was killed. At the end of training they are written to a file of their own, and the last
    checkpoint goes without them. `content` is what that file holds beside them.
    """

    def __init__(self, record: RunRecord, content: dict[str, Any]) -> None:
        self.record = record
        self.content = content
        self.value: float | None = None
        self.step: int | None = None
        self.weights: dict[str, Tensor] | None = None
        self._written = False

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value, "step": self.step, "weights": None if self._written else self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.value, self.step, self.weights = state_dict["value"], state_dict["step"], state_dict["weights"]
        if self.step is not None and self.weights is None:
            path = self.record.best_checkpoint
            try:
                self.weights = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
            except Exception as error:  # torch.load raises a dozen types for a damaged file
                raise CorruptRecord(f"{path}: {' '.join(str(error).split())[:120]}") from None
            self._written = True

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        metric = METRICS[module.task.primary_metric]
        value = float(trainer.callback_metrics[f"val_{metric.name}"])
        # A network that diverged still predicts something.
        if module.diverged_at is not None or not math.isfinite(value):
            return
        if self.value is None or metric.best((self.value, value), lambda each: each) != self.value:
            self.value = value
            self._take(trainer, module)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if trainer.current_epoch + 1 == trainer.max_epochs:
            self._write(trainer)

    def finish(self, trainer: lightning.Trainer, module: LitNetwork) -> None:
        """Write the file where it is not written; the last weights where no evaluation gave a number.

        A run that diverged before its first evaluation leaves none.
        """
        if self.weights is None and module.diverged_at is None:
            self._take(trainer, module)
        self._write(trainer)

    def _take(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.step = trainer.global_step
        self.weights = {name: tensor.detach().cpu().clone() for name, tensor in module.state_dict().items()}

    def _write(self, trainer: lightning.Trainer) -> None:
        if self.weights is None or self._written:
            return
        if trainer.is_global_zero:
            file = io.BytesIO()
            torch.save({"state_dict": self.weights, "global_step": self.step, **self.content}, file)
            write_atomically(self.record.best_checkpoint, file.getvalue())
        self._written = True

    def load_into(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Give `module` these weights, the first device's to all devices."""
        weights = trainer.strategy.broadcast(self.weights)
        assert weights is not None
        module.load_state_dict(weights)
