"""Units that no training image makes positive."""

from pathlib import Path

import torch
from probed_steps import rows_of
from tiny_runs import TINY, trained

from litmus import load_model
from litmus.datamodules import build


def test_dead_units_are_those_that_no_training_image_makes_positive(tmp_path: Path) -> None:
    # A rate at which units die.
    finished = trained(tmp_path, {**TINY, "trainer.probes": ["dead_units"], "optim.lr": 1.0})
    rows = rows_of(finished, "dead_units")
    assert list(rows["layer"].unique()) == ["norm1.activation", "norm2.activation"]
    assert list(rows["step"].unique()) == [20, 40]
    network = load_model(finished.directory).network
    images = torch.cat([batch.images for batch in build("digits", seed=0).fit_batches(10_000)])
    with torch.no_grad():
        hidden = network.get_submodule("linear1")(images.flatten(1))
        second = network.get_submodule("linear2")(network.get_submodule("norm1")(hidden))
    expected = [float((each <= 0).all(0).double().mean()) for each in (hidden, second)]
    assert rows[rows["step"] == 40]["value"].tolist() == expected
    assert sum(expected) > 0
