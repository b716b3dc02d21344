"""What was compared, tuned and fixed; what each arm tried and chose; and what training and tuning warn of."""

from pathlib import Path

import pytest
from synthetic_records import Truth, synthetic

from litmus import Range, Study, Tuning
from litmus.design.plan import Arm
from litmus.evidence.results import Analysis
from litmus.report.figures.tuning import tuning_figures
from litmus.report.hyperparameters import roles_table, tuning_table, warnings
from litmus.report.page import write_report

BASE = {"model.name": "lenet5", "trainer.epochs": 6}
SPACE = {"optim.lr": [0.01, 0.1, 1.0], "optim.nesterov": [False, True]}
STUDY = Study("tuned", base=BASE, factors={"model.norm": ["none", "batch"]}, tune=Tuning(SPACE))


def truth(arm: Arm, seed: int) -> Truth:
    loss = [1.0 - 0.1 * epoch if arm.is_baseline else 0.4 + 0.1 * epoch for epoch in range(1, 7)]
    curve = [{"step": epoch, "val_loss": value + 0.001 * seed} for epoch, value in enumerate(loss, start=1)]
    return {"test_top1": 0.8 + 0.01 * seed, "val_top1": 0.8, "curve": curve}


def trial(arm: Arm, seed: int) -> Truth:
    """The baseline is best at the highest rate, where the other diverges: that one is best in the middle."""
    lr, nesterov = arm.config.optim.lr, arm.config.optim.nesterov
    if arm.is_baseline:
        return {"val_top1": 0.5 + 0.1 * lr + 0.01 * nesterov}
    return "diverged" if lr == 1.0 else {"val_top1": 0.5 + lr + 0.01 * nesterov}


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    return synthetic(tmp_path_factory.mktemp("tuned"), STUDY, truth, seeds=3, trial=trial)


def test_each_hyperparameter_has_its_role(analysis: Analysis) -> None:
    table = roles_table(analysis)
    assert table is not None
    *rows, others = [list(row.values()) for row in table.rows]
    assert rows == [
        ["compared", "model.norm", "none, batch"],
        ["tuned: each arm chose its own", "optim.lr", "0.01, 0.1, 1.0"],
        ["tuned: each arm chose its own", "optim.nesterov", "False, True"],
        ["fixed by the study", "model.name", "lenet5"],
        ["fixed by the study", "trainer.epochs", "6"],
    ]
    assert others[0] == "fixed at the default"
    assert "learning rate" not in table.note


def test_a_learning_rate_that_nobody_tuned_is_named_as_the_limit(tmp_path: Path) -> None:
    untuned = Study("fixed", base={**BASE, "optim.lr": 0.3}, factors={"model.norm": ["none", "batch"]})
    table = roles_table(synthetic(tmp_path, untuned, truth, seeds=2))
    assert table is not None
    assert "The learning rate (0.3) was not tuned, so an arm that needs another one is at a disadvantage." in table.note


def test_what_each_arm_chose_is_a_table_and_the_trials_are_points(analysis: Analysis) -> None:
    table = tuning_table(analysis)
    assert table is not None
    assert [list(row.values()) for row in table.rows] == [
        ["norm none", "lr 1.0, nesterov True", "61.00 %", "6", "0"],
        ["norm batch", "lr 0.1, nesterov True", "61.00 %", "6", "2"],
    ]
    rate, nesterov = tuning_figures(analysis)
    assert rate.title == "Tuning: validation accuracy by learning rate"
    assert rate.plot.layout.xaxis.type == "log"
    assert nesterov.plot.layout.xaxis.type == "category"
    baseline, chosen, other, diverged, other_chosen = rate.plot.data
    assert list(baseline.x) == [0.01, 0.01, 0.1, 0.1, 1.0, 1.0]
    assert list(baseline.y) == pytest.approx([50.1, 51.1, 51.0, 52.0, 60.0, 61.0])
    assert (list(chosen.x), list(chosen.y), chosen.marker.symbol) == ([1.0], [pytest.approx(61)], "circle-open")
    assert len(other.x) == 6
    assert (list(diverged.x), list(diverged.y)) == ([1.0, 1.0], [10, 10])
    assert list(other_chosen.x) == [0.1]
    assert list(nesterov.plot.data[0].x) == ["False", "True"] * 3


def test_warnings_name_the_arms_that_they_are_true_of(analysis: Analysis) -> None:
    found = dict(warnings(analysis))
    assert list(found) == [
        "Still improving at the end of training", "Overfitting", "Best at the edge of what was tried"
    ]  # fmt: skip
    rising, overfit, edge = found.values()
    assert rising.startswith("norm none (by 20 %): validation loss still fell within the last fifth of training.")
    assert overfit.startswith("norm batch (+100 %, lowest after 17 % of training): validation loss rose")
    assert edge.startswith("norm none (learning rate 1, the highest). A better value may lie beyond")
    page = write_report(analysis.directory, STUDY).path.read_text()
    assert all(f"{warning}.</strong>" in page for warning in found)


def test_nothing_is_warned_of_where_nothing_is_wrong(tmp_path: Path) -> None:
    study = Study("fine", base=BASE, factors=STUDY.factors, tune=Tuning({"optim.momentum": [0.0, 0.5, 0.9]}))
    best = {0.0: 0.9, 0.5: 0.8, 0.9: 0.7}
    analysis = synthetic(
        tmp_path,
        study,
        lambda arm, seed: {"test_top1": 0.9, "val_top1": 0.9},
        seeds=3,
        trial=lambda arm, seed: {"val_top1": best[arm.config.optim.momentum]},
    )
    assert [list(each.edges) for each in analysis.tunings] == [["optim.momentum"]] * 2
    assert warnings(analysis) == []  # below a momentum of zero there is nothing to try


def test_a_range_is_drawn_on_a_logarithmic_axis_and_joined(tmp_path: Path) -> None:
    study = Study("range", base=BASE, factors=STUDY.factors, tune=Tuning({"optim.lr": Range(0.001, 1.0)}, trials=5))
    analysis = synthetic(tmp_path, study, truth, seeds=2, trial=lambda arm, seed: {"val_top1": arm.config.optim.lr / 2})
    (figure,) = tuning_figures(analysis)
    first = figure.plot.data[0]
    assert first.mode == "lines+markers"
    assert list(first.x) == sorted(first.x)
    assert figure.plot.layout.xaxis.type == "log"
