"""How many jobs a study is spread over: as many as are worth their start, by the forecast of its runs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from litmus.duration import roughly
from litmus.errors import UserError
from studies.launch.machine import LaunchConfig, execution_of
from studies.launch.run_seconds import RunTimes
from studies.launch.slurm_script import cpus_per_process
from studies.training.config import RunConfig

UNMEASURED = 8
"""Jobs where this machine cannot tell what a run takes, as where the jobs have GPUs and it has none."""

JOB_SECONDS = 300.0
"""Work that makes a job worth its start: it waits in the queue, and imports PyTorch, which takes half a minute."""

MOST = 32
"""Jobs that nobody asked for: more would fill a cluster that others use too."""

MOST_TIMED = 8
"""Networks that are timed; of more, the others are taken to be like them."""


@dataclass(frozen=True)
class Jobs:
    """How many jobs at a time, and why, in words; empty where they were asked for."""

    count: int
    reason: str = ""


def jobs_for(launch: LaunchConfig, configs: Sequence[RunConfig]) -> Jobs:
    """Return how many jobs at a time runs of these configs are spread over."""
    if launch.slurm.parallel is not None:
        return Jobs(min(len(configs), launch.slurm.parallel))
    seconds = _seconds(launch, configs)
    if seconds is None:
        return Jobs(min(len(configs), UNMEASURED))
    enough = math.ceil(seconds / (JOB_SECONDS * at_a_time(launch)))
    count = max(1, min(len(configs), MOST, enough))
    jobs = "a job is enough" if count == 1 else f"so {count} jobs at a time"
    return Jobs(count, f"about {roughly(seconds)} of work by a step timed here, {jobs}; --slurm.parallel chooses")


def at_a_time(launch: LaunchConfig) -> int:
    """Return the runs that a job executes at a time."""
    config = launch.slurm
    if config.nodes > 1:
        return 1
    if config.gpus:
        return launch.workers or max(1, config.gpus // launch.devices) * launch.known_per_device
    return launch.workers or max(1, cpus_per_process(launch, config) // launch.devices)


def _seconds(launch: LaunchConfig, configs: Sequence[RunConfig]) -> float | None:
    """Return the seconds of all these runs, one after another; None where this machine cannot tell."""
    try:
        execution, _ = execution_of(launch)
    except UserError:
        return None  # what the jobs have is not here
    if launch.slurm.gpus and execution.accelerator != "cuda":
        return None
    times = RunTimes(execution)
    found: list[float] = []
    for config in configs:
        if len(times) == MOST_TIMED:
            return sum(found) * len(configs) / len(found)
        found.append(times.of(config)[1])
    return sum(found)
