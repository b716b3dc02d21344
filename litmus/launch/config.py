"""How a study's runs are executed: the user's settings, and the processes and devices that follow from them here."""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import NonNegativeInt, PositiveInt

from litmus.core.config_keys import Config, Keys, keys_of_class, read_mapping
from litmus.core.errors import UserError, require_positive, unknown_name, written_with
from litmus.core.formatting import seconds_of, several
from litmus.records.wandb import requested_mode
from litmus.training.environment import available_cpus
from litmus.training.loggers import check_logger
from litmus.training.run import Execution, Place

Accelerator = Literal["auto", "cpu", "cuda"]
LauncherName = Literal["local", "slurm", "none"]


@dataclass(frozen=True)
class SlurmConfig(Config):
    """What each job of a study asks SLURM for.

    Args:
        partition: of the cluster, by default its default.
        nodes: nodes per job; several train one run together, with `--devices` processes in all.
        gpus: GPUs per node, such as 4, or a100:4 for one kind; runs then never train on the CPU.
        cpus: CPU cores per process; by default one, or four per GPU.
        memory: memory per node, such as 32G.
        time: time limit of a job, such as 90m or 4h; a longer run continues when the job is requeued.
        parallel: largest number of jobs at a time.
        account: the account that is charged.
        qos: quality of service.
        constraint: features that the nodes must have, such as a100.
        warning: how long before the time limit the runs of a job are checkpointed.
        setup: lines of shell before the workers start, such as module load cuda.
        python: command that starts Python on the nodes, such as apptainer exec image.sif python.
        extra: further options of sbatch, such as reservation=mine, or several as [reservation=mine, exclusive].
    """

    partition: str | None = None
    nodes: PositiveInt = 1
    gpus: NonNegativeInt | str = 0
    cpus: PositiveInt | None = None
    memory: str | None = None
    time: str = "4h"
    parallel: PositiveInt = 8
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    warning: str = "90s"
    setup: tuple[str, ...] = ()
    python: str | None = None
    extra: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.memory is not None and not re.fullmatch(r"\d+[KMGT]?", self.memory):
            raise UserError(f"memory: expected megabytes, or a number with K, M, G or T, got {self.memory!r}")
        if not re.fullmatch(r"(([\w.-]+:)?\d+,?)+(?<!,)", str(self.gpus)):
            raise UserError(f"gpus: expected a number, or a kind and a number such as a100:4, got {self.gpus!r}")
        if self.seconds <= seconds_of("warning", self.warning):
            raise UserError(f"time {self.time} is no longer than the warning before its end, {self.warning}")
        for option in self.extra:
            if not re.match(r"[a-z-]+(=|$)", option):
                raise UserError(f"extra: expected an option of sbatch such as reservation=mine, got {option!r}")

    @property
    def gpu_count(self) -> int:
        """The GPUs on each node, of all kinds."""
        return sum(int(each.rpartition(":")[2]) for each in str(self.gpus).split(","))

    @property
    def asks_for_gpus(self) -> bool:
        """Whether the jobs get GPUs."""
        return self.gpu_count > 0 or any(re.match(r"gpus|gres=(.*,)?gpu", option) for option in self.extra)

    @property
    def seconds(self) -> float:
        """The time limit."""
        return seconds_of("time", self.time)


def slurm_config(given: Mapping[str, Any], file: Path | None = None) -> SlurmConfig:
    """Return the settings of `file`, a YAML mapping, replaced by those `given` by field name.

    Raises `UserError` for an unknown setting and for a wrong value.
    """
    keys = keys_of_class(SlurmConfig, "")
    values: dict[str, Any] = {}
    written = read_mapping(file, "--slurm.config", "a mapping such as partition: gpu") if file is not None else {}
    for name, value in written.items():
        if name not in keys:
            raise unknown_name(f"setting in {file}", str(name), keys)
        with written_with(f"{file}: ", keys):
            values[name] = keys[name].convert(value)
    values.update({name: value for name, value in given.items() if value is not None})
    with written_with("--slurm.", keys):
        return SlurmConfig(**values)


def slurm_keys() -> Keys:
    """Return the options of SLURM's settings: `slurm.partition`, ..."""
    return keys_of_class(SlurmConfig, "slurm")


@dataclass(frozen=True)
class LaunchConfig(Config):
    """How a study's runs are executed; nothing here changes what is measured.

    Args:
        out: folder of the records.
        workers: runs at a time; by default one per CPU core, or `--per-device` per GPU.
        devices: processes that train one run together, each on one GPU or an equal number of cores.
        per_device: runs at a time on each GPU; more than one pays for small networks.
        accelerator: auto, cpu or cuda; auto is cuda if there is a GPU, or if SLURM jobs request GPUs.
        wandb: online, offline or disabled; by default WANDB_MODE, or else online if there is an API key, disabled if
            not.
        logger: a logger of Lightning that also writes into the folder of each run: tensorboard or csv.
        checkpoint_every: time between two checkpoints, such as 5m; or steps, such as 500steps; or epoch; by default
            10s, and 5m in SLURM jobs.
        threads: CPU threads per process; by default OMP_NUM_THREADS, or else one for a small network, and the cores
            divided by the processes for others.
        launcher: local trains on this machine, slurm submits jobs, none only writes the plan, which `litmus work`
            executes on any machine.
        dry_run: print the SLURM script and submit nothing.
        slurm: what the jobs ask for.
        same_code: count runs of older versions of your code as runs of the present version, now and later.
    """

    out: str = "runs"
    workers: PositiveInt | None = None
    devices: PositiveInt = 1
    per_device: PositiveInt = 1
    accelerator: Accelerator = "auto"
    wandb: str | None = None
    logger: str | None = None
    checkpoint_every: str | None = None
    threads: PositiveInt | None = None
    launcher: LauncherName = "local"
    dry_run: bool = False
    slurm: SlurmConfig = field(default_factory=SlurmConfig)
    same_code: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        in_jobs = self.launcher != "local"
        # Written out here, since the jobs do not know what launched them. Hundreds of them share one file system.
        if self.checkpoint_every is None:
            object.__setattr__(self, "checkpoint_every", "5m" if in_jobs else "10s")
        if self.accelerator == "auto" and in_jobs and self.slurm.asks_for_gpus:
            object.__setattr__(self, "accelerator", "cuda")
        checkpoint_interval(str(self.checkpoint_every))
        check_logger(self.logger)
        if in_jobs and self.slurm.asks_for_gpus and self.accelerator == "cpu":
            raise UserError("accelerator cpu would leave the GPUs of the jobs idle; remove one of the two options")
        nodes = self.slurm.nodes
        if nodes > 1 and self.devices % nodes:
            raise UserError(f"devices {self.devices} cannot be spread evenly over {nodes} nodes (--slurm.nodes)")
        gpus = self.slurm.gpu_count
        if nodes > 1 and gpus and gpus * nodes != self.devices:
            raise UserError(f"devices {self.devices} are not the {nodes} nodes' {gpus} GPUs each")


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


def execution_of(launch: LaunchConfig, processes_here: int | None = None) -> Execution:
    """Return how runs are executed on this machine.

    `processes_here` is the number of processes of one run on this machine, if torchrun or SLURM started them; by
    default all devices of a run are here, and as many runs at a time as fit. Raises `UserError` for a missing GPU.
    """
    accelerator = _accelerator(launch, processes_here)
    if accelerator == "cuda":
        cores = 1
    elif processes_here is not None:
        # SLURM grants cores to each process; else the processes divide those of the machine.
        cores = available_cpus() // (1 if "SLURM_CPUS_PER_TASK" in os.environ else processes_here)
    else:
        cores = available_cpus() // (_runs_on_cpu(launch) * launch.devices)
    threads = launch.threads or threads_of_environment()
    seconds, steps = checkpoint_interval(str(launch.checkpoint_every))
    return Execution(
        accelerator=accelerator,
        devices=launch.devices,
        threads=threads or max(1, cores),
        wandb=requested_mode(launch.wandb),
        logger=launch.logger,
        checkpoint_seconds=seconds,
        checkpoint_steps=steps,
        threads_asked=threads is not None,
    )


def _accelerator(launch: LaunchConfig, processes_here: int | None) -> str:
    """Return `cpu` or `cuda`. Raises `UserError` where GPUs are asked for, in any way, that PyTorch does not see."""
    if launch.accelerator == "cpu":
        return "cpu"
    gpus, cores = torch.cuda.device_count(), available_cpus()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").strip()
    if gpus >= (processes_here or launch.devices):
        return "cuda"
    if launch.accelerator == "cuda":
        asked = f"--devices {launch.devices} on cuda"
    elif gpus or (processes_here is None and launch.devices > cores):
        asked = f"--devices {launch.devices}"
    elif visible not in ("", "-1", "NoDevFiles"):
        asked = f"CUDA_VISIBLE_DEVICES={visible}"
    else:
        return "cpu"
    here = f"PyTorch sees {several(gpus, 'GPU')} and {several(cores, 'core')} on {socket.gethostname()}"
    raise UserError(f"{asked}: {here}; nvidia-smi lists the GPUs, --accelerator cpu trains without any")


def places_of(launch: LaunchConfig, execution: Execution) -> list[tuple[Place, ...]]:
    """Return the places of the processes of each concurrent run: one per core, or `per_device` per group of GPUs."""
    if execution.accelerator == "cuda":
        groups = torch.cuda.device_count() // launch.devices
        count = launch.workers or groups * launch.per_device
        slots = [tuple(range(launch.devices * group, launch.devices * (group + 1))) for group in range(groups)]
        # Runs on one GPU are neighbours, as far as they fill every group alike.
        devices = [slots[index // launch.per_device % groups] for index in range(count)]
    else:
        devices = [tuple(range(launch.devices))] * _runs_on_cpu(launch)
    return [tuple(Place(rank, each) for rank in range(launch.devices)) for each in devices]


def _runs_on_cpu(launch: LaunchConfig) -> int:
    return launch.workers or max(1, available_cpus() // launch.devices)


def threads_of_environment(environment: Mapping[str, str] = os.environ) -> int | None:
    """Return the number in `OMP_NUM_THREADS`, None if it is not set. Raises `UserError` for anything else."""
    text = environment.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if not text:
        return None
    if not text.isdigit() or int(text) == 0:
        raise UserError(f"OMP_NUM_THREADS: expected a number greater than zero, got {text!r}")
    return int(text)
