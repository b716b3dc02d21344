"""Two real processes see the same global batches as one, and evaluate to the same number, to the last digit."""

import multiprocessing
import os
import socket
from typing import Any

import lightning.pytorch as lightning
import pytest
import torch
import torch.distributed
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from torch import nn

from litmus import datamodules
from litmus.datamodules.batches.image_data import Batch
from litmus.lit_archs.learning.classifier import LitClassifier
from litmus.lit_archs.learning.optimiser import OptimConfig

OPTIONS: dict[str, Any] = {
    "name": "shapes", "image_size": 16, "train_images": 530, "test_images": 97, "batch_size": 51,
    "eval_batch_size": 20, "drop_last": False, "augment": "cifar_heavy",
}  # fmt: skip


class Recording(LitClassifier):
    """Trains as ever, and keeps what it was given: epoch, step, sample numbers, images, global size."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(768, 4))
        super().__init__(network, 4, OptimConfig(lr=1e-30), 100)
        self.seen: list[tuple[int, int, torch.Tensor, torch.Tensor, int]] = []

    def training_step(self, batch: Batch, batch_index: int) -> torch.Tensor:  # type: ignore[override]
        self.seen.append((self.current_epoch, batch_index, batch.sample, batch.images, batch.global_size))
        return super().training_step(batch, batch_index)  # type: ignore[arg-type]


def train(rank: int, world: int, port: int, results: Any) -> None:
    os.environ.update(
        LOCAL_RANK=str(rank), NODE_RANK="0", WORLD_SIZE=str(world), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)
    )
    torch.set_num_threads(1)
    strategy: Any = DDPStrategy(process_group_backend="gloo") if world > 1 else "auto"
    trainer = lightning.Trainer(
        accelerator="cpu", devices=world, strategy=strategy, plugins=[LightningEnvironment()] if world > 1 else [],
        max_epochs=2, logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        use_distributed_sampler=False, num_sanity_val_steps=0,
    )  # fmt: skip
    datamodule = datamodules.build(**OPTIONS)
    module = Recording()
    trainer.fit(module, datamodule=datamodule)
    metrics = {key: value.item() for key, value in trainer.callback_metrics.items() if key.startswith("val")}
    metrics.update(trainer.test(module, datamodule=datamodule, verbose=False)[0])
    # As bytes: tensors would be handed over by a process that has ended.
    seen = [(e, s, sample.tolist(), images.numpy().tobytes(), size) for e, s, sample, images, size in module.seen]
    results.put((rank, metrics, seen))


def run(world: int) -> list[tuple[dict[str, float], list[tuple[int, int, list[int], bytes, int]]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=train, args=(rank, world, port, results)) for rank in range(world)]
    for process in processes:
        process.start()
    found = sorted(results.get(timeout=200) for _ in processes)
    for process in processes:
        process.join(60)
    return [(metrics, seen) for _, metrics, seen in found]


@pytest.mark.slow
def test_two_processes_see_and_measure_what_one_does() -> None:
    ((metrics, seen),) = run(1)
    first, second = run(2)
    # 97 test images in batches of 20 are five batches: one process has three, the other two.
    assert first[0] == second[0] == metrics
    assert {"val_loss", "val_top1", "test_loss", "test_top1"} <= metrics.keys()
    assert len(seen) == len(first[1]) == len(second[1]) == 2 * 10
    for whole, own, other in zip(seen, first[1], second[1], strict=True):
        assert whole[:2] == own[:2] == other[:2]
        assert whole[2] == own[2] + other[2]
        assert whole[3] == own[3] + other[3]
        assert whole[4] == own[4] == other[4] == len(whole[2])
