"""How a study's runs are executed on this machine: on which devices, how many at a time."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal, get_args

import torch

from litmus.core.errors import UserError, require_choice, require_positive
from litmus.core.formatting import seconds_of, several
from litmus.launch.slurm_config import SlurmConfig
from litmus.launch.torchrun import Team
from litmus.records.run_record import read_upload
from litmus.training.environment import available_cpus
from litmus.training.loggers import account, check_logger, mode_from_environment
from litmus.training.run import Execution, Place, Run

Accelerator = Literal["auto", "cpu", "cuda"]
Where = Literal["local", "slurm"]


@dataclass(frozen=True)
class LaunchConfig:
    """How a study's runs are executed; nothing here changes what is measured.

    Args:
        out: folder of the records.
        workers: runs at a time; by default one a CPU core, or one a GPU (times per_device).
        devices: processes that train one run together, each on its own GPU or share of the cores.
        per_device: runs at a time on each GPU; auto, as many as a measured step leaves room for.
        accelerator: auto, cpu or cuda.
        wandb: online, offline or disabled; by default what WANDB_MODE says, else online with a configured key, else
            disabled.
        logger: a logger of Lightning's that gets the same rows, in each run's folder: tensorboard or csv.
        checkpoint_every: time between two checkpoints of a run, such as 5m, or steps, such as 500steps; epoch: at
            the end of each.
        threads: CPU threads of each process; by default what OMP_NUM_THREADS says, else its share of the cores, and
            one for a small network.
        launcher: local, this machine; slurm, jobs of a cluster, see the options --slurm.
        dry_run: whether the script that SLURM would get is printed, and nothing submitted.
        slurm: what the jobs ask for.
        same_code: whether runs of other code of the user's count as runs of the present one, now and later.
    """

    out: str = "runs"
    workers: int | None = None
    devices: int = 1
    per_device: int | Literal["auto"] = "auto"
    accelerator: Accelerator = "auto"
    wandb: str | None = None
    logger: str | None = None
    checkpoint_every: str = "10s"
    threads: int | None = None
    launcher: Where = "local"
    dry_run: bool = False
    slurm: SlurmConfig = field(default_factory=SlurmConfig)
    same_code: bool = False

    def __post_init__(self) -> None:
        require_positive(devices=self.devices, per_device=self.known_per_device)
        checkpoint_interval(self.checkpoint_every)
        check_logger(self.logger)
        require_choice("accelerator", self.accelerator, get_args(Accelerator))
        require_choice("launcher", self.launcher, get_args(Where))
        for key in ("workers", "threads"):
            if getattr(self, key) is not None:
                require_positive(**{key: getattr(self, key)})
        nodes = self.slurm.nodes
        if nodes > 1 and self.devices % nodes:
            raise UserError(f"devices {self.devices} cannot be spread evenly over {nodes} nodes (--slurm.nodes)")
        if nodes > 1 and self.slurm.gpus and self.slurm.gpus * nodes != self.devices:
            raise UserError(f"devices {self.devices} are not the {nodes} nodes' {self.slurm.gpus} GPUs each")

    @property
    def known_per_device(self) -> int:
        """Runs at a time on each GPU, one where the number is left to a measurement on it."""
        return 1 if self.per_device == "auto" else self.per_device


def execution_of(launch: LaunchConfig) -> tuple[Execution, list[tuple[Place, ...]]]:
    """Return how runs are executed on this machine, and the processes of each concurrent run.

    Where `per_device` is left to a measurement, see `packing.py`, one run at a time on each GPU. Raises `UserError` for
    a GPU that is not there.
    """
    accelerator = _accelerator(launch, launch.devices)
    places = _places(launch, accelerator)
    return _execution(launch, accelerator, launch.devices, processes=len(places) * launch.devices), places


def team_execution(launch: LaunchConfig, team: Team) -> Execution:
    """Return how the processes of `team`, this one among them, execute runs. Raises `UserError` for an absent GPU."""
    # What SLURM grants is granted to each process, what this machine has is shared.
    processes = 1 if "SLURM_CPUS_PER_TASK" in os.environ else team.devices_per_node
    return _execution(launch, _accelerator(launch, team.devices_per_node), team.size, processes)


def _execution(launch: LaunchConfig, accelerator: str, devices: int, processes: int) -> Execution:
    """Return how runs are executed where so many `processes` share this machine's cores."""
    asked = launch.threads or threads_of_environment()
    share = 1 if accelerator == "cuda" else max(1, available_cpus() // processes)
    seconds, steps = checkpoint_interval(launch.checkpoint_every)
    return Execution(
        accelerator=accelerator,
        devices=devices,
        threads=asked or share,
        wandb=mode_from_environment(launch.wandb),
        logger=launch.logger,
        checkpoint_seconds=seconds,
        checkpoint_steps=steps,
        threads_asked=asked is not None,
    )


def threads_of_environment(environment: Mapping[str, str] = os.environ) -> int | None:
    """Return what `OMP_NUM_THREADS` says, None where it says nothing. Raises `UserError` for what is no number."""
    said = environment.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if not said:
        return None
    if not said.isdigit() or int(said) == 0:
        raise UserError(f"OMP_NUM_THREADS: expected a number greater than zero, got {said!r}")
    return int(said)


def checkpoint_interval(text: str) -> tuple[float, int | None]:
    """Return the seconds and the steps between two checkpoints; 0 seconds: at the end of each epoch.

    Raises `UserError` for a text that says neither.
    """
    if text == "epoch":
        return 0.0, None
    steps = re.fullmatch(r"(\d+) ?steps?", text)
    if steps:
        require_positive(checkpoint_every=int(steps[1]))
        return Execution.checkpoint_seconds, int(steps[1])
    try:
        return seconds_of("checkpoint_every", text), None
    except UserError:
        raise UserError(f"checkpoint_every: expected epoch, 500steps, or a time such as 5m, got {text!r}") from None


def _accelerator(launch: LaunchConfig, here: int) -> str:
    """Return on what the `here` devices are that a run has on this machine."""
    available = torch.cuda.device_count()
    if launch.accelerator == "cuda" and here > available:
        raise UserError(f"--devices {launch.devices} on cuda: this machine has {available} GPUs")
    if launch.accelerator != "auto":
        return launch.accelerator
    return "cuda" if available >= here else "cpu"


def _places(launch: LaunchConfig, accelerator: str) -> list[tuple[Place, ...]]:
    """Return the processes of each concurrent run: a run a core, or `per_device` runs a group of GPUs."""
    if accelerator == "cuda":
        groups = torch.cuda.device_count() // launch.devices
        slots = [
            tuple(range(group * launch.devices, (group + 1) * launch.devices))
            for group in range(groups)
            for _ in range(launch.known_per_device)
        ]
        if launch.workers is not None:
            slots = [slots[index % len(slots)] for index in range(launch.workers)]
    else:
        count = launch.workers or max(1, available_cpus() // launch.devices)
        slots = [tuple(range(launch.devices))] * count
    return [tuple(Place(rank, devices) for rank in range(launch.devices)) for devices in slots]


LATER = "runs are tracked offline; litmus wandb sync STUDY uploads them later"


def settled(launch: LaunchConfig, tell: bool = True) -> LaunchConfig:
    """Return `launch` with the mode of W&B in which its runs are tracked, and tell it once.

    An online one without a key, or with a server that does not answer, becomes offline: no run waits for it. Raises
    `UserError` for a mode that there is not.
    """
    mode = mode_from_environment(launch.wandb)
    if mode == "online":
        found = account()
        if found.problem:
            mode = "offline"
        where = f"{found.entity}/{found.project}" if found.entity else found.project
        line = f"{found.problem}; {LATER}" if found.problem else f"runs go to {where} on {found.server}"
        if tell:
            _tell(line)
    elif mode == "offline" and tell:
        _tell(LATER)
    return replace(launch, wandb=mode)


@lru_cache(maxsize=8)
def _tell(line: str) -> None:
    # Cached, so that each line is told once however many studies and rounds of seeds follow.
    print(f"litmus: W&B: {line}", file=sys.stderr)


def not_uploaded(runs: Sequence[Run]) -> str:
    """Return which of `runs` W&B has not got, and why, in a line; empty where it has all that it was sent."""
    uploads = [read_upload(run.record.upload_file) for run in runs]
    errors = [upload.error for upload in uploads if upload is not None and upload.error]
    if not errors:
        return ""
    study = runs[0].directory.parent.name
    return (
        f"W&B: {several(len(errors), 'run')} of {len(runs)} not uploaded ({errors[0]}); the records are whole, "
        f"litmus wandb sync {study} uploads them"
    )
