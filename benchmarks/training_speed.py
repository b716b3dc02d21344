"""Training through the suite against a bare PyTorch loop on the same batches, in samples per second.

    LITMUS_DATA=DIR python benchmarks/training_speed.py

Both train one epoch and evaluate the validation split after it, with one CPU thread, in turns: LeNet-5 on MNIST,
ResNet-20 on drawn images of 32 pixels.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.lit_archs.building.registry import build
from litmus.lit_archs.learning.optimiser import build_optimiser
from litmus.training.config import RunConfig, resolve
from litmus.training.execute import execute
from litmus.training.network import network_options
from litmus.training.run import Execution, Place, Run

ROUNDS = 5
MNIST = {"data.name": "mnist", "data.root": os.environ.get("LITMUS_DATA", "data")}
NETWORKS: dict[str, dict[str, Any]] = {
    "lenet5, batch 128": {"model.name": "lenet5", **MNIST},
    "lenet5, batch 256": {"model.name": "lenet5", "data.batch_size": 256, **MNIST},
    "resnet20, batch 128": {
        "model.name": "resnet20",
        "data.name": "shapes",
        "data.train_images": 1500,
        "data.test_images": 1,
    },
}


def bare(config: RunConfig) -> float:
    """Return the seconds of a loop that measures loss and accuracy, without Lightning, records or checkpoints."""
    data = ImageDataModule(config.data, config.seed)
    options = network_options(config, data.num_classes, data.image_shape)
    network = build(config.model["name"], seed=config.seed, init=config.init, **options)
    optimiser = build_optimiser(network.parameters(), config.optim)
    start = time.perf_counter()
    network.train()
    right = total = 0.0
    for batch in data.train_epoch(0):
        logits = network(batch.images)
        loss = functional.cross_entropy(logits, batch.labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += float(loss.detach()) * len(batch.labels)
        right += float((logits.argmax(1) == batch.labels).sum())
    network.eval()
    right = total = 0.0
    with torch.no_grad():
        for batch in data.val_dataloader():
            logits = network(batch.images)
            total += float(functional.cross_entropy(logits, batch.labels, reduction="sum"))
            right += float((logits.argmax(1) == batch.labels).sum())
    return time.perf_counter() - start


def suite(config: RunConfig) -> float:
    """Return the seconds that a run of the suite spends in training and validation."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run("0" * 12, "benchmark", "arm", {}, config, Path(folder))
        execute(run, Execution(threads=1), Place(), lambda _: None)
        return float(run.record.read_summary()["seconds"])


def main() -> None:
    """Print both speeds and their ratio for each network."""
    torch.set_num_threads(1)
    for name, settings in NETWORKS.items():
        config = resolve({"trainer.epochs": 1, "optim.lr": 0.01, **settings})
        data = ImageDataModule(config.data)
        samples = data.steps_per_epoch * config.data.batch_size
        pairs = [(bare(config), suite(config)) for _ in range(ROUNDS)]
        ratio = statistics.median(alone / through for alone, through in pairs)
        alone, through = (samples / statistics.median(seconds) for seconds in zip(*pairs, strict=True))
        print(f"{name}: {through:,.0f} samples/s through the suite, {alone:,.0f} bare, ratio {ratio:.3f}")


if __name__ == "__main__":
    main()
