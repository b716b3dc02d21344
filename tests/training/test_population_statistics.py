"""`norm.evaluation_statistics` population: evaluations see statistics of the training set, training sees no change."""

from pathlib import Path

import pytest
import torch
from tiny_runs import TINY, trained, weights

from litmus import load_model
from litmus.datamodules.batches.image_data import ImageDataModule


@pytest.mark.parametrize(("norm", "size"), [("batch", 64), ("ghost_batch", 16)])
def test_they_are_the_means_over_the_first_epochs_batches(norm: str, size: int, tmp_path: Path) -> None:
    settings = {**TINY, "model.norm": norm, "norm.virtual_batch_size": size}
    run = trained(tmp_path / "population", {**settings, "norm.evaluation_statistics": "population"})
    network = load_model(run.directory).network
    linear, layer = network.linear1, network.norm1.norm
    with torch.no_grad():
        inputs = [
            linear(part.flatten(1))
            for batch in ImageDataModule(run.config.data, run.config.seed).train_epoch(0)
            for part in batch.images.split(size)
        ]
    torch.testing.assert_close(layer.running_mean, torch.stack([values.mean(0) for values in inputs]).mean(0))
    torch.testing.assert_close(layer.running_var, torch.stack([values.var(0) for values in inputs]).mean(0))

    other = trained(tmp_path / "running", settings)
    one, two = (weights(each.record) for each in (run, other))
    assert all(torch.equal(one[name], two[name]) for name in one if name.endswith((".weight", ".bias")))
    one, two = (each.record.read_summary()["metrics"] for each in (run, other))
    assert one["train_loss"] == two["train_loss"]
    assert one["val_loss"] != two["val_loss"]
    assert one["fit_loss"] != two["fit_loss"]
