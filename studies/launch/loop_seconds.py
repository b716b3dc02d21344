"""What a training loop takes beside its network, from two short runs of a network that does next to nothing."""

import functools
import gc
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from studies.records.storage import StorageError
from studies.training.config import resolve
from studies.training.execute import execute
from studies.training.run import Execution, Place, Run

BATCHES = (16, 256)
EPOCHS = 4


@dataclass(frozen=True)
class LoopSeconds:
    """The seconds that a step and an epoch take beside what the network computes: batches, callbacks, records."""

    step: float = 0.0
    epoch: float = 0.0


@functools.cache
def measure_loop(accelerator: str) -> LoopSeconds:
    """Return what the training loop takes on this machine, on one device, beside the network's own arithmetic.

    A linear classifier of 64 numbers is trained on scikit-learn's digits with many small batches and with few large
    ones, whose difference is that of their steps; what is left of the few is the epochs'. Where no temporary folder can
    be written, it takes nothing.
    """
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        _epoch(accelerator, BATCHES[0], epochs=1)  # what is done once in a process is done by now
        (many, long), (few, short) = (_epoch(accelerator, batch, EPOCHS) for batch in BATCHES)
    except (OSError, StorageError):
        return LoopSeconds()  # a forecast that says too little is no reason to refuse the study
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        gc.unfreeze()
    step = max(0.0, (long - short) / (many - few))
    return LoopSeconds(step, max(0.0, short - few * step))


def _epoch(accelerator: str, batch: int, epochs: int) -> tuple[float, float]:
    """Return the steps and the seconds of an epoch."""
    config = resolve(
        {"model.name": "mlp", "model.depth": 0, "data.name": "digits", "data.batch_size": batch,
         "trainer.epochs": epochs, "optim.lr": 1e-3}
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run = Run("loop", "loop", "loop", {}, config, Path(folder), trial="loop")
        with torch.random.fork_rng():
            execute(run, Execution(accelerator=accelerator), Place(device_indices=(0,)), lambda _: None)
        summary = run.record.read_summary()
    return summary["metrics"]["steps"] / epochs, summary["seconds"] / epochs
