"""A finished run that probes measured, and its network."""

from typing import Any

import pytest
import tiny_runs
from tiny_runs import TINY

from litmus import load_model
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.training.run import Run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = {**TINY, "model.name": "resnet_cifar", "model.depth": 14, "model.width": 4, "optim.lr": 0.05}
    probes = ["lesion", "logits", "per_class_accuracy"]
    settings |= {"data.eval_batch_size": 100, "trainer.probes": probes}
    return tiny_runs.trained(tmp_path_factory.mktemp("finished"), settings)


@pytest.fixture(scope="session")
def trained(finished: Run) -> tuple[Any, ImageDataModule]:
    network = load_model(finished.directory).network
    return network, ImageDataModule(finished.config.data, finished.config.seed)
