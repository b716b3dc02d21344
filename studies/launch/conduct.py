"""Conduct a study: expand it, check it before anything runs, launch what is missing, keep what was asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from datamodules.batches.image_data import ImageDataModule
from lit_archs.building.registry import ARCHITECTURES, construct
from litmus.errors import UserError, require_at_least, require_choice, require_positive
from studies.design.study import Plan
from studies.design.study_files import being_imported
from studies.launch.launcher import Launcher, Outcome
from studies.launch.progress import Progress
from studies.probes.base.probe import PROBES
from studies.records.run_record import storage_errors
from studies.records.study_record import Manifest, ManifestArm, write_manifest
from studies.training import tracking
from studies.training.config import RunConfig
from studies.training.environment import available_cpus
from studies.training.identity import run_id
from studies.training.run import Execution, Place, Task
from studies.training.runner import network_options

ACCELERATORS = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class LaunchConfig:
    """How a study's runs are executed; nothing here changes what is measured.

    Args:
        out: folder of the records.
        workers: runs at a time; by default one a CPU core, or one a GPU (times per_device).
        devices: processes that train one run together, each on its own GPU or share of the cores.
        per_device: runs at a time on each GPU.
        accelerator: auto, cpu or cuda.
        wandb: online, offline or disabled; by default what WANDB_MODE says, else online with a configured key, else
            disabled.
        checkpoint_seconds: least time between two checkpoints of a run, which are written at the ends of epochs.
    """

    out: str = "runs"
    workers: int | None = None
    devices: int = 1
    per_device: int = 1
    accelerator: str = "auto"
    wandb: str | None = None
    checkpoint_seconds: float = 10.0

    def __post_init__(self) -> None:
        require_positive(devices=self.devices, per_device=self.per_device)
        require_at_least(0, checkpoint_seconds=self.checkpoint_seconds)
        require_choice("accelerator", self.accelerator, ACCELERATORS)
        if self.workers is not None:
            require_positive(workers=self.workers)


@dataclass(frozen=True)
class Conducted:
    """A study that was conducted: its tasks and how they ended."""

    directory: Path
    tasks: list[Task]
    outcome: Outcome


def conduct(plan: Plan, launch: LaunchConfig, settings: Mapping[str, Any], source: Path | None = None) -> Conducted:
    """Run what is missing of `plan` under `launch.out`, and record what the study consists of.

    `settings` is what the user asked for on top of the study, kept for the report; `source` is the file of a study
    that lies outside the package, which every worker runs before it builds anything. Raises `UserError` before any run
    starts where one could not: a network that cannot be built, a folder that cannot be written, a GPU that is not
    there.
    """
    importing = being_imported()
    if importing is not None:
        raise UserError(
            f"{importing} runs a study whenever it is imported; that belongs under if __name__ == '__main__'"
        )
    execution, places = execution_of(launch)
    directory = Path(launch.out) / plan.study.name
    fingerprints = {arm.label: _check(arm.config, launch.devices) for arm in plan.arms}
    tasks = []
    for arm, seed in plan.runs():
        config = arm.config.with_seed(seed)
        identity = run_id(config, fingerprints[arm.label], launch.devices)
        tasks.append(Task(identity, plan.study.name, arm.label, arm.levels, config, directory / identity, source))
    with storage_errors(directory):
        directory.mkdir(parents=True, exist_ok=True)
    write_manifest(directory, manifest_of(plan, tasks, settings, source))
    progress = Progress(len(tasks), len(places))
    outcome = Launcher(execution, places, progress).run(tasks)
    return Conducted(directory, tasks, outcome)


def execution_of(launch: LaunchConfig) -> tuple[Execution, list[tuple[Place, ...]]]:
    """Return how runs are executed on this machine, and the processes of each concurrent run.

    Raises `UserError` for a GPU that is not there.
    """
    accelerator = _accelerator(launch)
    places = _places(launch, accelerator)
    threads = 1 if accelerator == "cuda" else max(1, available_cpus() // (len(places) * launch.devices))
    wandb = tracking.mode_from_environment(launch.wandb)
    return Execution(accelerator, launch.devices, threads, wandb, launch.checkpoint_seconds), places


def manifest_of(plan: Plan, tasks: Sequence[Task], settings: Mapping[str, Any], source: Path | None = None) -> Manifest:
    """Return what `plan` consists of, its runs by arm and seed."""
    runs = {(task.arm, task.config.seed): task.run_id for task in tasks}
    return Manifest(
        study=plan.study.name,
        question=plan.study.question,
        preset=plan.preset,
        factors=tuple(sorted({key for arm in plan.arms for key in arm.levels})),
        settings=dict(settings),
        protocol=plan.study.protocol,
        arms=tuple(
            ManifestArm(arm.label, arm.levels, arm.is_baseline, {seed: runs[arm.label, seed] for seed in plan.seeds})
            for arm in plan.arms
        ),
        source=None if source is None else str(source),
    )


def _check(config: RunConfig, devices: int) -> str:
    """Return the fingerprint of the run's data, having built its data module and, without memory, its network."""
    datamodule = ImageDataModule(config.data)
    segments = ARCHITECTURES[config.model["name"]].task == "segmentation"
    for probe in config.trainer.probes:
        if segments and not PROBES[probe].for_segmentation:
            raise UserError(
                f"trainer.probes {probe} measures classifiers, and model.name {config.model['name']} segments"
            )
    if segments and datamodule.arrays.train_masks is None:
        raise UserError(
            f"model.name {config.model['name']} segments images, and data.name {config.data.name} has no masks; "
            "shapes has"
        )
    if config.trainer.validations_per_epoch > datamodule.steps_per_epoch:
        raise UserError(
            f"trainer.validations_per_epoch {config.trainer.validations_per_epoch} exceeds the "
            f"{datamodule.steps_per_epoch} steps of an epoch"
        )
    if config.data.batch_size < devices:
        raise UserError(f"data.batch_size {config.data.batch_size} is less than the {devices} devices that share it")
    last = len(datamodule.train_indices) % config.data.batch_size
    if not config.data.drop_last and 0 < last < devices:
        raise UserError(
            f"the last batch of an epoch has {last} samples for {devices} devices; drop it with --data.drop_last true, "
            "or choose another data.batch_size"
        )
    with torch.device("meta"):
        options = network_options(config, datamodule.num_classes, datamodule.image_shape)
        construct(config.model["name"], **options)
    return datamodule.fingerprint


def _accelerator(launch: LaunchConfig) -> str:
    available = torch.cuda.device_count()
    if launch.accelerator == "cuda" and launch.devices > available:
        raise UserError(f"--devices {launch.devices} on cuda: this machine has {available} GPUs")
    if launch.accelerator != "auto":
        return launch.accelerator
    return "cuda" if available >= launch.devices else "cpu"


def _places(launch: LaunchConfig, accelerator: str) -> list[tuple[Place, ...]]:
    """Return the processes of each concurrent run: a run a core, or `per_device` runs a group of GPUs."""
    if accelerator == "cuda":
        groups = torch.cuda.device_count() // launch.devices
        slots = [
            tuple(range(group * launch.devices, (group + 1) * launch.devices))
            for group in range(groups)
            for _ in range(launch.per_device)
        ]
        if launch.workers is not None:
            slots = [slots[index % len(slots)] for index in range(launch.workers)]
    else:
        count = launch.workers or max(1, available_cpus() // launch.devices)
        slots = [tuple(range(launch.devices))] * count
    return [tuple(Place(rank, devices) for rank in range(launch.devices)) for devices in slots]
