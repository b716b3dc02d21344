"""`trainer.accumulate` and `optim.clip_norm`: the same batches, the same step, and another run only where it is one."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tiny_runs
import torch
from tiny_runs import TINY, weights
from torch.nn import functional

from litmus import datamodules, run
from litmus.core.errors import UserError
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.batches.order import Shard
from litmus.design.study import Study
from litmus.lit_archs.building.registry import build
from litmus.lit_archs.learning.optimiser import build_optimiser
from litmus.training.config import resolve
from litmus.training.identity import run_id
from litmus.training.network import network_options
from litmus.training.run import Run

DOUBLE = {**TINY, "trainer.precision": "64-true"}


def trained(directory: Path, **changes: object) -> Run:
    return tiny_runs.trained(directory, {**DOUBLE, **changes})


def test_the_parts_are_those_of_the_same_batches() -> None:
    parts = 3
    data = datamodules.build("digits", seed=3, batch_size=62, augment="crop", mix="mixup", drop_last=False)
    whole = list(data.train_epoch(1))
    shares = [list(data.train_epoch(1, Shard(rank, 2), parts)) for rank in range(2)]
    for step, batch in enumerate(whole):
        own = slice(step * parts, (step + 1) * parts)
        pieces = [piece for share in shares for piece in share[own]]
        assert {piece.global_size for piece in pieces} == {len(batch.images)}
        for name in ("images", "labels", "sample", "second_labels", "first_share"):
            assert torch.equal(torch.cat([getattr(piece, name) for piece in pieces]), getattr(batch, name)), name


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


def test_the_gradients_norm_is_clipped(tmp_path: Path) -> None:
    this_run = trained(tmp_path, **{"optim.clip_norm": 1.0, "optim.lr": 1.0, "trainer.epochs": 1})
    config = this_run.config
    data = ImageDataModule(config.data, config.seed)
    network = build("mlp", seed=0, **network_options(config, 10, data.image_shape)).double()
    optimiser = build_optimiser(network.parameters(), config.optim)
    norms = []
    for batch in data.train_epoch(0):
        optimiser.zero_grad()
        functional.cross_entropy(network(batch.images.double()), batch.labels).backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)))
        optimiser.step()
    assert min(norms) < 1.0 < max(norms)
    found = weights(this_run.record)
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(found[f"network.{name}"], parameter.detach(), rtol=1e-9, atol=1e-11)
    assert run_id(resolve({"optim.clip_norm": 0.5}), "d") != run_id(resolve({}), "d")


def test_a_last_batch_that_is_too_small_to_cut_is_refused(tmp_path: Path) -> None:
    settings = {**TINY, "trainer.accumulate": 40, "data.drop_last": False}
    with pytest.raises(UserError, match="the last batch of an epoch has"):
        run(Study("cut", "?", settings, {"model.activation": ["relu"]}, {}), seeds=1, out=tmp_path, wandb="disabled")
