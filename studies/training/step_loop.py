"""Lightning's training loop without what runs of this suite never use, for networks whose step takes milliseconds."""

from typing import Any

from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.utilities.exceptions import SIGTERMException


class StepLoop(_TrainingEpochLoop):
    """Takes the same steps as Lightning's own loop, on one device, with fewer look-ups between them.

    For modules that optimise by themselves (`automatic_optimization = False`), without loggers, profilers and learning
    rate schedulers, and with a batch loader whose length is known. Of the hooks of a step, those of callbacks are
    called: `on_train_batch_start` and `on_train_batch_end`; validation, checkpoints and counters are Lightning's.
    Lightning's own loop spends half a millisecond on a step, a fifteenth of one of LeNet-5's at batch 128.
    """

    def advance(self, data_fetcher: Any) -> None:
        """Take one step. The first one after a resume, of which Lightning knows the cases, is Lightning's."""
        if self.restarting:
            super().advance(data_fetcher)
            return
        trainer = self.trainer
        module: Any = trainer.lightning_module
        self.val_loop.restarting = False
        batch, _, _ = next(data_fetcher)
        progress = self.batch_progress
        progress.is_last_batch = data_fetcher.done
        batch = trainer.precision_plugin.convert_input(batch)
        progress.increment_ready()
        batch_index = self.batch_idx
        trainer._logger_connector.on_batch_start(batch)
        callbacks: Any = trainer.callbacks  # type: ignore[attr-defined]
        for callback in callbacks:
            callback.on_train_batch_start(trainer, module, batch, batch_index)
        progress.increment_started()
        # Counts the optimiser's steps, from which Lightning has its global step.
        self.manual_optimization.on_run_start()
        module._current_fx_name = "training_step"
        trainer.strategy.training_step(batch, batch_index)
        module._current_fx_name = None
        progress.increment_processed()
        for callback in callbacks:
            callback.on_train_batch_end(trainer, module, None, batch, batch_index)
        trainer._logger_connector.on_batch_end()
        progress.increment_completed()

    def on_advance_end(self, data_fetcher: Any) -> None:
        """Validate where it is due."""
        trainer = self.trainer
        steps: Any = trainer.val_check_batch
        due = self.batch_progress.is_last_batch or (self.batch_idx + 1) % steps == 0
        if due or trainer.should_stop or self._skip_next_val:
            super().on_advance_end(data_fetcher)
            return
        self._batches_that_stepped += 1
        if trainer.received_sigterm:
            raise SIGTERMException
