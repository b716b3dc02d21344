"""A probe: a callback that measures something while a run trains and leaves what it measures unchanged."""

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar

import lightning.pytorch as lightning
import torch
from torch import nn

from lit_archs.learning.lit_network import LitNetwork
from litmus.batch import Batch
from litmus.registry import Registry
from studies.records.run_record import RunRecord

PROBE_COLUMNS = ("step", "probe", "layer", "quantity", "value")
"""Columns of `probes.csv`: `step` counts the optimiser steps taken before the measurement."""


class Probe(lightning.Callback):
    """Measures at every `every_n_steps`-th step, the first included, and keeps rows of (layer, quantity, value).

    A probe must not disturb the run: its weights and metrics are the same, to the last bit, with and without it. The
    rows travel in the checkpoint, so that a resumed run has each of them once: what is measured at the end of training
    belongs into `on_train_epoch_end`, which comes before the last checkpoint. Under several devices every one measures,
    as collective operations need all of them, and the first one's rows are kept. `seed` is the run's.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    """What is measured, in a line, with its source."""
    cost: ClassVar[str]
    """What a measurement costs, in a few words."""
    for_segmentation: ClassVar[bool] = True
    """Whether a network that segments can be measured too."""

    def __init__(self, record: RunRecord, every_n_steps: int, seed: int) -> None:
        self.record = record
        self.every_n_steps = every_n_steps
        self.seed = seed
        self.rows: list[dict[str, Any]] = []

    @property
    def state_key(self) -> str:
        return f"probe {self.name}"

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = list(state_dict["rows"])

    def due(self, trainer: lightning.Trainer) -> bool:
        """Whether the step that is about to be taken is measured; for hooks before the optimiser's step."""
        return trainer.global_step % self.every_n_steps == 0

    @staticmethod
    def trained(trainer: lightning.Trainer, module: LitNetwork) -> bool:
        """Whether the last step is taken and the run did not diverge; for `on_train_epoch_end`."""
        return trainer.global_step >= module.total_steps and module.diverged_at is None

    @staticmethod
    def validation_batches(trainer: lightning.Trainer) -> Iterator[Batch]:
        """Yield this device's share of the validation split, batch by batch, without those that leave it nothing."""
        for each in trainer.datamodule.val_dataloader():  # type: ignore[attr-defined]
            batch: Batch = trainer.precision_plugin.convert_input(each)
            if len(batch.labels):
                yield batch

    def add(self, step: int, layer: str, **quantities: float) -> None:
        """Keep a row for each of `quantities`, measured at `layer` ("" for the network as a whole)."""
        for quantity, value in quantities.items():
            row = {"step": step, "probe": self.name, "layer": layer, "quantity": quantity, "value": float(value)}
            self.rows.append(row)


PROBES: Registry[type[Probe]] = Registry("probe", "studies.probes")


def register(probe: type[Probe]) -> type[Probe]:
    """Make a probe known under its name; a class decorator."""
    PROBES.add(probe.name, probe, probe.__module__)
    return probe


WeightLayer = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


def weight_layers(network: nn.Module) -> dict[str, WeightLayer]:
    """Return the convolutions and linear layers by name, in the order of their definition, which is the forward one."""
    return {name: module for name, module in network.named_modules() if isinstance(module, WeightLayer)}


@contextlib.contextmanager
def undisturbed(network: nn.Module) -> Iterator[None]:
    """Let a probe run `network` in training mode and more: its buffers, mode and the generators are put back after.

    Parameters and gradients are the probe's own responsibility: use `torch.autograd.grad`, which leaves `.grad` alone.
    """
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    modes = {module: module.training for module in network.modules()}
    devices = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=devices):
        try:
            yield
        finally:
            with torch.no_grad():
                for name, buffer in network.named_buffers():
                    buffer.copy_(buffers[name])
            for module, training in modes.items():
                module.training = training
