"""Segmentation through the studies: records, divergence, resuming, devices and the report are those of any study."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from litmus import run
from litmus.core.errors import UserError
from litmus.design.study import Study
from litmus.records.run_record import run_records
from litmus.training.config import resolve
from litmus.training.run import Run

Litmus = Callable[..., "subprocess.CompletedProcess[str]"]

SMALL = {
    "model.name": "unet",
    "trainer.keep": "last",
    "model.depth": 2,
    "model.width": 4,
    "data.name": "shapes",
    "data.image_size": 12,
    "data.train_images": 150,
    "data.test_images": 60,
    "data.eval_batch_size": 7,
    "data.batch_size": 32,
    "trainer.epochs": 3,
    "trainer.log_every_n_steps": 3,
}
"""Settings of a run that takes a fraction of a second."""

METRICS = ("loss", "iou", "dice", "pixel_accuracy")


def weights(each: Run) -> dict[str, torch.Tensor]:
    return torch.load(each.record.checkpoint, weights_only=True)["state_dict"]


@pytest.mark.slow
def test_a_unet_from_first_command_to_last(litmus: Litmus, tmp_path: Path) -> None:
    options = [part for key, value in SMALL.items() for part in (f"--{key}", str(value))]
    trained = litmus("train", *options, "--wandb", "offline")
    assert trained.returncode == 0, trained.stderr
    assert "test mean IoU" in trained.stdout
    [record] = run_records(tmp_path / "runs" / "train-unet-shapes")
    rows = pd.read_csv(record.metrics_file)
    training, validation = ["train_loss", "train_pixel_accuracy"], [f"val_{name}" for name in METRICS]
    assert list(rows) == ["kind", "step", "epoch", "lr", *training, *validation]
    evaluated = rows[rows["kind"] == "evaluation"]
    assert evaluated.notna().all(axis=None)
    metrics = record.read_summary()["metrics"]
    assert {f"test_{name}" for name in METRICS} <= set(metrics)
    best = evaluated.loc[evaluated["val_iou"].idxmax()]
    assert (metrics["best_val_iou"], metrics["best_val_step"]) == (best["val_iou"], best["step"])
    # Four shapes and the ground.
    assert weights(Run("", "", "", {}, resolve(SMALL), record.path))["network.classifier.weight"].shape[0] == 5
    [tracked] = record.path.glob("wandb/offline-run-*/run-*.wandb")
    assert all(name.encode() in tracked.read_bytes() for name in ("val_iou", "test_dice", "train_pixel_accuracy"))
    report = (tmp_path / "runs" / "train-unet-shapes" / "report.html").read_text()
    assert "Validation mean IoU while training" in report
    assert "accuracy" not in report.replace("pixel accuracy", "").partition("</script>")[2]
    assert f"test_iou: {metrics['test_iou']}" in litmus("show", record.run_id).stdout


def test_two_devices_train_and_evaluate_like_one(tmp_path: Path) -> None:
    study = Study("devices", "?", SMALL, {"optim.lr": [0.03, 1e-30]}, {"optim.lr": 0.03}, seeds=1)
    one = run(study, out=tmp_path / "one", workers=1, wandb="disabled").records.set_index("optim.lr")
    two = run(study, out=tmp_path / "two", workers=1, devices=2, wandb="disabled").records.set_index("optim.lr")
    assert list(one["state"]) == list(two["state"]) == ["finished", "finished"]
    assert list(one["run"]) == list(two["run"])
    for name in METRICS:
        for column in (f"val_{name}", f"test_{name}"):
            # At a rate that moves no weight, both evaluate the same network: equal to the last digit.
            assert one.loc[1e-30, column] == two.loc[1e-30, column], column
            assert one.loc[0.03, column] == pytest.approx(two.loc[0.03, column], abs=0.02), column


def test_a_dataset_without_masks_is_refused(tmp_path: Path) -> None:
    study = Study("maskless", "?", {"model.name": "unet", "model.depth": 2, "data.name": "digits"})
    with pytest.raises(UserError, match=r"model.name unet segments images, and data.name digits has no masks"):
        run(study, out=tmp_path, wandb="disabled")
