"""A step that a probe measures, made by hand, and the rows of a run that probes measured."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from litmus.core.batch import Batch
from litmus.lit_archs.learning.classifier import LitClassifier
from litmus.lit_archs.learning.optimiser import OptimConfig, build_optimiser
from litmus.probes.probe import PROBES, Probe
from litmus.records.run_record import RunRecord
from litmus.training.run import Run

Figures = dict[tuple[str, str], float]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def example(network: nn.Module, *shape: int, classes: int = 3, lr: float = 0.1) -> tuple[LitClassifier, Batch, Any]:
    """A module at its step 0, a batch of `shape`, and what stands for the trainer."""
    module = LitClassifier(network, classes, OptimConfig(lr=lr, momentum=0.0), total_steps=10)
    trainer: Any = SimpleNamespace(global_step=0, current_epoch=0, global_rank=0, world_size=1)
    module.trainer = trainer
    trainer.optimizers = [build_optimiser(network.parameters(), module.optim)]
    labels = torch.arange(shape[0]) % classes
    return module, Batch(random(*shape), labels, shape[0]), trainer


def probe(name: str) -> Probe:
    return PROBES[name](RunRecord(Path("nowhere")), every_n_steps=1, seed=0)


def before_the_step(name: str, module: LitClassifier, batch: Batch, trainer: Any) -> Figures:
    each = probe(name)
    each.on_train_batch_start(trainer, module, batch, 0)
    return figures(each)


def over_the_step(name: str, module: LitClassifier, batch: Batch, trainer: Any, after: dict[str, Tensor]) -> Figures:
    """Measure a step that ends in the parameters `after`."""
    each = probe(name)
    each.on_train_batch_start(trainer, module, batch, 0)
    module.network.load_state_dict(after)
    trainer.global_step = 1
    each.on_train_batch_end(trainer, module, None, batch, 0)
    return figures(each)


def figures(each: Probe) -> Figures:
    assert {row["step"] for row in each.rows} == {0}
    return {(row["layer"], row["quantity"]): row["value"] for row in each.rows}


def gradient(network: nn.Module, batch: Batch, name: str) -> Tensor:
    network.zero_grad()
    functional.cross_entropy(network(batch.images), batch.labels).backward()
    found = network.get_parameter(name).grad
    assert found is not None
    return found.clone()


def rows_of(finished: Run, name: str) -> pd.DataFrame:
    rows = pd.read_csv(finished.record.probes_file, keep_default_na=False)
    return rows[rows["probe"] == name]
