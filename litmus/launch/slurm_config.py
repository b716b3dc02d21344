"""What a study asks of SLURM, and whether the cluster has it: checked before anything is submitted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litmus.core.config_keys import Keys, keys_of_class, read_mapping
from litmus.core.errors import UserError, require_at_least, require_positive, unknown_name, written_with
from litmus.core.formatting import in_words, seconds_of
from litmus.records.slurm import Partition, partitions


@dataclass(frozen=True)
class SlurmConfig:
    """What each job of a study asks SLURM for.

    Args:
        partition: by default the cluster's own.
        nodes: nodes of a job; several train one run together, with `--devices` processes in all.
        gpus: GPUs on each node.
        cpus: CPU cores of each process, by default one, or four a GPU.
        memory: memory on each node, such as 32G.
        time: time limit of a job, such as 90m or 4h; a run that takes longer goes on in the job's next turn.
        parallel: jobs at a time; by default as many as have five minutes of work each by the forecast, 32 at most.
        account: whose hours are spent.
        qos: quality of service.
        constraint: what the nodes must be, such as a100.
        warning: how long before the end of a job's time its runs are checkpointed.
        retries: how often a job that failed is started again.
        setup: lines of shell before the workers start, such as module load cuda.
        python: what starts Python on the nodes, such as apptainer exec image.sif python.
        extra: further options of sbatch, such as reservation=mine.
    """

    partition: str | None = None
    nodes: int = 1
    gpus: int = 0
    cpus: int | None = None
    memory: str | None = None
    time: str = "4h"
    parallel: int | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    warning: str = "90s"
    retries: int = 2
    setup: tuple[str, ...] = ()
    python: str | None = None
    extra: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_positive(nodes=self.nodes)
        require_at_least(0, gpus=self.gpus, retries=self.retries)
        for key in ("cpus", "parallel"):
            if getattr(self, key) is not None:
                require_positive(**{key: getattr(self, key)})
        if self.memory is not None and not re.fullmatch(r"\d+[KMGT]?", self.memory):
            raise UserError(f"memory: expected megabytes, or a number with K, M, G or T, got {self.memory!r}")
        if self.seconds <= seconds_of("warning", self.warning):
            raise UserError(f"time {self.time} is no longer than the warning before its end, {self.warning}")
        for option in self.extra:
            if not re.match(r"[a-z-]+(=|$)", option):
                raise UserError(f"extra: expected an option of sbatch such as reservation=mine, got {option!r}")

    @property
    def seconds(self) -> float:
        """The time limit."""
        return seconds_of("time", self.time)

    @property
    def memory_mb(self) -> int:
        """The memory on each node, 0 where none is asked for."""
        if self.memory is None:
            return 0
        factor = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}.get(self.memory[-1], 1)
        return round(int(self.memory.rstrip("KMGT")) * factor)


def slurm_keys() -> Keys:
    """Return the options that SLURM's settings are: `slurm.partition`, ..."""
    return keys_of_class(SlurmConfig, "slurm")


def slurm_config(given: Mapping[str, Any], file: Path | None = None) -> SlurmConfig:
    """Return the settings of `file`, a YAML mapping, with those `given` by field name in their place.

    Raises `UserError` for a setting that does not exist, and a wrong value.
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


def check(config: SlurmConfig, processes_per_node: int, cpus_per_process: int) -> None:
    """Raise `UserError` for what no node of the partition has, naming what it has."""
    known = {partition.name: partition for partition in partitions()}
    if config.partition is None:
        chosen = next((partition for partition in known.values() if partition.default), None)
        if chosen is None:
            raise UserError(f"--slurm.partition is needed: the cluster has no default; valid: {', '.join(known)}")
    elif config.partition not in known:
        raise unknown_name("--slurm.partition", config.partition, known)
    else:
        chosen = known[config.partition]
    _check_limits(config, chosen, processes_per_node * cpus_per_process)


def _check_limits(config: SlurmConfig, partition: Partition, cpus: int) -> None:
    name = f"partition {partition.name}"
    if partition.seconds is not None and config.seconds > partition.seconds:
        raise UserError(f"--slurm.time {config.time}: {name} allows {in_words(partition.seconds)} at most")
    asked = (
        ("nodes", config.nodes, partition.nodes, "nodes"),
        ("gpus", config.gpus, partition.gpus, "GPUs a node"),
        ("cpus", cpus, partition.cpus, "cores a node"),
        ("memory", config.memory_mb, partition.memory_mb, "MB a node"),
    )
    for key, wanted, there, unit in asked:
        if wanted > there:
            raise UserError(f"--slurm.{key} asks for {wanted} {unit}: {name} has {there}")
