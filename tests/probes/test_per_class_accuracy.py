"""Accuracies by class, beside the logits of the same weights."""

import numpy
import pytest
from probed_steps import rows_of

from litmus.training.run import Run


def test_accuracies_of_the_classes_are_those_of_the_logits(finished: Run) -> None:
    rows = rows_of(finished, "per_class_accuracy")
    last = rows[rows["step"] == rows["step"].max()].set_index("layer")["value"].astype(float)
    assert list(last.index) == [str(digit) for digit in range(10)]
    with numpy.load(finished.record.logits_file) as stored:
        labels, right = stored["val_labels"], stored["val_logits"].argmax(1) == stored["val_labels"]
    for digit in range(10):
        assert last[str(digit)] == pytest.approx(right[labels == digit].mean())
    assert rows["step"].nunique() == finished.config.trainer.epochs
