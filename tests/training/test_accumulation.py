"""`trainer.accumulate`: the same steps from the same batches, and another run because batch norm sees less."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tiny_runs
import torch
from tiny_runs import TINY, weights

from litmus import run
from litmus.core.errors import UserError
from litmus.design.study import Study
from litmus.training.config import resolve
from litmus.training.identity import run_id
from litmus.training.run import Run

DOUBLE = {**TINY, "trainer.precision": "64-true"}


def trained(directory: Path, **changes: object) -> Run:
    return tiny_runs.trained(directory, {**DOUBLE, **changes})


def test_a_batch_in_parts_trains_like_the_whole(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "data.batch_size": 61,
        "data.drop_last": False,
        "trainer.validations_per_epoch": 2,
    }
    whole = trained(tmp_path / "whole", **changes)
    parts = trained(tmp_path / "parts", **changes, **{"trainer.accumulate": 4})
    first, second = weights(whole.record), weights(parts.record)
    for key in first:
        torch.testing.assert_close(first[key], second[key], rtol=1e-9, atol=1e-11, msg=key)
    curves = [pd.read_csv(each.record.metrics_file) for each in (whole, parts)]
    pd.testing.assert_frame_equal(*curves, rtol=1e-5)


def test_batch_norm_sees_a_micro_batch_which_is_recorded_and_part_of_the_identity(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole", **{"model.norm": "batch"})
    parts = trained(tmp_path / "parts", **{"model.norm": "batch", "trainer.accumulate": 4})
    regimes = [each.record.read_summary()["normalisation"] for each in (whole, parts)]
    assert [regime["statistics_over"] for regime in regimes] == [64, 16]
    assert [regime.get("accumulated_parts") for regime in regimes] == [None, 4]
    first, second = weights(whole.record), weights(parts.record)
    assert not torch.allclose(first["network.classifier.weight"], second["network.classifier.weight"])
    identities = {run_id(resolve({"trainer.accumulate": parts}), "d") for parts in (1, 2, 4)}
    assert len(identities) == 3


def test_divergence_is_found_at_the_same_step(tmp_path: Path) -> None:
    changes = {"optim.lr": 1e200, "trainer.log_every_n_steps": 7}
    steps = [
        trained(tmp_path / str(parts), **changes, **{"trainer.accumulate": parts}).record.read_summary()
        for parts in (1, 4)
    ]
    assert steps[0]["diverged_at_step"] == steps[1]["diverged_at_step"] > 0


def test_a_last_batch_that_is_too_small_to_cut_is_refused(tmp_path: Path) -> None:
    settings = {**TINY, "trainer.accumulate": 40, "data.drop_last": False}
    with pytest.raises(UserError, match="the last batch of an epoch has"):
        run(Study("cut", "?", settings, {"model.activation": ["relu"]}, {}), seeds=1, out=tmp_path, wandb="disabled")
