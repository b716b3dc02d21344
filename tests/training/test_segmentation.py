"""Segmentation through the studies: records, divergence, resuming, devices and the report are those of any study."""

from pathlib import Path

import pytest

from litmus import run
from litmus.core.errors import UserError
from litmus.design.study import Study

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
