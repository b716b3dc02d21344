"""How many runs share a GPU where nobody says it: as many as one run leaves room for."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from studies.launch.machine import LaunchConfig, execution_of
from studies.launch.run_seconds import data_size, measure_step
from studies.training.config import RunConfig
from studies.training.environment import available_cpus
from studies.training.run import Execution, Run

LARGER = 8
"""Times the batch with which it is seen how much of the GPU a step leaves unused."""

MOST = 16
"""Runs on one GPU at most."""

CONTEXT_BYTES = 1 << 30
"""What a process takes of a GPU's memory before it has allocated anything: the context, and the libraries' kernels."""


@dataclass(frozen=True)
class Room:
    """What was measured of one run on a GPU, and what there is.

    `seconds` of a step of its batch, `seconds_larger` of one of `LARGER` times as many images; `run_bytes` of the GPU's
    memory that a run takes, `free_bytes` that are free; `cpus` that start kernels for each GPU; `runs` that wait for
    each GPU.
    """

    seconds: float
    seconds_larger: float
    run_bytes: int
    free_bytes: int
    cpus: int
    runs: int

    @property
    def beside(self) -> int:
        """Runs at a time: what the GPU computes in the time of a step, what its memory holds and the cores drive.

        Where the larger batch takes no longer, a step leaves at least seven eighths of the GPU unused.
        """
        unused = LARGER * self.seconds / self.seconds_larger
        most = (unused, self.free_bytes / self.run_bytes, self.cpus, self.runs, MOST)
        return max(1, int(min(most)))

    def told(self) -> str:
        """Return what was chosen, and why, in a line."""
        step, larger = 1000 * self.seconds, 1000 * self.seconds_larger
        return (
            f"{self.beside} at a time on each GPU (a step takes {step:.1f} ms, one of {LARGER} times the batch "
            f"{larger:.1f} ms; a run {self.run_bytes / 2**30:.1f} of {self.free_bytes / 2**30:.0f} GiB); "
            "--per-device N says otherwise"
        )


def packed(launch: LaunchConfig, runs: Sequence[Run]) -> tuple[LaunchConfig, str | None]:
    """Return `launch` with a number for `per_device` where it is auto, and what to tell of it.

    Nothing of it changes a result: each run has a process of its own. One run at a time on a CPU, and where a run takes
    several devices or nothing could run beside it.
    """
    if launch.per_device != "auto":
        return launch, None
    alone = dataclasses.replace(launch, per_device=1)
    execution, places = execution_of(alone)
    if execution.accelerator != "cuda" or execution.devices > 1 or launch.workers is not None:
        return alone, None
    waiting = -(-len(runs) // len(places))
    if waiting < 2:
        return alone, None
    room = measure(_largest(runs), execution, max(1, available_cpus() // len(places)), waiting)
    return dataclasses.replace(launch, per_device=room.beside), room.told()


def measure(config: RunConfig, execution: Execution, cpus: int, runs: int) -> Room:
    """Return what a step of `config` takes on the first GPU, and what is there."""
    size = data_size(config.data)
    larger = dataclasses.replace(
        config, data=dataclasses.replace(config.data, batch_size=LARGER * config.data.batch_size)
    )
    free = torch.cuda.mem_get_info(0)[0]
    torch.cuda.reset_peak_memory_stats(0)
    try:
        seconds = measure_step(config, size, execution)
        step_bytes = torch.cuda.max_memory_reserved(0)
        try:
            seconds_larger = measure_step(larger, size, execution)
        except torch.OutOfMemoryError:
            seconds_larger = LARGER * seconds  # a step that large needs no company
    finally:
        torch.cuda.empty_cache()
    channels, height, width = size.image_shape
    data_bytes = (size.train_images + size.test_images) * channels * height * width
    resident = data_bytes if data_bytes < free / 2 else 0
    return Room(seconds, seconds_larger, CONTEXT_BYTES + step_bytes + resident, free, cpus, runs)


def _largest(runs: Sequence[Run]) -> RunConfig:
    """Return the config of the run whose batch is the largest; of several the deepest and widest, as their keys say."""

    def size(run: Run) -> tuple[float, ...]:
        model = run.config.model
        numbers = [float(model.get(key) or 0) for key in ("depth", "width")]
        return (run.config.data.batch_size, *numbers)

    return max(runs, key=size).config
