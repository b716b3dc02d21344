"""One run, from its resolved config to its record."""

import csv
import gc
import io
import logging
import math
import threading
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import lightning.pytorch as lightning
import torch
import yaml
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.plugins.layer_sync import LayerSync
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, nn
from torch.nn import functional

from litmus.core.batch import Batch
from litmus.core.metrics import METRICS, Task
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.batches.image_input import ImageInput
from litmus.lit_archs.building.registry import ARCHITECTURES, construct
from litmus.lit_archs.cost.cost import Cost, cost
from litmus.lit_archs.layers.sync_batch_norm import synchronise_batch_norm
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.lit_archs.learning.tasks import MODULES
from litmus.probes.probe import PROBE_COLUMNS, PROBES, Probe, gathered
from litmus.records.answers import Answers, of_classes, write_answers
from litmus.records.run_record import Heartbeat, Listener, RunRecord, remove_heartbeat, write_heartbeat
from litmus.records.storage import CorruptRecord, storage_errors, to_json, write_atomically
from litmus.training.callbacks import EvenValidations, KeyedDropout, OwnSignals, Pulse, StopAtDivergence
from litmus.training.checkpoints import Checkpoints, Paused
from litmus.training.config import RunConfig, use_precision
from litmus.training.environment import environment
from litmus.training.identity import normalisation_regime
from litmus.training.loggers import LogProbes, open_loggers
from litmus.training.network import build_network, network_options
from litmus.training.recorder import Recorder
from litmus.training.run import Execution, Place, Run


class BestWeights(lightning.Callback):
    """Holds a copy of the weights of the best evaluation so far, the first of several, in memory.

    They travel in the run's checkpoint: a resumed run goes on from exactly those that belong to its step, also where it
    had come further before it was killed. At the end of training they are written to a file of their own, and the last
    checkpoint goes without them. `content` is what that file holds beside them.
    """

    def __init__(self, record: RunRecord, content: dict[str, Any]) -> None:
        self.record = record
        self.content = content
        self.value: float | None = None
        self.step: int | None = None
        self.weights: dict[str, Tensor] | None = None
        self._written = False

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value, "step": self.step, "weights": None if self._written else self.weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.value, self.step, self.weights = state_dict["value"], state_dict["step"], state_dict["weights"]
        if self.step is not None and self.weights is None:
            path = self.record.best_checkpoint
            try:
                self.weights = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
            except Exception as error:  # torch.load raises a dozen types for a damaged file
                raise CorruptRecord(f"{path}: {' '.join(str(error).split())[:120]}") from None
            self._written = True

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        metric = METRICS[module.task.primary_metric]
        value = float(trainer.callback_metrics[f"val_{metric.name}"])
        # A network that diverged still predicts something.
        if module.diverged_at is not None or not math.isfinite(value):
            return
        if self.value is None or metric.best((self.value, value), lambda each: each) != self.value:
            self.value = value
            self._take(trainer, module)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        if trainer.current_epoch + 1 == trainer.max_epochs:
            self._write(trainer)

    def finish(self, trainer: lightning.Trainer, module: LitNetwork) -> None:
        """Write the file where it is not written; the last weights where no evaluation gave a number.

        A run that diverged before its first evaluation leaves none.
        """
        if self.weights is None and module.diverged_at is None:
            self._take(trainer, module)
        self._write(trainer)

    def _take(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.step = trainer.global_step
        self.weights = {name: tensor.detach().cpu().clone() for name, tensor in module.state_dict().items()}

    def _write(self, trainer: lightning.Trainer) -> None:
        if self.weights is None or self._written:
            return
        if trainer.is_global_zero:
            file = io.BytesIO()
            torch.save({"state_dict": self.weights, "global_step": self.step, **self.content}, file)
            write_atomically(self.record.best_checkpoint, file.getvalue())
        self._written = True

    def load_into(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Give `module` these weights, the first device's to all devices."""
        weights = trainer.strategy.broadcast(self.weights)
        assert weights is not None
        module.load_state_dict(weights)


FIT_IMAGES = 10_000
"""Training images that the pass at the end evaluates at most: a fifth of an epoch of CIFAR-10, forward alone."""


class EndMeasures(lightning.Callback):
    """Writes `answers.npz` and computes `metrics`: `fit_loss` and the share of right answers on the training images.

    The answers are those that the test metrics are computed from, so that the test set is read where it always is. The
    fit is taken in evaluation mode over up to 10,000 training images, evenly spaced, without augmentation: training's
    own means are of a network that still changes, of augmented images, with dropout and a batch's statistics.
    """

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self.metrics: dict[str, float] = {}
        self._batches: list[tuple[Tensor, ...]] = []

    def on_test_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        if module.task.metrics:
            return  # a task of one's own, which may know no right answers
        # A device without a share of the test set takes part in bringing the others' together.
        images = torch.empty(0, dtype=torch.int64, device=module.device)
        classes = module.num_classes
        kept = (images,) * 2 if module.task.name == "classification" else (images.new_empty(0, classes),) * 3
        self._batches = [(images, *kept)]

    def on_test_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        if outputs is not None and self._batches:
            assert isinstance(module, LitNetwork)
            self._batches.append((batch.sample, *answered(outputs, batch, module.task.name == "segmentation")))

    def on_test_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, LitNetwork)
        batches, self._batches = self._batches, []
        if batches:
            sample, *counts = (gathered(torch.cat(column)).cpu() for column in zip(*batches, strict=True))
            if trainer.is_global_zero:
                rows = [column[sample.argsort()].numpy() for column in counts]
                write_answers(self.record, of_classes(*rows) if len(rows) == 2 else Answers(None, *rows))
        datamodule: ImageDataModule = trainer.datamodule  # type: ignore[attr-defined]
        with trainer.precision_plugin.forward_context():
            convert = trainer.precision_plugin.convert_input
            self.metrics = module.fit(convert(batch) for batch in datamodule.fit_batches(FIT_IMAGES))


def answered(logits: Tensor, batch: Batch, pixels: bool) -> tuple[Tensor, ...]:
    """Return what a batch's logits answer: each image's predicted class and its label, int64 [N] each; or, where they
    are of `pixels`, the pixels of each image and class that are right, predicted and labelled, int64 [N, C] each.

    A prediction that is not finite is right nowhere: the class of such an image is −1.
    """
    finite = logits.isfinite().all(1)
    predicted = logits.argmax(1)
    if not pixels or batch.masks is None:
        return torch.where(finite, predicted, -1), batch.labels
    classes = logits.shape[1]
    # As the metrics count it: where the logits are not finite, a class that is not the pixel's.
    predicted = torch.where(finite, predicted, (batch.masks + 1) % classes)
    given, true = (functional.one_hot(each.flatten(1), classes) for each in (predicted, batch.masks))
    return (given * true).sum(1), given.sum(1), true.sum(1)


WORTH_THREADS = 1e8
"""Operations below which a pass over a batch takes one core a few milliseconds."""

KEEP_SECONDS = 5.0
"""Between two heartbeats that are written down."""


class GlobalBatchNorm(LayerSync):
    """Makes Lightning compute batch-norm statistics over all devices, on the CPU too."""

    def apply(self, model: nn.Module) -> nn.Module:
        return synchronise_batch_norm(model)

    def revert(self, model: nn.Module) -> nn.Module:
        return model


def execute(
    run: Run,
    execution: Execution,
    place: Place,
    on_progress: Listener,
    pause: threading.Event | None = None,
    loggers: Sequence[Logger] = (),
) -> str:
    """Execute `run` to its end, from its last checkpoint where there is one, and return its state.

    The Trainer gets `loggers`. The state is `finished` or `diverged`; the first
    process writes the record. Raises whatever goes wrong: `StorageError` where the record cannot be written,
    `CorruptRecord` for an unreadable checkpoint, and `Paused` once `pause` is set.
    """
    _quieten()
    # What is loaded by now stays. Else Python's collector may walk through all of PyTorch's objects amid a run.
    gc.collect()
    gc.freeze()
    config, record = run.config, run.record
    datamodule = ImageDataModule(config.data, config.seed)
    options = network_options(config, datamodule.num_classes, datamodule.image_shape)
    costs = _cost(config.model["name"], tuple(sorted(options.items())), datamodule.image_shape)
    threads = threads_of(execution, costs.flops * config.data.batch_size / execution.devices)
    torch.set_num_threads(threads)
    module = _module(config, options, datamodule)

    pulse = Pulse(_told_and_kept(run, on_progress) if place.rank == 0 else on_progress, config)

    def on_row(row: dict[str, Any]) -> None:
        pulse.metric = _last_metric(row, module.task, pulse.metric)

    content = {"input": ImageInput.of(datamodule).as_dict()}
    recorder = Recorder(record, config, on_row, content)
    best = BestWeights(record, content) if _keeps_best(config) else None
    pause = pause or threading.Event()
    checkpoints = Checkpoints(record, execution.checkpoint_seconds, execution.checkpoint_steps, pause)
    probes = [PROBES[name](record, config.trainer.probe_every_n_steps, config.seed) for name in config.trainer.probes]
    end = EndMeasures(record)
    # What a checkpoint holds comes before what saves it: it is measured by then.
    measuring = [pulse, *probes, *([best] if best else []), recorder]
    logging = [LogProbes(loggers, recorder, probes)] if loggers else []
    trainer = _trainer(run, execution, place, [*measuring, checkpoints, *logging, end], loggers)
    check_readable(run)
    checkpoint = record.checkpoint if record.checkpoint.exists() else None
    trainer.fit(module, datamodule=datamodule, ckpt_path=checkpoint, weights_only=True)

    diverged = module.diverged_at is not None
    tested: dict[str, float] = {}
    if best is not None:
        best.finish(trainer, module)
    if not diverged and not run.trial:
        if best is not None and config.trainer.test == "best":
            best.load_into(trainer, module)
        # The only place where the test set is read: once, after training and all choices are over.
        tested = dict(trainer.test(module, datamodule=datamodule, verbose=False)[0]) | end.metrics
    if place.rank == 0:
        if probes:
            _write_probes(record, probes)
        summary = {
            "state": "diverged" if diverged else "finished",
            "diverged_at_step": module.diverged_at,
            "metrics": {**_summarise(recorder.rows, module, config.trainer.test), **tested},
            "cost": asdict(costs),
            "seconds": recorder.seconds,
            "normalisation": normalisation_regime(config, execution.devices),
            "data": {
                "fingerprint": datamodule.fingerprint,
                "num_classes": datamodule.num_classes,
                "class_names": list(datamodule.arrays.classes),
                "images": datamodule.image_counts,
                "image_shape": list(datamodule.image_shape),
            },
            "environment": environment(trainer.strategy.root_device, execution.devices, threads),
        }
        write_atomically(record.summary_file, to_json(summary))
    return "diverged" if diverged else "finished"


def threads_of(execution: Execution, flops: float) -> int:
    """Return the CPU threads of a process whose share of a batch takes so many floating-point operations forwards.

    One for a small network: its threads would meet every few microseconds, and where another program has their core
    wait for it each time.
    """
    return 1 if flops < WORTH_THREADS and not execution.threads_asked else execution.threads


def write_config(run: Run) -> None:
    """Write `config.yaml`, which `litmus train --config` runs again."""
    text = yaml.safe_dump(run.config.as_dict(), sort_keys=False)
    header = f"# run {run.run_id} of study {run.study}: {run.name}\n"
    write_atomically(run.record.config_file, header + text)


def write_traceback(run: Run, error: BaseException) -> None:
    """Append an error with its traceback to the run's log."""
    with open(run.record.log_file, "a") as log:
        log.write("".join(traceback.format_exception(error)))


def _told_and_kept(run: Run, on_progress: Listener) -> Listener:
    """Return what tells how far `run` is, and from time to time writes it down for those who only see the disk."""
    written = time.monotonic()

    def told(heartbeat: Heartbeat) -> None:
        nonlocal written
        on_progress(heartbeat)
        now = time.monotonic()
        if now - written >= KEEP_SECONDS:
            written = now
            write_heartbeat(run.directory, heartbeat)

    return told


def _last_metric(row: dict[str, Any], task: Task, before: tuple[str, float]) -> tuple[str, float]:
    """Return the metric to tell of a row: that of the validation split, or until there is one, of training."""
    if row["kind"] == "evaluation":
        name = f"val_{task.primary_metric}"
    elif before[0].startswith("val_"):
        return before
    else:
        name = task.training_columns[-1]
    return name, row[name]


def _module(config: RunConfig, options: dict[str, Any], datamodule: ImageDataModule) -> LitNetwork:
    network = build_network(config, options)
    if config.trainer.channels_last:
        network = network.to(memory_format=torch.channels_last)
    if config.trainer.compile:
        network.compile()
    return MODULES[ARCHITECTURES[config.model["name"]].task](
        network,
        options["num_classes"],
        config.optim,
        config.trainer.epochs * datamodule.steps_per_epoch,
        config.trainer.log_every_n_steps,
    )


def _write_probes(record: RunRecord, probes: Sequence[Probe]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, PROBE_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for probe in probes:
        writer.writerows(probe.rows)
    write_atomically(record.probes_file, text.getvalue())


def _trainer(
    run: Run,
    execution: Execution,
    place: Place,
    recording: Sequence[lightning.Callback],
    loggers: Sequence[Logger],
) -> lightning.Trainer:
    config = run.config
    cuda = execution.accelerator == "cuda"
    # The launcher starts the processes of a run, whatever cluster they are on.
    plugins: list[Any] = [LightningEnvironment()]
    if execution.devices > 1 and config.trainer.sync_batchnorm:
        plugins.append(GlobalBatchNorm())
    # A debugging aid of deterministic mode, which would write all of the network's memory once more at each step.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return lightning.Trainer(
        accelerator="gpu" if cuda else "cpu",
        devices=list(place.device_indices) if cuda else execution.devices // place.nodes,
        num_nodes=place.nodes,
        strategy=DDPStrategy(process_group_backend="nccl" if cuda else "gloo") if execution.devices > 1 else "auto",
        plugins=plugins,
        precision=use_precision(config.trainer.precision),
        max_epochs=config.trainer.epochs,
        accumulate_grad_batches=config.trainer.accumulate,
        gradient_clip_val=config.optim.clip_norm,
        deterministic="warn" if config.trainer.deterministic else False,
        callbacks=[
            OwnSignals(),
            KeyedDropout(config.seed),
            EvenValidations(config.trainer.validations_per_epoch),
            StopAtDivergence(config.trainer.log_every_n_steps),
            *recording,
        ],
        default_root_dir=run.directory,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        logger=list(loggers),
        log_every_n_steps=config.trainer.log_every_n_steps,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _keeps_best(config: RunConfig) -> bool:
    return config.trainer.keep in ("best", "both") or config.trainer.test == "best"


def check_readable(run: Run) -> None:
    """Raise `CorruptRecord` where the run has a checkpoint from which it cannot go on."""
    path = run.record.checkpoint
    if not path.exists():
        return
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        missing = {"state_dict", "loops", "callbacks", "optimizer_states", "lr_schedulers"} - content.keys()
    except Exception as error:  # torch.load raises a dozen types for a damaged file
        raise CorruptRecord(f"{path}: {' '.join(str(error).split())[:120]}") from None
    if missing:
        raise CorruptRecord(f"{path}: lacks {', '.join(sorted(missing))}")
    module = MODULES[ARCHITECTURES[run.config.model["name"]].task]
    if module.configure_optimizers is LitNetwork.configure_optimizers and not content["lr_schedulers"]:
        raise CorruptRecord(f"{path}: an earlier version left it in the middle of the run, which starts anew")
    if _keeps_best(run.config) and BestWeights.__qualname__ not in content["callbacks"]:
        raise CorruptRecord(f"{path}: kept without the best weights so far, which trainer.keep now asks for")


def _summarise(rows: list[dict[str, Any]], module: LitNetwork, tested: str) -> dict[str, float]:
    evaluations = [row for row in rows if row["kind"] == "evaluation"]
    if not evaluations:
        return {}
    task = module.task
    primary_metric = f"val_{task.primary_metric}"
    valid = [row for row in evaluations if math.isfinite(row[primary_metric])]
    best = METRICS[task.primary_metric].best(valid or evaluations, lambda row: row[primary_metric])
    told = best if tested == "best" else evaluations[-1]
    return {
        **{column: told[column] for column in (*task.training_columns, *task.validation_columns)},
        f"best_{primary_metric}": best[primary_metric],
        "best_val_step": best["step"],
        "steps": rows[-1]["step"],
    }


@lru_cache(maxsize=256)
def _cost(name: str, options: tuple[tuple[str, Any], ...], image_shape: tuple[int, int, int]) -> Cost:
    return cost(construct(name, **dict(options)), image_shape)


def _quieten() -> None:
    # What remains goes to the run's log.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    # Of the last two neither is true here, see `Checkpoints`.
    untrue = (".*`srun` command is available.*", ".*your dataloader is not resumable.*")
    for message in (".*does not have many workers.*", ".*sync_dist=True.*", ".*LeafSpec.*", *untrue):
        warnings.filterwarnings("ignore", message=message)


def attempt(
    run: Run,
    execution: Execution,
    place: Place,
    on_progress: Listener,
    attempts: int,
    pause: threading.Event | None = None,
) -> str:
    """Execute `run` and keep its status file true from start to end; return its final state.

    A damaged checkpoint is set aside with the whole record, and the run is repeated from its start. Raises `Paused`
    once `pause` was set and the run is checkpointed.
    """
    started = time.time()
    record, config = run.record, run.config

    def status(state: str, **more: Any) -> None:
        if place.rank == 0:
            fields: dict[str, Any] = {"state": state, "study": run.study, "arm": run.arm, "levels": run.levels}
            fields.update(seed=run.config.seed, attempts=attempts, started=started, updated=time.time(), **more)
            if run.trial:
                fields["trial"] = run.trial
            if run.source is not None:
                fields["source"] = str(run.source)
            if run.code is not None:
                fields["user_code"] = run.code.as_dict()
            record.write_status(**fields)

    if place.rank == 0:
        with storage_errors(run.directory):
            run.directory.mkdir(parents=True, exist_ok=True)
        write_config(run)
    status("running")
    with open_loggers(run, execution, place) as loggers:
        try:
            state = execute(run, execution, place, on_progress, pause, loggers)
        except Paused:
            status("interrupted")
            raise
        except BaseException as error:
            if not isinstance(error, CorruptRecord):
                status("crashed", error=f"{type(error).__name__}: {error}"[:500])
            raise
        status(state)
    if place.rank == 0:
        remove_heartbeat(run.directory)
        # Not before the run is known to have its result: until then it can go on from its checkpoint. That of a
        # diverged run lies somewhere before its end, where depends on interruptions.
        kept = set(record.weights_files(config.trainer.keep)) - ({record.checkpoint} if state == "diverged" else set())
        for file in {record.checkpoint, record.best_checkpoint} - kept:
            file.unlink(missing_ok=True)
    return state
