"""Under float16 a step whose scaled gradients overflow is skipped, which is no divergence."""

from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from litmus.lit_archs.learning.classifier import LitClassifier
from litmus.training.callbacks import StopAtDivergence


@pytest.mark.parametrize(("factor", "diverged_at"), [(1.0, None), (1e9, 0)])
def test_a_skipped_step_is_no_divergence_and_a_loss_that_is_not_finite_is_one(
    tmp_path: Path, factor: float, diverged_at: int | None
) -> None:
    keyed = torch.Generator().manual_seed(0)
    data = TensorDataset(torch.randn(64, 1, 4, 4, generator=keyed) * factor, torch.arange(64) % 4)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
    before = [parameter.detach().clone() for parameter in network.parameters()]
    module = LitClassifier(network, 4, total_steps=16, log_every_n_steps=4)
    # PyTorch's scaler on the CPU, at a scale that float16 overflows with.
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**20)
    options: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = lightning.Trainer(
        accelerator="cpu", max_epochs=1, plugins=[MixedPrecision("16-mixed", "cpu", scaler)], log_every_n_steps=4,
        callbacks=[StopAtDivergence(4)], default_root_dir=tmp_path, enable_model_summary=False, **options,
    )  # fmt: skip
    trainer.fit(module, DataLoader(data, batch_size=4))
    assert module.diverged_at == diverged_at
    assert scaler.get_scale() < 2.0**20  # steps were skipped
    assert all(parameter.isfinite().all() for parameter in network.parameters())
    moved = [not torch.equal(one, other) for one, other in zip(before, network.parameters(), strict=True)]
    assert all(moved) == (diverged_at is None)
    assert trainer.global_step == (16 if diverged_at is None else 4)
