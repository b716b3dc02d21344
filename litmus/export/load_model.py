"""A run's trained network, from its record."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from litmus.core.config_keys import flatten
from litmus.core.errors import UserError
from litmus.core.source import import_source, set_environment
from litmus.datamodules.augmentation.window import centre_crop
from litmus.datamodules.batches.image_input import ImageInput
from litmus.lit_archs.building.registry import ARCHITECTURES, construct
from litmus.lit_archs.learning.loss import defines_loss
from litmus.records.run_record import STATES_WITH_RESULT, RunRecord, find_runs
from litmus.records.storage import CorruptRecord
from litmus.records.user_code import rerun_command, source_of
from litmus.training.checkpoints import read_checkpoint
from litmus.training.config import resolve
from litmus.training.network import network_options

BACKGROUND = "background"
"""What a segmentation network's class 0 is called: a pixel of none of the data's classes."""


class Normalised(nn.Module):
    """A network with its normalisation inside, for images of the size that it sees.

    Takes uint8 images of 0 to 255, or float ones of 0 to 1, [N, C, H, W].
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, input: ImageInput) -> None:
        super().__init__()
        self.network = network
        self.binary = input.binary
        self.register_buffer("scale", input.scale.clone())
        self.register_buffer("shift", input.shift.clone())

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.float() if images.dtype == torch.uint8 else images.float() * 255.0
        if self.binary:
            pixels = torch.where(pixels >= 128, 255.0, 0.0)
        return self.network(pixels * self.scale + self.shift)


class ImageModel(nn.Module):
    """A run's network, given images as they are: normalisation is inside, and any size becomes the network's.

    Images are uint8 of 0 to 255 or float of 0 to 1, [N, C, H, W]. Those that do not have the size at which the data
    were stored are resized to it, bilinear with antialiasing, as the data module does: the shorter side and then the
    middle, or both sides where the data were stretched. Returns what the network does: logits [N, classes], or
    [N, classes, H, W] where it segments.

    Args:
        network: the trained network.
        input: how an image becomes what the network sees.
        task: what the network was trained for.
        title: which run and which weights it is.
        probabilistic: whether a softmax of the logits are probabilities: trained with hinge loss, squared error or
            a loss of the network's own, they are scores.
    """

    def __init__(
        self, network: nn.Module, input: ImageInput, task: str, title: str, probabilistic: bool = True
    ) -> None:
        super().__init__()
        self.normalised = Normalised(network, input)
        self.input = input
        self.task = task
        self.title = title
        self.probabilistic = probabilistic

    @property
    def network(self) -> nn.Module:
        """The network itself, which takes normalised images."""
        return self.normalised.network

    @property
    def name(self) -> str:
        """Which run it is of, and of which architecture."""
        return self.title.partition(",")[0]

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each output; a segmentation network's first is the background."""
        return (BACKGROUND, *self.input.classes) if self.task == "segmentation" else self.input.classes

    def forward(self, images: Tensor) -> Tensor:
        """Return the network's outputs. Raises `UserError` for images of another form."""
        _check(images, self.input.shape[0])
        resized = fitted(images, self.input.stored, self.input.resize)
        return self.normalised(centre_crop(resized, self.input.shape[1:]))


def resized_to(height: int, width: int, size: tuple[int, int], resize: str) -> tuple[int, int]:
    """Return the height and width to which an image is resized before the middle of `size` is cut out."""
    if (height, width) == size or resize == "stretch":
        return size
    if size[0] * width >= size[1] * height:
        return size[0], int(size[0] * width / height)
    return int(size[1] * height / width), size[1]


def fitted(images: Tensor, size: tuple[int, int], resize: str) -> Tensor:
    """Return images [N, C, *size], of the same kind: resized as `datamodules/image_files/decode.py` resizes files."""
    height, width = images.shape[2:]
    if (height, width) == size:
        return images
    target = resized_to(height, width, size, resize)
    floats = functional.interpolate(images.float(), target, mode="bilinear", antialias=True)
    resized = floats.round().clamp(0, 255).to(torch.uint8) if images.dtype == torch.uint8 else floats
    return centre_crop(resized, size)


def _check(images: Tensor, channels: int) -> None:
    kind = f"{str(images.dtype).removeprefix('torch.')} {list(images.shape)}"
    if images.dim() != 4 or images.shape[1] != channels:
        raise UserError(f"expected images [N, {channels}, height, width], got {kind}")
    if images.dtype == torch.uint8 or not images.numel():
        return
    if not images.is_floating_point():
        raise UserError(f"expected uint8 images of 0 to 255 or float ones of 0 to 1, got {kind}")
    low, high = images.aminmax()
    if low < 0 or high > 1:
        raise UserError(
            f"float images go from 0 to 1, got {low:.4g} to {high:.4g}; give pixels of 0 to 255 as uint8, and none "
            "that are normalised already"
        )


Which = Literal["last", "best"]


def load_model(run: str | Path, *, out: str | Path = "runs", weights: Which | None = None) -> ImageModel:
    """Return the trained network of a run as an `nn.Module` in eval mode that takes images as they are.

    `run` is a run's identity, its first characters, or its folder; `out` is the folder of records. `weights` are the
    last ones or the best by validation; by default those that the test set was read with, else what the run kept.
    Raises `UserError` where there is no such run, where it kept no weights, and where its network is not found or has
    changed.
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
        content = read_checkpoint(record.checkpoint if which == "last" else record.best_checkpoint)
    except CorruptRecord as error:
        raise UserError(f"{error}; running its study again sets it aside and repeats it") from None
    _import_source(record, source_of(record), settings)
    config = resolve(flatten(settings))
    input = ImageInput.from_dict(content["input"])
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
    if state not in STATES_WITH_RESULT:
        raise UserError(f"{run} has no result yet ({state}); the command that started it continues it")
    # What a diverged run has of last weights are those of some epoch before.
    files: dict[Which, Path] = {"last": record.checkpoint, "best": record.best_checkpoint}
    kept = [which for which, file in files.items() if file.exists() and not (which == "last" and state == "diverged")]
    again = f"{rerun_command(record)} --keep"
    if not kept and state == "diverged":
        step = summary.get("diverged_at_step")
        raise UserError(
            f"{run} diverged at step {step} and left no weights; to keep those of its best evaluation: {again} best"
        )
    if not kept:
        raise UserError(f"{run} kept no weights (trainer.keep {record.kept()}); to keep them: {again} best")
    if asked is not None:
        if asked not in kept:
            raise UserError(f"{run} kept its {kept[0]} weights and not its {asked} ones; to keep them: {again} both")
        return asked
    tested = record.read_config()["trainer"].get("test", "last")
    return tested if tested in kept else kept[0]


def _import_source(record: RunRecord, source: str | None, settings: Mapping[str, Any]) -> None:
    """Import the run's study, which registers its network. Raises `UserError` where the network is not registered."""
    if source is not None and Path(source).is_file():
        set_environment(Path(source), settings.get("env", {}))
        import_source(source)
    architecture = str(settings["model"]["name"])
    try:
        ARCHITECTURES[architecture]
    except UserError as error:
        if source is None:
            raise UserError(f"run {record.run_id}: {error}") from None
        raise UserError(
            f"run {record.run_id}: its network {architecture!r} was registered by {source}, which "
            f"{'no longer does' if Path(source).is_file() else 'is gone'}; put the file back, or import it first"
        ) from None


def _load(network: nn.Module, state: dict[str, Tensor], title: str) -> None:
    weights = {name.removeprefix("network."): value for name, value in state.items() if name.startswith("network.")}
    shapes, expected = ({name: value.shape for name, value in each.items()} for each in (weights, network.state_dict()))
    names = sorted(name for name, _ in shapes.items() ^ expected.items())
    if names:
        raise UserError(
            f"{title} has changed since it was trained: {len(set(names))} of its parameters and "
            f"buffers differ, e.g. {names[0]}"
        )
    network.load_state_dict(weights)
