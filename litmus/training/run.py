"""A run (one arm with one seed), how it is executed, and on which devices."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from litmus.core.config_keys import flatten
from litmus.records.run_record import RunRecord
from litmus.records.user_code import RunCode
from litmus.training.config import RunConfig, resolve


@dataclass(frozen=True)
class Run:
    """One run to execute, with the name of its experiment and its arm.

    `source` is the user's file that registers the network or the dataset, `code` that file with what it imports.
    `trial` is what a tuning trial sets; a trial never reads the test set. `fingerprint` is that of the data that the
    run was planned with, empty where nothing was planned.
    """

    run_id: str
    experiment: str
    arm: str
    levels: dict[str, Any]
    config: RunConfig
    directory: Path
    source: Path | None = None
    code: RunCode | None = None
    trial: str = ""
    fingerprint: str = ""

    @property
    def name(self) -> str:
        """Its arm, its trial if it is one, and its seed."""
        return ", ".join([self.arm, *([f"trial {self.trial}"] if self.trial else []), f"seed {self.config.seed}"])

    @property
    def record(self) -> RunRecord:
        """Its files on disk."""
        return RunRecord(self.directory)

    def as_dict(self) -> dict[str, Any]:
        """Return the run as values of JSON, without its folder."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "directory"}
        return {
            **values,
            "config": self.config.as_dict(),
            "source": None if self.source is None else str(self.source),
            "code": None if self.code is None else asdict(self.code),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], study_directory: Path) -> "Run":
        """Return the run of `as_dict`, in a study's folder. The user's file must have been imported."""
        source, code = values["source"], values["code"]
        own = {
            "config": resolve(flatten(values["config"])),
            "source": None if source is None else Path(source),
            "code": None if code is None else RunCode(**code),
        }
        return cls(**{**values, **own}, directory=study_directory / values["run_id"])


@dataclass(frozen=True)
class Execution:
    """How runs are executed; none of it is part of a run's identity.

    `devices` processes train one run together. Each uses `threads` CPU threads, or one for a small network unless
    `threads_asked`. A checkpoint is written every `checkpoint_seconds` (0: at the end of each epoch), or every
    `checkpoint_steps` steps if that is given. Frequent checkpoints cost time, rare ones more repetition after a kill.
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
    """The rank of one process of a run, the indices of the devices on its node, and the number of nodes."""

    rank: int = 0
    device_indices: tuple[int, ...] = field(default=(0,))
    nodes: int = 1
