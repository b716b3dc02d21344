"""The logits of a finished run are those of its final weights, and the accuracies of the classes follow from them."""

from typing import Any

import numpy
import pytest
import torch
from probed_steps import rows_of

from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.training.run import Run


def test_stored_logits_are_those_of_the_final_weights(finished: Run, trained: tuple[Any, ImageDataModule]) -> None:
    network, data = trained
    arrays = data.arrays
    with numpy.load(finished.record.logits_file) as stored, torch.no_grad():
        for split, images, labels in (
            ("val", arrays.train_images[data.val_indices], arrays.train_labels[data.val_indices]),
            ("test", arrays.test_images, arrays.test_labels),
        ):
            expected = network(data.normalise(images)).numpy()
            assert stored[f"{split}_logits"].dtype == numpy.float32
            numpy.testing.assert_allclose(stored[f"{split}_logits"], expected, rtol=1e-4, atol=1e-4)
            assert (stored[f"{split}_labels"] == labels.numpy()).all()
        assert (stored["val_samples"] == data.val_indices.numpy()).all()
        metrics = finished.record.read_summary()["metrics"]
        right = stored["test_logits"].argmax(1) == stored["test_labels"]
        assert right.mean() == pytest.approx(metrics["test_top1"])


def test_accuracies_of_the_classes_are_those_of_the_logits(finished: Run) -> None:
    rows = rows_of(finished, "per_class_accuracy")
    last = rows[rows["step"] == rows["step"].max()].set_index("layer")["value"].astype(float)
    assert list(last.index) == [str(digit) for digit in range(10)]
    with numpy.load(finished.record.logits_file) as stored:
        labels, right = stored["val_labels"], stored["val_logits"].argmax(1) == stored["val_labels"]
    for digit in range(10):
        assert last[str(digit)] == pytest.approx(right[labels == digit].mean())
    assert rows["step"].nunique() == finished.config.trainer.epochs
