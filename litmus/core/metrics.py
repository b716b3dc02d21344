"""What each metric is, one line each, and which metrics a task has.

Records call a metric by its split and its name, `test_top1`; some have no split, `seconds`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from litmus.core.errors import UserError, require_choice

Scale = Literal["share", "loss", "seconds", "count", "number"]
"""Of a metric's values: a fraction of one, a loss, seconds, a number of things, or any number."""

Item = TypeVar("Item")

SPLITS = {
    "train": "running training",
    "fit": "training",
    "val": "validation",
    "test": "test",
    "best_val": "best validation",
}
"""The splits in the records' columns, and what a reader calls them."""


@dataclass(frozen=True)
class Metric:
    """A number of a run.

    Args:
        name: what records call it, behind the split.
        display_name: what a reader calls it.
        scale: the kind of number.
        higher_is_better: whether more of it is better.
        guessing: its value for a network that has learnt nothing, with which a diverged run counts; a function where
            that depends on the number of classes and on the share of the most frequent one; None where a diverged run
            has no value.
        complement_of: the metric that this is one minus of; records hold only that one.
        decimals: those of any number.
    """

    name: str
    display_name: str
    scale: Scale
    higher_is_better: bool
    guessing: float | Callable[[int, float], float] | None = None
    complement_of: str = ""
    decimals: int = 3

    def chance(self, num_classes: int, majority_share: float = 0.0) -> float:
        """Return its value for a network that has learnt nothing, of data with so many classes.

        `majority_share` is the share of the most frequent class, among pixels where the network labels these.
        """
        if callable(self.guessing):
            return self.guessing(num_classes, majority_share) if num_classes else 0.0
        return self.guessing or 0.0

    def best(self, items: Iterable[Item], value: Callable[[Item], float]) -> Item:
        """Return the item whose value of this metric is the best, the first of several."""
        return (max if self.higher_is_better else min)(items, key=value)


METRICS = {
    metric.name: metric
    for metric in (
        Metric("top1", "accuracy", "share", True, guessing=lambda classes, share: max(1 / classes, share)),
        Metric("top5", "top-5 accuracy", "share", True),
        Metric("error", "error", "share", False, lambda classes, share: 1 - max(1 / classes, share), "top1"),
        Metric("top5_error", "top-5 error", "share", False, complement_of="top5"),
        Metric("balanced_accuracy", "balanced accuracy", "share", True, guessing=lambda classes, _: 1 / classes),
        # Every pixel is the most frequent class, of one more than the data have: the background.
        Metric("iou", "mean IoU", "share", True, guessing=lambda classes, share: share / (classes + 1)),
        Metric("dice", "mean Dice", "share", True, guessing=lambda n, share: 2 * share / (1 + share) / (n + 1)),
        Metric("pixel_accuracy", "pixel accuracy", "share", True),
        Metric("loss", "loss", "loss", False),
        Metric("seconds", "seconds of training", "seconds", False),
        Metric("parameters", "parameters", "count", False),
        Metric("flops", "FLOPs of an image", "count", False),
        Metric("activations", "activations of an image", "count", False),
    )
}
"""Every metric by its name."""


def metric_of(column: object) -> Metric | None:
    """Return the metric that a column of the records holds, whatever its split; None for anything else."""
    if isinstance(column, Column):
        return column.metric
    if not isinstance(column, str):
        return None
    split, name = split_of(column)
    return METRICS.get(column) or (METRICS.get(name) if split else None)


class Column(str):
    """A column of a table that Litmus did not write: its name, and the metric that it holds, whatever its name."""

    metric: Metric

    def __new__(cls, metric: Metric) -> "Column":
        """Return the column of the metric's name."""
        column = super().__new__(cls, metric.name)
        column.metric = metric
        return column


def split_of(column: str) -> tuple[str, str]:
    """Return the split and the metric's name of a column; the split is empty where it has none."""
    for split in SPLITS:
        if column.startswith(f"{split}_"):
            return split, column.removeprefix(f"{split}_")
    return "", column


def complement_of(column: object) -> str:
    """Return the column that `column` is one minus of: `fit_top1` of `fit_error`; empty where there is none."""
    metric = metric_of(column)
    if metric is None or not metric.complement_of:
        return ""
    return f"{split_of(str(column))[0]}_{metric.complement_of}"


def described(column: object) -> str:
    """Return what a column of the records holds, as a reader calls it: `test accuracy`; empty for anything else."""
    metric = metric_of(column)
    if metric is None:
        return ""
    split = "" if isinstance(column, Column) else split_of(str(column))[0]
    return f"{SPLITS[split]} {metric.display_name}" if split else metric.display_name


@dataclass(frozen=True)
class Task:
    """What networks are trained for.

    Args:
        name: as architectures and studies name it.
        evaluated: the metrics of an evaluation, by name.
        primary_metric: the one that runs are compared by, and their best evaluation is found by.
        trained: the share of right answers that training logs; empty where there is none.
        metrics: those that are not among `METRICS`, of a task that a user registers.
    """

    name: str
    evaluated: tuple[str, ...]
    primary_metric: str
    trained: str = ""
    metrics: tuple[Metric, ...] = ()

    @property
    def training_columns(self) -> tuple[str, ...]:
        """What the mean loss of training, and the share of right answers, are recorded as."""
        return ("train_loss", f"train_{self.trained}") if self.trained else ("train_loss",)

    @property
    def fit_metrics(self) -> tuple[str, ...]:
        """What is measured on the training images at the end: the loss and the share of right answers, or all."""
        return ("loss", self.trained) if self.trained else self.evaluated

    @property
    def fit_columns(self) -> tuple[str, ...]:
        """What these are recorded as."""
        return tuple(f"fit_{name}" for name in self.fit_metrics)


def custom_task(name: str, *metrics: Metric, guessing: float) -> Task:
    """Return a task that a user registers: its name, and what an evaluation measures besides the loss.

    Runs are compared by the first of `metrics`. `guessing` is the value of that metric for a network that has learnt
    nothing; a diverged run counts with it. Raises `UserError` without a metric.
    """
    if not metrics:
        raise UserError(f"task {name} needs a metric: custom_task(name, Metric(...), guessing=...)")
    measured = tuple(metric.name for metric in metrics)
    evaluated = measured if "loss" in measured else ("loss", *measured)
    return Task(name, evaluated, measured[0], metrics=(replace(metrics[0], guessing=guessing), *metrics[1:]))


TASKS = {
    task.name: task
    for task in (
        Task("classification", ("loss", "top1", "top5", "balanced_accuracy"), "top1", "top1"),
        Task("segmentation", ("loss", "iou", "dice", "pixel_accuracy"), "iou", "pixel_accuracy"),
    )
}
"""Every task by its name."""


def task_named(name: str) -> Task:
    """Return the task called `name`. Raises `UserError` with the valid names."""
    require_choice("task", name, TASKS)
    return TASKS[name]


def add_task(task: Task) -> None:
    """Register a task and its metrics. Raises `UserError` where a name has another meaning already."""
    if TASKS.get(task.name, task) != task:
        raise UserError(f"task {task.name!r} is registered twice; choose a name that no other task has")
    for metric in task.metrics:
        if METRICS.get(metric.name, metric) != metric:
            raise UserError(f"metric {metric.name!r} of task {task.name} already has another meaning; rename it")
    for name in (*task.evaluated, task.primary_metric):
        if name not in METRICS and name not in {metric.name for metric in task.metrics}:
            raise UserError(f"task {task.name} does not say what its metric {name!r} is: metrics=(Metric(...),)")
    TASKS[task.name] = task
    METRICS.update({metric.name: metric for metric in task.metrics})
