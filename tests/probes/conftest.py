"""A finished run that probes measured, and its network."""

from typing import Any

import pytest
import torch
from tiny_runs import TINY

from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.lit_archs.building.registry import build
from litmus.training.config import resolve
from litmus.training.execute import attempt
from litmus.training.run import Execution, Place, Run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = {**TINY, "model.name": "resnet_cifar", "model.depth": 14, "model.width": 4, "optim.lr": 0.05}
    probes = ["lesion", "logits", "per_class_accuracy"]
    config = resolve({**settings, "data.eval_batch_size": 100, "trainer.probes": probes})
    this_run = Run("0123456789ab", "example", "an arm", {}, config, tmp_path_factory.mktemp("finished"))
    assert attempt(this_run, Execution(), Place(), lambda _: None, attempts=1) == "finished"
    return this_run


@pytest.fixture(scope="session")
def trained(finished: Run) -> tuple[Any, ImageDataModule]:
    state = torch.load(finished.record.checkpoint, weights_only=True)["state_dict"]
    network = build("resnet_cifar", depth=14, width=4, in_channels=1, image_size=8)
    network.load_state_dict({k.removeprefix("network."): v for k, v in state.items() if k.startswith("network.")})
    return network.eval(), ImageDataModule(finished.config.data, finished.config.seed)
