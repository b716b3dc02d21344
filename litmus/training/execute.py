"""One run, from its resolved config to its record."""

import gc
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
from torch import nn

from litmus.core.errors import UserError
from litmus.core.metrics import METRICS
from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.datamodules.batches.image_input import ImageInput
from litmus.datamodules.loading.arrays import ImageArrays
from litmus.datamodules.loading.registry import load
from litmus.lit_archs.building.registry import construct
from litmus.lit_archs.cost.profile import Cost, profile_of, total
from litmus.lit_archs.layers.sync_batch_norm import synchronise_batch_norm
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import PROBES
from litmus.records.run_record import Listener, remove_heartbeat
from litmus.records.storage import CorruptRecord, TakenOver, storage_errors, to_json, write_atomically
from litmus.training.callbacks import (
    EvenlySpacedValidations,
    Heartbeats,
    KeepSignalHandlers,
    KeyedGenerators,
    PopulationStatistics,
    StopAtDivergence,
)
from litmus.training.checkpoints import BestWeights, Checkpoints, Paused, check_readable
from litmus.training.config import require_precision, use_precision
from litmus.training.environment import environment
from litmus.training.identity import normalisation_regime
from litmus.training.loggers import LogRatesAndProbes, open_loggers
from litmus.training.network import build_module, network_options
from litmus.training.recorder import AnswersAndFit, Recorder, write_probes
from litmus.training.run import Execution, Place, Run
from litmus.training.user_code import require_read


def attempt(
    run: Run,
    execution: Execution,
    place: Place,
    on_progress: Listener,
    attempt_number: int,
    pause: threading.Event | None = None,
) -> str:
    """Execute `run`, keep its status file up to date, and return its final state.

    Raises `Paused` once `pause` is set and the run is checkpointed, `CorruptRecord` for an unreadable checkpoint,
    `UserError` for data that changed since the run was planned, and any error of the training itself.
    """
    started = time.time()
    record = run.record

    def write_status(state: str, **more: Any) -> None:
        if place.rank == 0:
            about: dict[str, Any] = {"state": state, "experiment": run.experiment, "arm": run.arm, "levels": run.levels}
            about |= {"seed": run.config.seed, "attempts": attempt_number, "started": started, "updated": time.time()}
            code = None if run.code is None else asdict(run.code)
            some = {"trial": run.trial, "source": run.source and str(run.source), "user_code": code}
            record.write_status(**about, **more, **{key: value for key, value in some.items() if value})

    if place.rank == 0:
        with storage_errors(run.directory):
            run.directory.mkdir(parents=True, exist_ok=True)
        header = f"# run {run.run_id} of {run.experiment}: {run.name}\n"
        write_atomically(record.config_file, header + yaml.safe_dump(run.config.as_dict(), sort_keys=False))
    write_status("running")
    with open_loggers(run, execution, place) as loggers:
        try:
            state = execute(run, execution, place, on_progress, pause, loggers)
        except (Paused, UserError):
            write_status("interrupted")
            raise
        except (CorruptRecord, TakenOver):
            raise
        except BaseException as error:
            write_status("crashed", error=f"{type(error).__name__}: {error}"[:500])
            raise
        write_status(state)
    if place.rank == 0:
        remove_heartbeat(run.directory)
        # Until the status is written, the run may need its checkpoint to resume. The step of a diverged run's last
        # checkpoint depends on interruptions, so that checkpoint is not kept.
        kept = set(record.weights_files(run.config.trainer.keep))
        if state == "diverged":
            kept -= {record.checkpoint}
        for file in {record.checkpoint, record.best_checkpoint} - kept:
            file.unlink(missing_ok=True)
    return state


def require_planned_data(config: DataConfig, loaded: str, planned: str) -> None:
    """Raise `UserError` where the data that were `loaded` are not those that were `planned`, by their fingerprints.

    Nothing is compared where `planned` is empty.
    """
    if planned in ("", loaded):
        return
    load.cache_clear()
    if load(config.name, config.root, tuple(config.options.items())).fingerprint != loaded:
        raise UserError(
            f"data.name {config.name}: its data change each time they are loaded; seed its "
            "generators, e.g. numpy.random.default_rng(0), and sort directory listings"
        )
    raise UserError(
        f"data.name {config.name}: the data changed after the start, or differ between processes, as the order of a "
        f"set does (fingerprint {planned} then, {loaded} now); the same command continues with the present data"
    )


def write_traceback(run: Run, error: BaseException) -> None:
    """Append an error with its traceback to the run's log."""
    with open(run.record.log_file, "a") as log:
        log.write("".join(traceback.format_exception(error)))


def execute(
    run: Run,
    execution: Execution,
    place: Place,
    on_progress: Listener,
    pause: threading.Event | None = None,
    loggers: Sequence[Logger] = (),
    arrays: ImageArrays | None = None,
) -> str:
    """Train and test `run`, from its last checkpoint if it has one; return its state: `finished`, or a failure.

    Rank 0 writes the record. `arrays` replace the dataset that the config names. Raises `StorageError` if the record
    cannot be written, `CorruptRecord` for an unreadable checkpoint, `UserError` for other data than planned, and
    `Paused` once `pause` is set.
    """
    _silence_lightning()
    # Python's garbage collector would otherwise walk through all of PyTorch's objects in the middle of a run.
    gc.collect()
    gc.freeze()
    config, record = run.config, run.record
    require_precision(config.trainer.precision, execution.accelerator)

    datamodule = ImageDataModule(config.data, config.seed, arrays)
    require_planned_data(config.data, datamodule.fingerprint, run.fingerprint)
    options = network_options(config, datamodule.num_classes, datamodule.image_shape)
    costs = cost_of(config.model["name"], tuple(sorted(options.items())), datamodule.image_shape)
    threads = threads_of(execution, costs.flops * config.data.batch_size / execution.devices)
    torch.set_num_threads(threads)
    total_steps = config.trainer.epochs * datamodule.steps_per_epoch
    module = build_module(config, datamodule.num_classes, datamodule.image_shape, total_steps)
    if run.source is not None:
        require_read(run.source)
    if config.trainer.compile:
        module.network.compile()

    image_input = {"input": ImageInput.of(datamodule).as_dict()}
    recorder = Recorder(record, config, image_input)
    probes = [PROBES[name](record, config.trainer.probe_every_n_steps, config.seed) for name in config.trainer.probes]
    best = BestWeights(record, image_input) if BestWeights.wanted(config) else None
    answers_and_fit = AnswersAndFit(record)
    # A checkpoint holds what the callbacks before `Checkpoints` have measured at its step.
    callbacks: list[lightning.Callback] = [
        KeepSignalHandlers(),
        KeyedGenerators(config.seed),
        EvenlySpacedValidations(config.trainer.validations_per_epoch),
        *([PopulationStatistics()] if config.norm.evaluation_statistics == "population" else []),
        StopAtDivergence(config.trainer.log_every_n_steps),
        *probes,
        *([best] if best is not None else []),
        recorder,
        Heartbeats(on_progress, recorder, config, run.directory if place.rank == 0 else None),
        Checkpoints(record, execution.checkpoint_seconds, execution.checkpoint_steps, pause or threading.Event()),
        *([LogRatesAndProbes(loggers, recorder, probes)] if loggers else []),
        answers_and_fit,
    ]
    trainer = _trainer(run, execution, place, callbacks, loggers)
    check_readable(run)
    checkpoint = record.checkpoint if record.checkpoint.exists() else None
    trainer.fit(module, datamodule=datamodule, ckpt_path=checkpoint, weights_only=True)

    diverged = module.diverged_at is not None
    test_metrics: dict[str, float] = {}
    if best is not None:
        best.finish(trainer, module)
    if not diverged and not run.trial:
        if best is not None and config.trainer.test == "best":
            best.load_into(trainer, module)
        # The only evaluation on the test set: once, after training and all choices are over.
        test_metrics = dict(trainer.test(module, datamodule=datamodule, verbose=False)[0]) | answers_and_fit.metrics

    metrics = {**_summarise(recorder.rows, module, config.trainer.test), **test_metrics}
    losses = [metrics[name] for name in ("val_loss", "test_loss") if name in metrics]
    state = "diverged" if diverged else "finished" if all(map(math.isfinite, losses)) else "not_finite"
    if place.rank == 0:
        if probes:
            write_probes(record, probes)
        summary = {
            "state": state,
            "diverged_at_step": module.diverged_at,
            "metrics": metrics,
            "cost": asdict(costs),
            "seconds": recorder.seconds,
            "normalisation": normalisation_regime(config, execution.devices),
            "data": {
                "fingerprint": datamodule.fingerprint,
                "num_classes": datamodule.num_classes,
                "class_names": list(datamodule.arrays.classes),
                "majority_share": datamodule.majority_share(of_pixels=module.task.name == "segmentation"),
                "images": datamodule.image_counts,
                "image_shape": list(datamodule.image_shape),
            },
            "environment": environment(trainer.strategy.root_device, execution.devices, threads),
        }
        write_atomically(record.summary_file, to_json(summary))
    return state


def _silence_lightning() -> None:
    """Keep messages that do not apply out of the run's log."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    # The launcher starts the processes, and `Checkpoints` resume at the exact sample.
    untrue = (".*`srun` command is available.*", ".*your dataloader is not resumable.*")
    for message in (".*does not have many workers.*", ".*sync_dist=True.*", ".*LeafSpec.*", *untrue):
        warnings.filterwarnings("ignore", message=message)


@lru_cache(maxsize=256)
def cost_of(name: str, options: tuple[tuple[str, Any], ...], image_shape: tuple[int, int, int]) -> Cost:
    """Return the cost of a network, given by its name and its options in order, on images of a shape."""
    return total(profile_of(lambda: construct(name, **dict(options)), image_shape))


SMALL_BATCH_FLOPS = 1e8
"""Operations below which a pass over a batch takes one core a few milliseconds."""


def threads_of(execution: Execution, flops: float) -> int:
    """Return the number of CPU threads for a process whose batch takes `flops` floating-point operations forwards.

    A small network gets one: several would synchronise every few microseconds, and wait whenever another program has
    their core.
    """
    return 1 if flops < SMALL_BATCH_FLOPS and not execution.threads_asked else execution.threads


class SynchroniseBatchNorm(LayerSync):
    """Makes Lightning compute batch-norm statistics over all devices, on the CPU too."""

    def apply(self, model: nn.Module) -> nn.Module:
        return synchronise_batch_norm(model)

    def revert(self, model: nn.Module) -> nn.Module:
        return model


def backend(cuda: bool) -> str:
    """Return the backend of a process group.

    Objects, such as whether a checkpoint is due, are broadcast over the CPU with gloo: over NCCL each would wait for
    all that the GPU has to do.
    """
    return "cpu:gloo,cuda:nccl" if cuda else "gloo"


def _trainer(
    run: Run,
    execution: Execution,
    place: Place,
    callbacks: Sequence[lightning.Callback],
    loggers: Sequence[Logger],
) -> lightning.Trainer:
    config = run.config
    cuda = execution.accelerator == "cuda"
    # The launcher starts the processes of a run, whatever cluster they are on.
    plugins: list[Any] = [LightningEnvironment()]
    if execution.devices > 1 and config.trainer.sync_batchnorm:
        plugins.append(SynchroniseBatchNorm())
    # This debugging aid of deterministic mode would write all new memory twice.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    return lightning.Trainer(
        accelerator="gpu" if cuda else "cpu",
        devices=list(place.device_indices) if cuda else execution.devices // place.nodes,
        num_nodes=place.nodes,
        strategy=DDPStrategy(process_group_backend=backend(cuda)) if execution.devices > 1 else "auto",
        plugins=plugins,
        precision=use_precision(config.trainer.precision),
        max_epochs=config.trainer.epochs,
        accumulate_grad_batches=config.trainer.accumulate,
        gradient_clip_val=config.optim.clip_norm,
        deterministic="warn" if config.trainer.deterministic else False,
        callbacks=list(callbacks),
        logger=list(loggers),
        log_every_n_steps=config.trainer.log_every_n_steps,
        default_root_dir=run.directory,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _summarise(rows: list[dict[str, Any]], module: LitNetwork, tested_weights: str) -> dict[str, float]:
    """Return the metrics of training and validation, of the weights that are tested, and the best ones."""
    evaluations = [row for row in rows if row["kind"] == "evaluation"]
    if not evaluations:
        return {}
    task = module.task
    primary_metric = f"val_{task.primary_metric}"
    valid = [row for row in evaluations if math.isfinite(row[primary_metric])]
    best = METRICS[task.primary_metric].best(valid or evaluations, lambda row: row[primary_metric])
    row = best if tested_weights == "best" else evaluations[-1]
    return {
        **{column: row[column] for column in (*task.training_columns, *module.validation_columns)},
        f"best_{primary_metric}": best[primary_metric],
        "best_val_step": best["step"],
        "steps": rows[-1]["step"],
    }
