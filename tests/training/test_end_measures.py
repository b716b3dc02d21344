"""What a run measures at its end: its answers are those of its test metrics, its fit that of its final weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import TINY, trained

from litmus import load_model
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.records.answers import read_answers

SEGMENTED = {
    "model.name": "unet", "model.depth": 1, "model.width": 2, "data.name": "shapes", "data.image_size": 8,
    "data.train_images": 60, "data.test_images": 20, "data.batch_size": 16, "trainer.epochs": 1,
}  # fmt: skip


def test_a_classifiers_answers_and_fit(tmp_path: Path) -> None:
    run = trained(tmp_path, {**TINY, "model.dropout": 0.5})
    metrics, answers = run.record.read_summary()["metrics"], read_answers(run.record)
    assert answers is not None
    assert len(answers.scores("top1")) == 360
    assert answers.scores("top1").mean() == pytest.approx(metrics["test_top1"], abs=1e-6)
    assert run.record.answers_file.stat().st_size < 2000  # two classes an image

    data = ImageDataModule(run.config.data, run.config.seed)
    network = load_model(run.directory).network
    with torch.no_grad():
        right = [(network(batch.images).argmax(1) == batch.labels) for batch in data.fit_batches(10_000)]
    assert len(torch.cat(right)) == len(data.train_indices)
    assert metrics["fit_top1"] == pytest.approx(torch.cat(right).double().mean().item(), abs=1e-6)
    assert metrics["fit_top1"] != metrics["train_top1"]
    assert sum(len(batch.images) for batch in data.fit_batches(100)) == 100


def test_guessing_counts_images_for_a_classifier_and_pixels_for_a_segmenter(tmp_path: Path) -> None:
    images = trained(tmp_path / "images", {**SEGMENTED, "model.name": "mlp", "model.depth": 2, "model.width": 4})
    pixels = trained(tmp_path / "pixels", SEGMENTED)
    classes, masks = ImageDataModule(images.config.data, 0).arrays.test_labels, ImageDataModule(pixels.config.data, 0)
    assert masks.arrays.test_masks is not None
    background = (masks.arrays.test_masks == 0).double().mean().item()
    shares = [each.record.read_summary()["data"]["majority_share"] for each in (images, pixels)]
    assert shares == pytest.approx([classes.bincount().max().item() / 20, background])
    assert shares[0] < 0.5 < shares[1]


def test_a_segmenters_images_make_its_metrics(tmp_path: Path) -> None:
    run = trained(tmp_path, SEGMENTED)
    metrics, answers = run.record.read_summary()["metrics"], read_answers(run.record)
    assert answers is not None
    assert "fit_pixel_accuracy" in metrics
    for name in ("iou", "dice", "pixel_accuracy"):
        scores = answers.scores(name)
        assert len(scores) == 20
        assert scores.mean() == pytest.approx(metrics[f"test_{name}"], abs=1e-6)
        assert np.ptp(scores) > 0
