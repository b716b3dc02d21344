"""Rows become steps: each once, whole and in order, on the axes epoch and images."""

import math

from hypothesis import given
from hypothesis import strategies as st

from litmus.training.loggers import History, recorded


def test_rows_of_a_step_are_one_entry_with_its_axes() -> None:
    history = History(images_per_step=64, steps_per_epoch=20)
    history.add_row({"kind": "step", "step": 10, "epoch": 0.5, "lr": 0.1, "train_loss": 2.0})
    history.add_row({"kind": "evaluation", "step": 10, "epoch": 0.5, "lr": 0.1, "val_top1": 0.25, "val_loss": math.nan})
    assert list(history.steps()) == [
        (10, {"epoch": 0.5, "images": 640, "lr": 0.1, "train_loss": 2.0, "val_top1": 0.25})
    ]
    assert list(history.steps()) == []


def test_probes_are_curves_and_histograms() -> None:
    rows = [
        {"step": 5, "probe": "p", "layer": layer, "quantity": "norm", "value": value}
        for layer, value in (("conv1", 1.0), ("a/b", 3.0))
    ]
    rows += [
        {"step": 5, "probe": "p", "layer": "conv1", "quantity": f"median_of_unit_{unit}", "value": float(unit)}
        for unit in range(3)
    ]
    rows.append({"step": 5, "probe": "p", "layer": "", "quantity": "whole", "value": 7.0})
    [(step, values)] = recorded([{"step": 10, "epoch": 2.0}], rows, images_per_step=8).steps(before=6)
    assert step == 5
    assert values == {
        "epoch": 1.0,
        "images": 40,
        "p/norm/conv1": 1.0,
        "p/norm/a∕b": 3.0,
        "p/norm by layer": [1.0, 3.0],
        "p/median by unit/conv1": [0.0, 1.0, 2.0],
        "p/whole": 7.0,
    }


@given(st.lists(st.integers(min_value=0, max_value=30)), st.lists(st.integers(min_value=0, max_value=30)))
def test_however_it_is_asked_for_each_step_comes_once_and_in_order(steps: list[int], asked: list[int]) -> None:
    history, given_back = History(1, 1), []
    for step in sorted(steps):
        history.add_row({"step": step, "lr": 0.1})
    for before in sorted(asked):
        given_back += [step for step, _ in history.steps(before)]
    given_back += [step for step, _ in history.steps()]
    assert given_back == sorted(set(steps))
