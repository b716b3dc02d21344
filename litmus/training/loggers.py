"""The Lightning loggers of a run: W&B, TensorBoard and CSV."""

import contextlib
import importlib.util
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import lightning.pytorch as lightning
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from litmus.core.errors import UserError, require_choice
from litmus.probes.probe import Probe
from litmus.records.run_record import STATES_WITH_RESULT, RunRecord
from litmus.records.storage import CorruptRecord
from litmus.records.wandb import client, init_arguments, probe_key, sync_command
from litmus.training.recorder import Recorder
from litmus.training.run import Execution, Place, Run

LOGGERS = ("tensorboard", "csv")

_stays_offline = False
"""Whether W&B failed to start online in this process, which then stays offline."""


def check_logger(name: str | None) -> None:
    """Raise `UserError` unless `name` is None or a logger of Lightning's that can be used here."""
    if name is None:
        return
    if name == "wandb":
        raise UserError("logger wandb: W&B is switched on with --wandb online or offline")
    require_choice("logger", name, LOGGERS)
    if name == "tensorboard" and not any(map(importlib.util.find_spec, ("tensorboard", "tensorboardX"))):
        raise UserError("logger tensorboard needs a package: pip install tensorboard")


@contextlib.contextmanager
def open_loggers(run: Run, execution: Execution, place: Place) -> Iterator[list[Logger]]:
    """Yield the loggers of a run whose record says `running`, and close them once it says how the run ended.

    As Lightning expects, every rank gets them, and only global rank 0 writes.
    """
    # The Trainer sets it too, but W&B starts before there is a Trainer.
    rank_zero_only.rank = place.rank  # type: ignore[attr-defined]
    loggers: list[Logger] = []
    if execution.wandb != "disabled":
        loggers.append(_wandb_logger(run.record, execution.wandb) if place.rank == 0 else WandbLogger())
    if execution.logger == "tensorboard":
        loggers.append(TensorBoardLogger(run.directory, name="tensorboard", version=""))
    if execution.logger == "csv":
        # Without a version a resumed run starts a second file; CSVLogger would delete the first.
        loggers.append(CSVLogger(run.directory, name="csv"))
    for logger in loggers:
        if not isinstance(logger, WandbLogger):
            logger.log_hyperparams(
                {**run.config.flat(), "experiment": run.experiment, "arm": run.arm, "run": run.run_id}
            )
    try:
        yield loggers
    finally:
        if place.rank == 0 and execution.wandb != "disabled":
            _finish_wandb(run)


def _wandb_logger(record: RunRecord, mode: str) -> WandbLogger:
    """Return a started logger of `mode`, or an offline one where W&B does not start online."""
    global _stays_offline
    arguments = init_arguments(record)
    if mode == "online" and not _stays_offline:
        try:
            logger = WandbLogger(save_dir=record.path, mode="online", **arguments)
            _ = logger.experiment
            return logger
        except Exception as error:  # the client raises dozens of types
            print(f"W&B is offline: {type(error).__name__}: {error}")
            client().teardown()
            _stays_offline = True
    logger = WandbLogger(save_dir=record.path, mode="offline", **arguments)
    _ = logger.experiment
    return logger


def _finish_wandb(run: Run) -> None:
    """Tell W&B how the run ended. If that fails, the log says so, and the run is unaffected."""
    wandb, record = client(), run.record
    if wandb.run is None:
        return
    try:
        with contextlib.suppress(CorruptRecord):
            status, summary = record.read_status(), record.read_summary()
            wandb.run.summary.update({key: status[key] for key in ("state", "error") if key in status})
            if summary:
                more = ("seconds", "diverged_at_step", "normalisation", "environment", "data")
                final = {**summary["metrics"], **summary["cost"], **{key: summary.get(key) for key in more}}
                wandb.run.summary.update(final)
        wandb.run.finish(exit_code=0 if record.state() in STATES_WITH_RESULT else 1)
    except Exception as error:
        print(f"W&B does not have the end of this run ({error}). Upload it with: {sync_command(run.directory)}")
        wandb.teardown()


class LogRatesAndProbes(lightning.Callback):
    """Logs what the module does not log itself: the learning rate and the rows of the probes, as they are added."""

    def __init__(self, loggers: Sequence[Logger], recorder: Recorder, probes: Sequence[Probe]) -> None:
        self.loggers = loggers
        self.recorder = recorder
        self.sources: list[Recorder | Probe] = [recorder, *probes]
        self._seen: dict[Recorder | Probe, int] = {}

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        # A resumed run has logged the rows of its checkpoint.
        self._seen = {source: len(source.rows) for source in self.sources}

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        steps: dict[int, dict[str, float]] = defaultdict(dict)
        for source, seen in self._seen.items():
            for row in source.rows[seen:]:
                if source is not self.recorder:
                    # A curve for each unit would be thousands.
                    if math.isfinite(row["value"]) and not re.search(r"_of_unit_\d+$", row["quantity"]):
                        steps[row["step"]][probe_key(row["probe"], row["quantity"], row["layer"])] = row["value"]
                elif row["kind"] == "step":
                    # Lightning's loggers count the steps that were done before the one that is logged.
                    steps[row["step"] - 1]["lr"] = row["lr"]
            self._seen[source] = len(source.rows)
        for step in sorted(steps):
            for logger in self.loggers:
                logger.log_metrics(steps[step], step)

    on_train_epoch_end = on_train_batch_end  # type: ignore[assignment]
