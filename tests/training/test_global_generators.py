"""Draws from Python's, NumPy's and PyTorch's global generators: equal in every repetition, whatever else happens."""

import random
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_runs import assert_same_bits, prepared
from torch import Tensor, nn
from training.test_checkpoints import PauseAt

from litmus.core.keyed_random import generator_states, generators_kept, seed_generators, set_generators
from litmus.lit_archs.building.registry import register
from litmus.records.run_record import RunRecord
from litmus.training.checkpoints import Paused
from litmus.training.execute import attempt
from litmus.training.run import Execution, Place


@register("drawing")
class Drawing(nn.Module):
    """Draws from the three generators in the constructor, in `forward` and in its loss."""

    def __init__(self, num_classes: int, in_channels: int = 3, image_size: int = 8) -> None:
        super().__init__()
        self.first = nn.Linear(in_channels * image_size**2, 16)
        self.last = nn.Linear(16, num_classes)
        self.order = random.sample(range(16), 16)
        self.scale = float(np.random.rand())

    def forward(self, images: Tensor) -> Tensor:
        features = self.first(images.flatten(1))[:, self.order] * (1 + self.scale)
        features = features * (0.5 + random.random()) * (0.5 + float(np.random.rand()))
        return self.last(nn.functional.dropout(features.relu(), 0.2))  # in evaluation, too

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        each = nn.functional.cross_entropy(logits, labels, reduction="none")
        return each * (0.5 + random.random())


SETTINGS: dict[str, Any] = {
    "model.name": "drawing", "data.batch_size": 100, "trainer.epochs": 2, "trainer.keep": "last",
    "trainer.log_every_n_steps": 4, "trainer.validations_per_epoch": 3,
}  # fmt: skip


def execute(directory: Path, pause: threading.Event | None = None, **more: Any) -> RunRecord:
    seed_generators(random.SystemRandom().getrandbits(32))  # what ran before in this process
    run = prepared(directory, {**SETTINGS, **more})
    attempt(run, Execution(checkpoint_seconds=1000), Place(), lambda _: None, attempt_number=1, pause=pause)
    return run.record


def test_a_run_its_repetition_and_an_interrupted_one_end_in_the_same_bits(tmp_path: Path) -> None:
    whole = execute(tmp_path / "whole")
    assert_same_bits(whole, execute(tmp_path / "again"))
    for count in (2, 3, 4, 5):
        with pytest.raises(Paused):
            execute(tmp_path / "paused", PauseAt(count))
    assert_same_bits(whole, execute(tmp_path / "paused"))
    assert whole.read_summary()["metrics"] != execute(tmp_path / "other", seed=1).read_summary()["metrics"]


def test_evaluations_and_probes_leave_the_draws_of_training_as_they_are(tmp_path: Path) -> None:
    probed = {"trainer.probes": ["gradient_norms"], "trainer.probe_every_n_steps": 3}
    rows = [
        execute(tmp_path / name, **more).metrics_file.read_text().splitlines()
        for name, more in (("plain", {}), ("other", {"trainer.validations_per_epoch": 1, **probed}))
    ]
    losses = [[line for line in each if line.startswith("step,")] for each in rows]
    assert losses[0] == losses[1]


def test_states_are_put_back_and_fit_a_checkpoint(tmp_path: Path) -> None:
    def draws() -> tuple[float, ...]:
        return random.random(), random.gauss(0, 1), float(np.random.randn()), float(torch.rand(()))

    draws()  # one of a pair of normal draws is left for the next
    states = generator_states()
    first = draws()
    with generators_kept(3, "here"):
        inside = draws()
    torch.save(states, tmp_path / "states.pt")
    set_generators(torch.load(tmp_path / "states.pt", weights_only=True))
    assert draws() == first
    seed_generators(3, "here")
    assert draws() == inside
