"""A run's trained network, from its record."""

from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from datamodules.batches.image_data import ImageDataModule
from datamodules.batches.image_input import ImageInput
from lit_archs.building.registry import ARCHITECTURES, construct
from lit_archs.learning.loss import defines_loss
from litmus.errors import UserError
from litmus.settings import flatten
from studies.design.study_files import import_source
from studies.inference.image_model import ImageModel
from studies.records.find_run import find_runs
from studies.records.run_record import FINAL_STATES, RunRecord, own_source, rerun_command
from studies.records.storage import CorruptRecord
from studies.training.config import RunConfig, resolve
from studies.training.network import network_options

Which = Literal["last", "best"]


def load_model(run: str | Path, *, out: str | Path = "runs", weights: Which | None = None) -> ImageModel:
    """Return the trained network of a run as an `nn.Module` in eval mode that takes images as they are.

    `run` is a run's identity, its first digits, or its folder; `out` is the folder of records. `weights` are the last
    ones or the best by validation; by default those that the test set was read with, else what the run kept. Raises
    `UserError` where there is no such run, where it kept no weights, and where its network is not to be found or is
    another by now.
    """
    return load_record(record_with_weights(str(run), Path(out)), weights)


def record_with_weights(run: str, out: Path) -> RunRecord:
    """Return the record of `run`: of several studies that hold it, one that has weights where there is one."""
    records = find_runs(run, out)
    return next((each for each in records if each.checkpoint.exists() or each.best_checkpoint.exists()), records[0])


def load_record(record: RunRecord, weights: Which | None = None) -> ImageModel:
    """Return the trained network of a record, see `load_model`."""
    try:
        status, settings, summary = record.read_status(), record.read_config(), record.read_summary()
        which = _which(record, weights, summary)
        content = _content(record.checkpoint if which == "last" else record.best_checkpoint)
    except CorruptRecord as error:
        raise UserError(f"{error}; running its study again sets it aside and repeats it") from None
    _import_source(record, own_source(record), str(settings["model"]["name"]))
    config = resolve(flatten(settings))
    input = ImageInput.from_dict(content["input"]) if "input" in content else _input_of_data(config, summary)
    options = network_options(config, len(input.classes), input.shape)
    network = construct(config.model["name"], **options)
    _load(network, content["state_dict"], f"run {record.run_id}: {config.model['name']}")
    task = ARCHITECTURES[config.model["name"]].task
    step = content.get("global_step", summary["metrics"].get("steps"))
    title = f"run {record.run_id}: {config.model['name']}, {status.get('arm')}, seed {config.seed}"
    probabilistic = config.optim.loss == "cross_entropy" and not defines_loss(network)
    return ImageModel(network, input, task, f"{title}; {which} weights, step {step}", probabilistic).eval()


def _which(record: RunRecord, asked: Which | None, summary: dict[str, Any]) -> Which:
    """Return which weights are to be read. Raises `UserError` with the setting that keeps them where there are none."""
    state, run = record.state(), f"run {record.run_id}"
    if state not in FINAL_STATES:
        raise UserError(f"{run} has no result yet, it is {state}: the command that started it goes on with it")
    # What a diverged run has of last weights are those of some epoch before.
    files: dict[Which, Path] = {"last": record.checkpoint, "best": record.best_checkpoint}
    kept = [which for which, file in files.items() if file.exists() and not (which == "last" and state == "diverged")]
    again = f"{rerun_command(record)} --keep"
    if not kept and state == "diverged":
        step = summary.get("diverged_at_step")
        raise UserError(
            f"{run} diverged at step {step} and left no weights; those of the best evaluation before: {again} best"
        )
    if not kept:
        raise UserError(f"{run} kept no weights (trainer.keep {record.kept()}); to have them: {again} best")
    if asked is not None:
        if asked not in kept:
            raise UserError(f"{run} kept its {kept[0]} weights and not its {asked} ones; to have them: {again} both")
        return asked
    tested = record.read_config()["trainer"].get("test", "last")
    return tested if tested in kept else kept[0]


def _content(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        return {**content, "state_dict": dict(content["state_dict"])}
    except Exception as error:  # torch.load raises a dozen types for a damaged file
        raise CorruptRecord(f"{path}: {' '.join(str(error).split())[:120]}") from None


def _import_source(record: RunRecord, source: str | None, architecture: str) -> None:
    """Make known what the run's study registers, and check that its network is."""
    if source is not None and Path(source).is_file():
        import_source(source)
    try:
        ARCHITECTURES[architecture]
    except UserError as error:
        if source is None:
            raise UserError(f"run {record.run_id}: {error}") from None
        raise UserError(
            f"run {record.run_id}: its network {architecture!r} was registered by {source}, which "
            f"{'no longer does' if Path(source).is_file() else 'is gone'}; put the file back, or import it first"
        ) from None


def _input_of_data(config: RunConfig, summary: dict[str, Any]) -> ImageInput:
    """Return the input of a run of an earlier version, whose checkpoint does not say, from its data themselves."""
    data = ImageDataModule(config.data)
    if data.fingerprint != summary["data"]["fingerprint"]:
        raise UserError(f"data.name {config.data.name} is not the data that the run was trained on")
    return ImageInput.of(data)


def _load(network: nn.Module, state: dict[str, Tensor], title: str) -> None:
    own = {name.removeprefix("network."): value for name, value in state.items() if name.startswith("network.")}
    expected = network.state_dict()
    lacking, more = expected.keys() - own.keys(), own.keys() - expected.keys()
    other = [name for name in expected.keys() & own.keys() if expected[name].shape != own[name].shape]
    if lacking or more or other:
        names = sorted(lacking | more | set(other))
        raise UserError(
            f"{title} is another network by now than when it was trained: {len(names)} of its parameters and buffers "
            f"differ, e.g. {names[0]}"
        )
    network.load_state_dict(own)
