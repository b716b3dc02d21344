"""The table of metrics has what networks log, and says of every column what it holds."""

import pytest
from torch import nn

from litmus.core.metrics import METRICS, TASKS, metric_of, split_of
from litmus.evidence.units import POINTS, unit_of
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.lit_archs.learning.tasks import MODULES


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_what_a_task_logs_is_in_the_table(task: object) -> None:
    assert task in TASKS.values()
    module: type[LitNetwork] = next(module for module in MODULES.values() if module.task is task)
    assert tuple(module(nn.Linear(2, 6), 6).metrics["val"]) == module.task.evaluated
    assert {*module.task.evaluated, module.task.trained, module.task.primary_metric} <= METRICS.keys()
    assert module.task.primary_metric in module.task.evaluated


def test_a_column_is_its_metric_in_any_split() -> None:
    for column in ("test_pixel_accuracy", "val_pixel_accuracy", "train_pixel_accuracy", "best_val_pixel_accuracy"):
        assert metric_of(column) == METRICS["pixel_accuracy"]
        assert unit_of(column) is POINTS
    assert metric_of("seconds") == METRICS["seconds"]
    assert metric_of("test_nothing") is None
    assert metric_of("best_val_step") is None
    assert split_of("best_val_top1") == ("best_val", "top1")


def test_the_five_best_of_five_classes_are_no_metric() -> None:
    classifier = MODULES["classification"](nn.Linear(2, 5), 5)
    assert "top5" not in classifier.metrics["val"]
    assert set(classifier.measured("val")) == {"loss", "top1", "balanced_accuracy"}
