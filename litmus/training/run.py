"""A run, one arm with one seed, and how and where it is executed: what a worker is handed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from litmus.records.run_code import RunCode
from litmus.records.run_record import RunRecord
from litmus.training.config import RunConfig


@dataclass(frozen=True)
class Run:
    """One run to execute, with its place in its study.

    `source` is a file of the user's that registers what the run is made of, `code` that file with what it imports.
    `trial` says what a trial of the tuning sets: such a run is chosen by, and has nothing to do with the test set.
    """

    run_id: str
    study: str
    arm: str
    levels: dict[str, Any]
    config: RunConfig
    directory: Path
    source: Path | None = None
    code: RunCode | None = None
    trial: str = ""

    @property
    def name(self) -> str:
        """What the run is called: its arm, what it tries where it is a trial, and its seed."""
        return ", ".join([self.arm, *([f"trial {self.trial}"] if self.trial else []), f"seed {self.config.seed}"])

    @property
    def record(self) -> RunRecord:
        """What it leaves on disk."""
        return RunRecord(self.directory)


@dataclass(frozen=True)
class Execution:
    """How runs are executed; none of it is part of a run's identity.

    `devices` processes train one run together; each uses `threads` CPU threads, and one for a small network unless so
    many were asked for. A checkpoint is written every
    `checkpoint_seconds` (0: at the end of each epoch), or every `checkpoint_steps` where they are given; more often
    costs time, less often costs more repetition after a kill.
    """

    accelerator: str = "cpu"
    devices: int = 1
    threads: int = 1
    wandb: str = "disabled"
    logger: str | None = None
    checkpoint_seconds: float = 10.0
    checkpoint_steps: int | None = None
    threads_asked: bool = False


@dataclass(frozen=True)
class Place:
    """Where one process of a run stands: its rank among the run's devices, their numbers on its node, and the nodes."""

    rank: int = 0
    device_indices: tuple[int, ...] = field(default=(0,))
    nodes: int = 1
