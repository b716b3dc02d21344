"""What is checked before any run of a study starts: a run that could not be built would fail hours later."""

from datamodules.batches.image_data import ImageDataModule
from lit_archs.building.registry import ARCHITECTURES
from litmus.errors import UserError
from studies.launch.first_step import try_step
from studies.probes.base.probe import PROBES
from studies.training.config import RunConfig


def check(config: RunConfig, devices: int) -> str:
    """Return the fingerprint of the run's data, having built its data module and taken a step of its network.

    Raises `UserError` where the run could not be executed on `devices` devices.
    """
    datamodule = ImageDataModule(config.data)
    _check_task(config, datamodule)
    if config.trainer.validations_per_epoch > datamodule.steps_per_epoch:
        raise UserError(
            f"trainer.validations_per_epoch {config.trainer.validations_per_epoch} exceeds the "
            f"{datamodule.steps_per_epoch} steps of an epoch"
        )
    _check_shares(config, datamodule, devices)
    try_step(config, datamodule, devices)
    return datamodule.fingerprint


def _check_task(config: RunConfig, datamodule: ImageDataModule) -> None:
    task = ARCHITECTURES[config.model["name"]].task
    for probe in config.trainer.probes:
        if task != "classification" and not PROBES[probe].for_segmentation:
            raise UserError(
                f"trainer.probes {probe} measures classifiers, and model.name {config.model['name']} is for {task}"
            )
    if task == "segmentation" and datamodule.arrays.train_masks is None:
        raise UserError(
            f"model.name {config.model['name']} segments images, and data.name {config.data.name} has no masks; "
            "shapes and mask_folder have"
        )


def _check_shares(config: RunConfig, datamodule: ImageDataModule, devices: int) -> None:
    parts, batch = config.trainer.accumulate, config.data.batch_size
    shares, shared_by = devices * parts, f"the {devices} devices"
    if parts > 1:
        shared_by = f"{parts} parts" if devices == 1 else f"{parts} parts on each of {devices} devices"
    if batch < shares:
        raise UserError(f"data.batch_size {batch} is less than {shared_by} that share it")
    last = len(datamodule.train_indices) % batch
    if not config.data.drop_last and 0 < last < shares:
        raise UserError(
            f"the last batch of an epoch has {last} samples for {shared_by}; drop it with --data.drop_last true, "
            "or choose another data.batch_size"
        )
