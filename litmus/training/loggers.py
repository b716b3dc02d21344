"""The Lightning loggers of a run: W&B, TensorBoard and CSV."""

import contextlib
import importlib.util
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import lightning.pytorch as lightning
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from litmus.core.errors import UserError, require_choice
from litmus.probes.probe import Probe
from litmus.records.run_record import STATES_WITH_RESULT, RunRecord
from litmus.records.storage import CorruptRecord
from litmus.records.wandb import STEP, client, curves, final_values, init_arguments
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
    wandb = client()
    if wandb.run is None:
        return
    try:
        with contextlib.suppress(CorruptRecord):
            wandb.run.summary.update(final_values(run.record))
        wandb.run.finish(exit_code=0 if run.record.state() in STATES_WITH_RESULT else 1)
    except Exception as error:
        print(
            f"W&B does not have the end of this run ({error}). Upload it with: litmus wandb sync "
            f"{run.directory.parent.name}"
        )
        wandb.teardown()


class LogRatesAndProbes(lightning.Callback):
    """Logs what the module does not log itself: the learning rate and the rows of the probes.

    If a run resumes, W&B also gets the steps before its checkpoint that it does not have yet.
    """

    def __init__(self, loggers: Sequence[Logger], recorder: Recorder, probes: Sequence[Probe]) -> None:
        self.loggers = loggers
        self.recorder = recorder
        self.probes = probes
        self._seen = [0] * (1 + len(probes))

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if not self.recorder.rows:
            return
        rows, *probe_rows = self._new_rows()
        for logger in self.loggers:
            if isinstance(logger, WandbLogger) and trainer.is_global_zero:
                there = int(logger.experiment.summary.get(STEP, -1))
                for values in curves(rows, itertools.chain(*probe_rows), after=there):
                    logger.experiment.log(values)

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        self._log_new_rows()

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._log_new_rows()

    def _log_new_rows(self) -> None:
        rows, *probe_rows = self._new_rows()
        rates = [{"step": row["step"], "lr": row["lr"]} for row in rows if row["kind"] == "step"]
        for values in curves(rates, itertools.chain(*probe_rows)):
            step = int(values.pop(STEP))
            for logger in self.loggers:
                logger.log_metrics(values, step)

    def _new_rows(self) -> list[list[dict[str, Any]]]:
        """Return the rows that the recorder and each probe have added since the last call."""
        sources = [self.recorder.rows, *(probe.rows for probe in self.probes)]
        new = [rows[seen:] for rows, seen in zip(sources, self._seen, strict=True)]
        self._seen = [len(rows) for rows in sources]
        return new
