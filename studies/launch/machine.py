"""How a study's runs are executed on this machine: on which devices, how many at a time."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch

from litmus.errors import UserError, require_at_least, require_choice, require_positive
from studies.training import tracking
from studies.training.environment import available_cpus
from studies.training.run import Execution, Place

Accelerator = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class LaunchConfig:
    """How a study's runs are executed; nothing here changes what is measured.

    Args:
        out: folder of the records.
        workers: runs at a time; by default one a CPU core, or one a GPU (times per_device).
        devices: processes that train one run together, each on its own GPU or share of the cores.
        per_device: runs at a time on each GPU.
        accelerator: auto, cpu or cuda.
        wandb: online, offline or disabled; by default what WANDB_MODE says, else online with a configured key, else
            disabled.
        checkpoint_seconds: least time between two checkpoints of a run, which are written at the ends of epochs.
        same_code: whether runs of older code of the user's count as runs of the present one, now and later.
    """

    out: str = "runs"
    workers: int | None = None
    devices: int = 1
    per_device: int = 1
    accelerator: Accelerator = "auto"
    wandb: str | None = None
    checkpoint_seconds: float = Execution.checkpoint_seconds
    same_code: bool = False

    def __post_init__(self) -> None:
        require_positive(devices=self.devices, per_device=self.per_device)
        require_at_least(0, checkpoint_seconds=self.checkpoint_seconds)
        require_choice("accelerator", self.accelerator, get_args(Accelerator))
        if self.workers is not None:
            require_positive(workers=self.workers)


def execution_of(launch: LaunchConfig) -> tuple[Execution, list[tuple[Place, ...]]]:
    """Return how runs are executed on this machine, and the processes of each concurrent run.

    Raises `UserError` for a GPU that is not there.
    """
    accelerator = _accelerator(launch)
    places = _places(launch, accelerator)
    threads = 1 if accelerator == "cuda" else max(1, available_cpus() // (len(places) * launch.devices))
    wandb = tracking.mode_from_environment(launch.wandb)
    return Execution(accelerator, launch.devices, threads, wandb, launch.checkpoint_seconds), places


def _accelerator(launch: LaunchConfig) -> str:
    available = torch.cuda.device_count()
    if launch.accelerator == "cuda" and launch.devices > available:
        raise UserError(f"--devices {launch.devices} on cuda: this machine has {available} GPUs")
    if launch.accelerator != "auto":
        return launch.accelerator
    return "cuda" if available >= launch.devices else "cpu"


def _places(launch: LaunchConfig, accelerator: str) -> list[tuple[Place, ...]]:
    """Return the processes of each concurrent run: a run a core, or `per_device` runs a group of GPUs."""
    if accelerator == "cuda":
        groups = torch.cuda.device_count() // launch.devices
        slots = [
            tuple(range(group * launch.devices, (group + 1) * launch.devices))
            for group in range(groups)
            for _ in range(launch.per_device)
        ]
        if launch.workers is not None:
            slots = [slots[index % len(slots)] for index in range(launch.workers)]
    else:
        count = launch.workers or max(1, available_cpus() // launch.devices)
        slots = [tuple(range(launch.devices))] * count
    return [tuple(Place(rank, devices) for rank in range(launch.devices)) for devices in slots]
