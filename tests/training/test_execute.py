"""One run: the test set behind its firewall (promise 4), divergence as an outcome (promise 5), the record."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
import torch
from tiny_runs import TINY, prepared, weights
from torch import Tensor, nn
from torch.nn import functional

import litmus.datamodules.batches.image_data
from litmus.core.config_keys import flatten
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.lit_archs.building.registry import build, register
from litmus.lit_archs.learning.optimiser import build_optimiser
from litmus.training.config import resolve
from litmus.training.execute import attempt
from litmus.training.network import network_options
from litmus.training.run import Execution, Place, Run


def run(directory: Path, **changes: object) -> tuple[str, Run]:
    this_run = prepared(directory, {**TINY, **changes})
    return attempt(this_run, Execution(), Place(), lambda _: None, attempt_number=1), this_run


def test_the_test_set_is_read_once_after_training_and_changes_nothing_but_the_test_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps_when_read = []
    original = ImageDataModule.test_dataloader

    def watched(self: ImageDataModule) -> object:
        assert self.trainer is not None
        steps_when_read.append(self.trainer.global_step)
        return original(self)

    monkeypatch.setattr(ImageDataModule, "test_dataloader", watched)
    state, plain = run(tmp_path / "plain")
    assert state == "finished"
    assert steps_when_read == [plain.record.read_summary()["metrics"]["steps"]]
    arrays = litmus.datamodules.batches.image_data.load("digits", "data")
    other = dataclasses.replace(arrays, test_labels=(arrays.test_labels + 1) % 10)
    monkeypatch.setattr(litmus.datamodules.batches.image_data, "load", lambda *names: other)
    _, changed = run(tmp_path / "changed")
    assert plain.record.metrics_file.read_text() == changed.record.metrics_file.read_text()
    first, second = weights(plain.record), weights(changed.record)
    assert all(torch.equal(first[key], second[key]) for key in first)
    metrics = [this_run.record.read_summary()["metrics"] for this_run in (plain, changed)]
    differing = {key for key in metrics[0] if metrics[0][key] != metrics[1][key]}
    assert differing == {"test_loss", "test_top1", "test_top5", "test_balanced_accuracy"}


@pytest.mark.parametrize("changes", [{}, {"optim.clip_norm": 1.0, "optim.lr": 1.0}], ids=["plain", "clipped"])
def test_the_metrics_are_those_of_a_plain_training_loop(tmp_path: Path, changes: dict[str, float]) -> None:
    _, this_run = run(tmp_path / "run", **changes)
    config = this_run.config
    data = ImageDataModule(config.data, config.seed)
    options = network_options(config, data.num_classes, data.image_shape)
    network = build(config.model["name"], seed=config.seed, init=config.init, **options)
    optimiser = build_optimiser(network.parameters(), config.optim)
    norms = []
    for epoch in range(config.trainer.epochs):
        for batch in data.train_epoch(epoch):
            optimiser.zero_grad()
            functional.cross_entropy(network(batch.images), batch.labels).backward()
            if changes:
                norms.append(float(torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)))
            optimiser.step()
    assert not changes or min(norms) < 1.0 < max(norms)
    trained = weights(this_run.record)
    for name, parameter in network.named_parameters():
        assert torch.equal(trained[f"network.{name}"], parameter), name
    network.eval()
    with torch.no_grad():
        logits = network(data.normalise(data.arrays.test_images))
    right = int((logits.argmax(1) == data.arrays.test_labels).sum())
    summary = this_run.record.read_summary()["metrics"]
    assert summary["test_top1"] == pytest.approx(right / len(logits), abs=1e-7)
    assert summary["test_loss"] == pytest.approx(
        float(functional.cross_entropy(logits, data.arrays.test_labels)), abs=1e-5
    )


@pytest.mark.parametrize(("every", "last"), [(50, 21), (15, 15)])
def test_a_diverged_run_ends_at_the_next_step_that_is_logged_or_with_its_epoch(
    tmp_path: Path, every: int, last: int
) -> None:
    # 1,293 images in 21 batches of 61, evaluated after 11 and 21 steps.
    settings = {"data.batch_size": 61, "trainer.validations_per_epoch": 2, "trainer.log_every_n_steps": every}
    state, this_run = run(tmp_path, **settings, **{"optim.lr": 1e30})
    assert state == "diverged"
    assert pd.read_csv(this_run.record.metrics_file)["step"].iloc[-1] == last
    assert this_run.record.read_summary()["diverged_at_step"] < 4


def test_a_diverged_run_is_recorded_with_its_step_and_has_no_test_accuracy(tmp_path: Path) -> None:
    changes = {"optim.lr": 1e8, "trainer.log_every_n_steps": 7, "trainer.epochs": 4}
    state, this_run = run(tmp_path / "run", **changes)
    assert state == "diverged"
    assert this_run.record.outcome().is_complete
    config = this_run.config
    data = ImageDataModule(config.data, config.seed)
    network = build("mlp", seed=0, **network_options(config, 10, data.image_shape))
    optimiser = build_optimiser(network.parameters(), config.optim)
    step = 0
    for batch in data.train_epoch(0):
        optimiser.zero_grad()
        loss = functional.cross_entropy(network(batch.images), batch.labels)
        if not torch.isfinite(loss):
            break
        loss.backward()
        optimiser.step()
        step += 1
    summary = this_run.record.read_summary()
    assert summary["diverged_at_step"] == step
    assert step > 0
    assert "test_top1" not in summary["metrics"]


def test_evaluations_are_evenly_spaced_and_end_with_the_epoch(tmp_path: Path) -> None:
    changes = {"trainer.validations_per_epoch": 3, "trainer.epochs": 2}
    _, this_run = run(tmp_path / "run", **changes)
    steps_per_epoch = ImageDataModule(this_run.config.data).steps_per_epoch
    assert steps_per_epoch % 3  # else Lightning's own interval would do
    rows = pd.read_csv(this_run.record.metrics_file)
    evaluated = rows.loc[rows["kind"] == "evaluation", "step"].tolist()
    one = [-(-steps_per_epoch * k // 3) for k in (1, 2, 3)]
    assert evaluated == one + [steps_per_epoch + step for step in one]


def test_the_record_says_where_and_how_it_was_made(tmp_path: Path) -> None:
    _, this_run = run(tmp_path / "run")
    summary = this_run.record.read_summary()
    assert summary["environment"]["torch"] == torch.__version__.partition("+")[0]
    assert summary["environment"]["threads"] == 1
    assert summary["normalisation"]["batch_per_device"] == 64
    assert summary["cost"]["parameters"] == 64 * 16 + 16 + 16 * 16 + 16 + 16 * 10 + 10
    assert resolve(flatten(this_run.record.read_config())) == this_run.config


@register("nan_in_evaluation")
class NanInEvaluation(nn.Module):
    """Computes NaN in evaluation for `bad` images of a batch."""

    def __init__(self, num_classes: int, in_channels: int = 1, image_size: int = 8, bad: int = 1) -> None:
        super().__init__()
        self.layer = nn.Linear(in_channels * image_size**2, num_classes)
        self.bad = bad

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layer(images.flatten(1))
        return logits if self.training else torch.cat((logits[: self.bad] * torch.nan, logits[self.bad :]))


@pytest.mark.parametrize("bad", [1, 1000])
def test_a_run_without_a_finite_evaluation_is_told_and_has_no_accuracy(tmp_path: Path, bad: int) -> None:
    settings = {"model.name": "nan_in_evaluation", "model.bad": bad, "trainer.epochs": 1, "trainer.keep": "both"}
    this_run = prepared(tmp_path / "run", settings)
    assert attempt(this_run, Execution(), Place(), lambda _: None, attempt_number=1) == "not_finite"
    assert this_run.record.outcome().is_complete
    summary = this_run.record.read_summary()
    assert summary["state"] == this_run.record.state() == "not_finite"
    metrics = summary["metrics"]
    assert summary["diverged_at_step"] is None
    assert metrics["train_loss"] > 0
    assert {metrics[name] for name in metrics if name.startswith(("val_", "test_", "best_val_top1"))} == {None}
    rows = pd.read_csv(this_run.record.metrics_file)
    assert rows["val_top1"].isna().all()
    assert all(file.exists() for file in this_run.record.weights_files("both"))
