"""Where a run's rows and summary also go while it trains: W&B, or one of Lightning's own loggers."""

import contextlib
import importlib.util
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import lightning.pytorch as lightning
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from litmus.errors import UserError, require_choice
from litmus.settings import flatten
from studies.probes.base.probe import Probe
from studies.records.storage import CorruptRecord
from studies.tracking import names
from studies.tracking.history import History, Values
from studies.tracking.mirror import Mirror
from studies.tracking.wandb_run import Told
from studies.training.checkpoints import Paused
from studies.training.identity import normalisation_regime
from studies.training.recorder import Recorder
from studies.training.run import Execution, Place, Run

LOGGERS = ("tensorboard", "csv")
PATIENCE_SECONDS = 30.0
"""How long the end of a run waits for W&B: the worker has other runs to train."""


class Tracker(Protocol):
    """Where a run's rows and summary also go."""

    def log(self, step: int, values: Values) -> None: ...

    def finish(self, summary: dict[str, Any]) -> None: ...

    def stop(self, state: str, reason: str) -> None: ...


class LoggedByLightning:
    """One of Lightning's own loggers, in the run's folder; a run that goes on is logged anew from its first row."""

    def __init__(self, run: Run, name: str) -> None:
        shutil.rmtree(run.directory / name, ignore_errors=True)
        shown = "".join(each if each.isalnum() or each in "._=+-" else "_" for each in names.shortened(run.name, 80))
        logger = TensorBoardLogger if name == "tensorboard" else CSVLogger
        self._logger: Logger = logger(run.directory, name=name, version=shown)
        self._logger.log_hyperparams({**flatten(run.config.as_dict()), "arm": run.arm, "run": run.run_id})

    def log(self, step: int, values: Values) -> None:
        """Log the numbers of a step; these loggers know no histograms."""
        self._logger.log_metrics({key: value for key, value in values.items() if not isinstance(value, list)}, step)

    def finish(self, summary: dict[str, Any]) -> None:
        """Log what is known at the end, at the last step, and write all of it."""
        numbers = {**summary["metrics"], **summary["cost"], "seconds": summary["seconds"]}
        finite = {f"end/{key}": float(value) for key, value in numbers.items() if value is not None}
        self._logger.log_metrics(finite, int(summary["metrics"].get("steps", 0)))
        self._logger.finalize("success")

    def stop(self, state: str, reason: str) -> None:
        """Write all of it."""
        self._logger.finalize("failed")


class Tracking(lightning.Callback):
    """Hands each step's rows to trackers, in order, once the step is over; of a resumed run also those before."""

    def __init__(self, trackers: Sequence[Tracker], recorder: Recorder, probes: Sequence[Probe], history: History):
        self.trackers = trackers
        self.recorder = recorder
        self.probes = probes
        self.history = history
        self._seen: dict[int, int] = {}

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        self.send(before=trainer.global_step)

    def send(self, before: float = math.inf) -> None:
        """Hand over what has been measured at the steps below `before`."""
        if not self.trackers:
            return
        self._collect(0, self.recorder.rows, self.history.add_row)
        for index, probe in enumerate(self.probes, start=1):
            self._collect(index, probe.rows, self.history.add_measured)
        for step, values in self.history.steps(before):
            for tracker in self.trackers:
                tracker.log(step, values)

    def _collect(self, source: int, rows: Sequence[dict[str, Any]], add: Callable[[dict[str, Any]], None]) -> None:
        for row in rows[self._seen.get(source, 0) :]:
            add(row)
        self._seen[source] = len(rows)


def told_of(run: Run, devices: int) -> Told:
    """Return what W&B is told of a run."""
    normalisation = normalisation_regime(run.config, devices)
    seed, config = run.config.seed, run.config.as_dict()
    return Told(run.study, run.arm, run.levels, seed, config, normalisation, run.record, run.trial)


@contextlib.contextmanager
def tracked(run: Run, execution: Execution, place: Place) -> Iterator[list[Tracker]]:
    """Open what a run is tracked by, in the first of its processes alone.

    Where the block is left by an error, the trackers are told which.
    """
    trackers: list[Tracker] = []
    if execution.wandb != "disabled" and place.rank == 0:
        trackers.append(Mirror(told_of(run, execution.devices), execution.wandb, PATIENCE_SECONDS))
    if execution.logger is not None and place.rank == 0:
        trackers.append(LoggedByLightning(run, execution.logger))
    try:
        yield trackers
    except BaseException as error:
        state = "interrupted" if isinstance(error, Paused | CorruptRecord | KeyboardInterrupt) else "crashed"
        for tracker in trackers:
            tracker.stop(state, f"{type(error).__name__}: {error}" if state == "crashed" else "")
        raise


def check_logger(name: str | None) -> None:
    """Raise `UserError` unless `name` is one of Lightning's loggers that can be used here, or None."""
    if name is None:
        return
    if name == "wandb":
        raise UserError("logger wandb: W&B has an option of its own, --wandb online or offline")
    require_choice("logger", name, LOGGERS)
    if name == "tensorboard" and not any(map(importlib.util.find_spec, ("tensorboard", "tensorboardX"))):
        raise UserError("logger tensorboard needs a package: pip install tensorboard")
