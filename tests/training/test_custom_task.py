"""A custom task, the autoencoder of its page: its loss and metrics in records, report and study record."""

import re
from pathlib import Path

import pytest

import litmus
from docs.pages import FOLDER
from litmus.core.errors import UserError
from litmus.core.metrics import Metric, Task, add_task, custom_task
from litmus.records.study_record import read_study_record


def test_an_autoencoders_study_is_judged_by_its_metric(tmp_path: Path) -> None:
    file = tmp_path / "code_width.py"
    (code,) = re.findall(r"```python\n(.*?)```", (FOLDER / "own_task.md").read_text(), re.DOTALL)
    file.write_text(code)
    settings = {"trainer.epochs": 4}
    result = litmus.run(file, seeds=3, settings=settings, out=tmp_path / "runs", workers=1, wandb="disabled")
    assert not result.crashed
    records = result.records
    by_width = records.groupby("model.width")["test_mse"].mean()
    assert by_width[16] < by_width[2] < 1.0
    for column in ("train_loss", "val_loss", "val_mse", "best_val_mse", "test_loss"):
        assert records[column].notna().all(), column
    # The best evaluation is the one with the least error.
    assert (records["best_val_mse"] <= records["val_mse"]).all()
    assert "train_top1" not in records
    page = result.report.read_text()
    assert "mean squared error" in page
    assert "accuracy" not in page.split("<h2")[1]
    # The report needs the record alone, not the file.
    task = read_study_record(result.report.parent).known_task
    assert task is not None
    assert task.metrics[0] == Metric("mse", "mean squared error", "loss", False, guessing=1.0)


def test_a_task_is_refused_if_one_of_its_names_is_taken() -> None:
    with pytest.raises(UserError, match="metric 'top1' of task mine already has another meaning"):
        add_task(custom_task("mine", Metric("top1", "first", "count", False), guessing=0.0))
    with pytest.raises(UserError, match="does not say what its metric 'mae' is"):
        add_task(Task("mine", ("loss", "mae"), "mae"))
