"""What a run leaves on disk: plain files in a folder named by its identity."""

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from litmus.core.errors import UserError
from litmus.core.metrics import metric_of
from litmus.records import lease
from litmus.records.storage import CorruptRecord, StorageError, replace, storage_errors, to_json, write_atomically

_YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader of `yaml.safe_load`, in C where PyYAML was built with it: several times as fast."""

FAILURES = {"diverged": "diverged", "not_finite": "gave no finite evaluation"}
"""States of a run that trained to no result, in words: its training loss stopped being finite; or that stayed finite,
and the loss of its last validation or of its test did not."""

STATES_WITH_RESULT = ("finished", *FAILURES)
"""States of a run that has its result."""


@dataclass(frozen=True)
class RunOutcome:
    """The state of a run whose files were checked; `problem` says what is wrong with a `corrupt` record."""

    state: str
    problem: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the run has its result."""
        return self.state in STATES_WITH_RESULT

    @property
    def has_ended(self) -> bool:
        """Whether the run has its result or has crashed: no launcher executes it again by itself."""
        return self.is_complete or self.state == "crashed"


class _File:
    """A file of a run, by its place in the run's folder."""

    def __init__(self, *place: str) -> None:
        self.place = place

    def __get__(self, record: "RunRecord", owner: type) -> Path:
        return record.path.joinpath(*self.place)


@dataclass(frozen=True)
class RunRecord:
    """The folder of one run, `runs/<study>/<run id>/`, and its files."""

    path: Path

    @property
    def run_id(self) -> str:
        """The run's identity, which is the folder's name."""
        return self.path.name

    config_file = _File("config.yaml")
    """The resolved config, enough to run it again with `litmus train --config`."""
    status_file = _File("status.json")
    """The state, attempts and times."""
    summary_file = _File("summary.json")
    """Final metrics, cost, time, environment."""
    metrics_file = _File("metrics.csv")
    """A row for each logged step and each evaluation."""
    probes_file = _File("probes.csv")
    """A row for each thing that a probe measured; absent where the run has no probe."""
    logits_file = _File("logits.npz")
    """The logits of the validation and test split, where the run has the probe `logits`."""
    answers_file = _File("answers.npz")
    """What the run answered to each test image; absent where the run diverged."""
    log_file = _File("log.txt")
    """Everything the run printed, warnings and tracebacks included."""
    checkpoint = _File("checkpoints", "last.ckpt")
    """The last checkpoint, at the end of an epoch; after the run, the final weights."""
    best_checkpoint = _File("checkpoints", "best.ckpt")
    """The weights of the best evaluation on the validation split, where `trainer.keep` asks for them."""

    def weights_files(self, keep: str) -> tuple[Path, ...]:
        """Return the files of weights that stay with `trainer.keep` at `keep`."""
        kept = {"last": (self.checkpoint,), "best": (self.best_checkpoint,), "none": ()}
        return kept.get(keep, (self.checkpoint, self.best_checkpoint))

    def kept(self) -> str:
        """Return what `trainer.keep` was when the run was executed. Raises `CorruptRecord`."""
        return str(self.read_config()["trainer"]["keep"])

    def read_status(self) -> dict[str, Any]:
        """Return the status, empty where there is none. Raises `CorruptRecord`."""
        return _read_json(self.status_file, required=("state",))

    def write_status(self, **fields: Any) -> None:
        """Write the status."""
        write_atomically(self.status_file, to_json(fields))

    def read_summary(self) -> dict[str, Any]:
        """Return the summary, empty where there is none. Raises `CorruptRecord`."""
        return _read_json(self.summary_file, required=("metrics",))

    def read_config(self) -> dict[str, Any]:
        """Return the config, empty where there is none. Raises `CorruptRecord`."""
        try:
            config = _YamlLoader(self.config_file.read_bytes()).get_single_data()
        except FileNotFoundError:
            return {}
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise CorruptRecord(f"{self.config_file}: {' '.join(str(error).split())[:120]}") from None
        if not isinstance(config, dict):
            raise CorruptRecord(f"{self.config_file}: not a mapping")
        return config

    def state(self) -> str:
        """Return what `status.json` says; a run that says `running` and has no living process was interrupted.

        One of `not started`, `running`, `interrupted`, `crashed`, `finished`, `diverged`, `not_finite` and `corrupt`.
        """
        try:
            state = str(self.read_status().get("state", "not started"))
        except CorruptRecord:
            return "corrupt"
        return "interrupted" if state == "running" and not lease.is_held(self.path) else state

    def outcome(self) -> RunOutcome:
        """Return the state, after a check that a run with a result has all its files; without them it is `corrupt`."""
        state = self.state()
        try:
            if state == "corrupt":
                self.read_status()
            elif state in STATES_WITH_RESULT:
                _require(self.summary_file, self.config_file, self.metrics_file)
                self.read_summary()
                # A diverged run has no final weights.
                _require(*self.weights_files("none" if state == "diverged" else self.kept()))
        except CorruptRecord as error:
            return RunOutcome("corrupt", str(error))
        return RunOutcome(state)

    def set_aside(self) -> Path:
        """Move the folder out of the way, under a name that no run has, and return where it went."""
        for number in range(1, 10_000):
            target = self.path.with_name(f"{self.path.name}.corrupt-{number}")
            if not target.exists():
                with storage_errors(self.path):
                    self.path.rename(target)
                return target
        raise StorageError(f"too many corrupt copies of {self.path}; delete some")

    def log_tail(self, lines: int = 12) -> str:
        """Return the last lines of the log."""
        try:
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


def _require(*files: Path) -> None:
    for file in files:
        if not file.exists():
            raise CorruptRecord(f"{file} is missing")


def _read_json(path: Path, required: tuple[str, ...]) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CorruptRecord(f"{path}: {error}") from None
    if not isinstance(content, dict) or any(key not in content for key in required):
        raise CorruptRecord(f"{path}: lacks {', '.join(required)}")
    return content


def run_records(study_directory: Path) -> list[RunRecord]:
    """Return the records of a study's runs, by identity; what was set aside is left out."""
    if not study_directory.is_dir():
        return []
    return [
        RunRecord(path)
        for path in sorted(study_directory.iterdir())
        if re.fullmatch(r"[0-9a-f]{12}", path.name) and path.is_dir()
    ]


def find_runs(run: str, out: Path) -> list[RunRecord]:
    """Return the records of the run whose identity starts with `run`, one for each study under `out` that holds it.

    `run` may also be a run's folder. Raises `UserError` where there is none, or where several runs could be meant.
    """
    folder = RunRecord(Path(run))
    if folder.config_file.exists() or folder.status_file.exists():
        return [RunRecord(folder.path.resolve())]
    if Path(run).is_dir():
        runs = run_records(Path(run))
        reason = f"it holds {len(runs)} runs, e.g. {runs[0].path}" if runs else "there is no config.yaml"
        raise UserError(f"{run} is not a run's folder: {reason}")
    records = [record for study in sorted(out.glob("*")) for record in run_records(study)]
    found = [record for record in records if record.run_id.startswith(run)]
    if not found:
        raise UserError(
            f"no run {run!r} in {out} ({len(records)} runs there); `litmus list runs STUDY` lists those of a study"
        )
    identities = sorted({record.run_id for record in found})
    if len(identities) > 1:
        raise UserError(f"{run!r} could be any of {', '.join(identities[:8])}; give more digits")
    return found


PROGRESS_FILE = "progress.json"


@dataclass(frozen=True)
class Heartbeat:
    """How far a run is.

    Args:
        step: optimiser steps done.
        steps: those of the whole run.
        epoch: passes over the training set done, with a fraction.
        epochs: those of the whole run.
        images_per_second: of all devices together, in training, since the last heartbeat; None where no step was made.
        metric: the last metric that was logged, as the records call it; empty before the first.
        value: its value, None where it is not finite.
    """

    step: int
    steps: int
    epoch: float
    epochs: int
    images_per_second: float | None = None
    metric: str = ""
    value: float | None = None

    @property
    def fraction(self) -> float:
        """The share of the run's steps that is done."""
        return self.step / self.steps if self.steps else 0.0

    def words(self) -> list[str]:
        """Return it in words, in parts: `step 360/800`, `epoch 4.5/10`, `812 images/s`, `val_top1 91.20 %`."""
        parts = [f"step {self.step:,}/{self.steps:,}", f"epoch {self.epoch:.1f}/{self.epochs}"]
        if self.images_per_second is not None:
            parts.append(f"{self.images_per_second:,.0f} images/s")
        if self.metric and self.value is not None:
            known = metric_of(self.metric)
            is_share = known is not None and known.scale == "share"
            parts.append(f"{self.metric} {f'{100 * self.value:.2f} %' if is_share else f'{self.value:.3f}'}")
        return parts


Listener = Callable[[Heartbeat], None]
"""A function that is called with each heartbeat of a run."""


def write_heartbeat(directory: Path, heartbeat: Heartbeat) -> None:
    """Write how far the run in `directory` is, as a whole; an error of the file system does not stop the run."""
    file, temporary = directory / PROGRESS_FILE, directory / f".{PROGRESS_FILE}.new"
    # Not `write_atomically`: training need not wait until this reaches the disk.
    with contextlib.suppress(OSError):
        temporary.write_text(json.dumps(asdict(heartbeat)))
        replace(temporary, file)


def read_heartbeat(directory: Path) -> Heartbeat | None:
    """Return how far the run in `directory` is, None where it does not say."""
    try:
        content = json.loads((directory / PROGRESS_FILE).read_bytes())
        return Heartbeat(**{field.name: content[field.name] for field in fields(Heartbeat)})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_heartbeat(directory: Path) -> None:
    """Remove `progress.json`: the run has its result."""
    with contextlib.suppress(OSError):
        (directory / PROGRESS_FILE).unlink(missing_ok=True)
