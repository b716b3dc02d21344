"""A probe: a callback that measures something while a run trains and leaves the run unchanged."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import lightning.pytorch as lightning
import torch
import torch.distributed as distributed
from torch import Tensor, nn

from litmus.core.batch import Batch
from litmus.core.keyed_random import generator_states, seed_generators, set_generators
from litmus.core.registry import Registry
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.records.run_record import RunRecord

PROBE_COLUMNS = ("step", "probe", "layer", "quantity", "value")
"""Columns of `probes.csv`: `step` counts the optimiser steps taken before the measurement."""


class Probe(lightning.Callback):
    """Measures at every `every_n_steps`-th step, the first included, and keeps rows of (layer, quantity, value).

    A probe must not change the run: its weights and metrics are the same, to the last bit, with and without it. The
    rows are part of the checkpoint, so that a resumed run has each of them once. A subclass measures in `before_step`
    or `at_end`, or in other hooks of Lightning. Every device measures, because collective operations need all of them,
    and the rows of rank 0 are kept. `seed` is the run's.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    """What is measured, in a line, with its source."""
    cost: ClassVar[str]
    """What a measurement costs, in a few words."""
    for_segmentation: ClassVar[bool] = True
    """Whether it also measures networks that segment."""

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

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step % self.every_n_steps == 0:
            assert isinstance(module, LitNetwork)
            self.before_step(trainer, module, batch)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        # The last checkpoint is written after this hook.
        assert isinstance(module, LitNetwork)
        if trainer.global_step >= module.total_steps and module.diverged_at is None:
            self.at_end(trainer, module)

    def before_step(self, trainer: lightning.Trainer, module: LitNetwork, batch: Batch) -> None:
        """Measure before the optimiser step of `batch`; called at every `every_n_steps`-th step."""

    def at_end(self, trainer: lightning.Trainer, module: LitNetwork) -> None:
        """Measure after the last step; not called for a run that diverged."""

    @staticmethod
    def validation_batches(trainer: lightning.Trainer) -> Iterator[Batch]:
        """Yield this device's batches of the validation split, without those that are empty here."""
        for each in trainer.datamodule.val_dataloader():  # type: ignore[attr-defined]
            batch: Batch = trainer.precision_plugin.convert_input(each)
            if len(batch.labels):
                yield batch

    def add(self, step: int, layer: str, **quantities: float) -> None:
        """Keep a row for each of `quantities`, measured at `layer` ("" for the network as a whole)."""
        for quantity, value in quantities.items():
            row = {"step": step, "probe": self.name, "layer": layer, "quantity": quantity, "value": float(value)}
            self.rows.append(row)


PROBES: Registry[type[Probe]] = Registry("probe", "litmus.probes")


def register(probe: type[Probe]) -> type[Probe]:
    """Register a probe under its name; a class decorator."""
    PROBES.add(probe.name, probe, probe.__module__)
    return probe


WeightLayer = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


def weight_layers(network: nn.Module) -> dict[str, WeightLayer]:
    """Return the convolutions and linear layers by name, in the order of their definition, which is the forward one."""
    return {name: module for name, module in network.named_modules() if isinstance(module, WeightLayer)}


@contextlib.contextmanager
def undisturbed(network: nn.Module) -> Iterator[None]:
    """Restore the buffers and modes of `network` and the random generators after the block.

    Parameters and gradients are left to the probe: use `torch.autograd.grad`, which leaves `.grad` alone.
    """
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    modes = {module: module.training for module in network.modules()}
    states = generator_states()
    try:
        yield
    finally:
        set_generators(states)
        with torch.no_grad():
            for name, buffer in network.named_buffers():
                buffer.copy_(buffers[name])
        for module, training in modes.items():
            module.training = training


def summed(value: Tensor) -> Tensor:
    """Return the sum of `value` over the devices, all of which must call this."""
    if not distributed.is_initialized():
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total


def gathered(rows: Tensor) -> Tensor:
    """Return the devices' `rows` [n, ...] one after the other, by rank; `n` may differ, the rest may not."""
    if not distributed.is_initialized():
        return rows
    devices = distributed.get_world_size()
    count = torch.tensor([len(rows)], device=rows.device)
    counts = [torch.empty_like(count) for _ in range(devices)]
    distributed.all_gather(counts, count)
    sizes = [int(each) for each in counts]
    # Collective operations need equal shapes.
    padded = rows.new_zeros((max(sizes), *rows.shape[1:]))
    padded[: len(rows)] = rows
    parts = [torch.empty_like(padded) for _ in range(devices)]
    distributed.all_gather(parts, padded)
    return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])


def predicted_classes(logits: Tensor) -> Tensor:
    """Return the class of the greatest logit of each row of `logits` [N, classes], int64 [N]; −1 for a row that is not
    finite, which is a wrong answer whatever the label."""
    return torch.where(logits.isfinite().all(1), logits.argmax(1), -1)


def count_by_unit(condition: Tensor) -> Tensor:
    """Return how often `condition` [N, units, ...] holds for each unit over samples and positions, int64 [units]."""
    return condition.transpose(0, 1).flatten(1).sum(1)


@contextlib.contextmanager
def watched(layers: Mapping[str, nn.Module], see: Callable[[str, Any, Any], None]) -> Iterator[None]:
    """Call `see(name, input, output)` whenever one of `layers` has run."""
    with contextlib.ExitStack() as hooks:
        for name, layer in layers.items():
            hook = layer.register_forward_hook(lambda _, inputs, output, name=name: see(name, inputs[0], output))
            hooks.enter_context(hook)
        yield


@contextlib.contextmanager
def training_pass(module: LitNetwork, seed: int) -> Iterator[None]:
    """Put the network into training mode for a pass of the probe, and restore it afterwards.

    Dropout and the like draw the same values in every pass of a step, so that two passes differ only in what the probe
    changed. The precision is that of the parameters, without autocasting. Call `module.network.forward`, because a
    compiled network does not call hooks.
    """
    with undisturbed(module.network):
        seed_generators(seed, "probe", module.global_step, module.trainer.global_rank)
        module.network.train()
        yield


def partial_loss(module: LitNetwork, batch: Batch) -> Tensor:
    """Return this device's term of the mean loss of the global batch: the sum over the devices is that mean."""
    outputs = module.network.forward(batch.images)
    return module.loss(outputs, batch) * (len(batch.labels) / batch.global_size)


def loss_and_gradients(
    module: LitNetwork, batch: Batch, seed: int, parameters: Sequence[nn.Parameter]
) -> tuple[float, list[Tensor]]:
    """Return the mean loss of the global batch and its gradient by each of `parameters`, zero where there is none."""
    with training_pass(module, seed), torch.enable_grad():
        loss = partial_loss(module, batch)
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    filled = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)]
    return float(summed(loss.detach())), [summed(gradient) for gradient in filled]


@torch.no_grad()
def set_values(parameters: Sequence[nn.Parameter], values: Iterable[Tensor]) -> None:
    """Copy `values` into `parameters`."""
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)


def norm(tensors: Sequence[Tensor]) -> float:
    """Return the Euclidean norm of all elements of `tensors` together, in double precision."""
    return float(torch.stack([tensor.double().square().sum() for tensor in tensors]).sum().sqrt())


def distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """Return the Euclidean distance of two lists of tensors of equal shapes."""
    return norm([first.double() - second.double() for first, second in zip(one, other, strict=True)])
