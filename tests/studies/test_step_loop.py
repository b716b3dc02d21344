"""The short training loop takes the steps that Lightning's own loop takes."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from tiny_runs import TINY

from studies.training import runner
from studies.training.config import resolve
from studies.training.run import Execution, Place, Task

UNET = {
    "model.name": "unet",
    "model.depth": 2,
    "model.width": 2,
    "data.name": "shapes",
    "data.train_images": 150,
    "data.test_images": 20,
    "data.batch_size": 32,
    "trainer.log_every_n_steps": 2,
}


def leave(directory: Path, **changes: Any) -> tuple[str, dict[str, torch.Tensor], str, str, float]:
    """Run and return the state, the final weights, the rows, what the probe measured and the test loss."""
    watched = {"trainer.validations_per_epoch": 3, "trainer.probes": ["update_ratio"]}
    task = Task("0123456789ab", "example", "an arm", {}, resolve({**watched, **changes}), directory)
    state = runner.attempt(task, Execution(), Place(), lambda fraction: None, attempts=1)
    weights = {}
    if state == "finished":
        weights = torch.load(task.record.checkpoint, weights_only=True)["state_dict"]
    metrics = task.record.read_summary()["metrics"]
    rows, probes = task.record.metrics_file.read_text(), task.record.probes_file.read_text()
    return state, weights, rows, probes, metrics.get("test_loss", 0.0)


@pytest.mark.parametrize(
    "changes",
    [
        {**TINY, "model.dropout": 0.3},
        {**TINY, "data.drop_last": False, "optim.schedule": "cosine", "optim.warmup": 0.2},
        {**UNET, "trainer.epochs": 2},
        # Diverges, which stops the run and has the validation split evaluated once more.
        {**TINY, "optim.lr": 1e9},
    ],
    ids=["plain", "scheduled", "segmentation", "diverging"],
)
def test_it_leaves_what_lightnings_loop_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    short = leave(tmp_path / "short", **changes)
    monkeypatch.setattr(runner, "StepLoop", _TrainingEpochLoop)
    whole = leave(tmp_path / "whole", **changes)
    assert short[0] == whole[0] == ("diverged" if "optim.lr" in changes else "finished")
    assert short[1].keys() == whole[1].keys()
    assert all(torch.equal(short[1][name], whole[1][name]) for name in whole[1])
    assert short[2:] == whole[2:]
