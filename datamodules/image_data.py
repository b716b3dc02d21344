"""The LightningDataModule of datasets that fit in memory: whole batches by indexing, no per-sample Python."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import lightning.pytorch as lightning
import torch
from torch import Tensor

from datamodules.augmentation import RECIPES, augment
from datamodules.order import Shard, epoch_order, split_indices, train_batches
from datamodules.registry import load
from litmus.errors import UserError, require_choice, require_fraction, require_positive


@dataclass(frozen=True)
class DataConfig:
    """The dataset, how it is split, batched and augmented.

    Args:
        name: dataset, as `litmus list` names it.
        root: folder of the dataset's files; it is no part of a run's identity, the data's fingerprint is.
        batch_size: samples of a training step over all devices together.
        eval_batch_size: samples of an evaluation step.
        augment: augmentation recipe of the training images.
        validation: fraction of the training set that is held out for validation.
        split_seed: seed of that split, the same for every run of a study.
        drop_last: whether an epoch's last, shorter batch is dropped.
    """

    name: str = "digits"
    root: str = "data"
    batch_size: int = 128
    eval_batch_size: int = 500
    augment: str = "none"
    validation: float = 0.1
    split_seed: int = 0
    drop_last: bool = True

    def __post_init__(self) -> None:
        require_positive(batch_size=self.batch_size, eval_batch_size=self.eval_batch_size)
        require_positive(validation=self.validation)
        require_fraction(validation=self.validation)
        require_choice("augment", self.augment, RECIPES)


class Batch(NamedTuple):
    """Float images [N, C, H, W], labels [N], the samples' numbers in the training set [N], and the global batch's
    size."""

    images: Tensor
    labels: Tensor
    sample: Tensor
    global_size: int


class ImageDataModule(lightning.LightningDataModule):
    """Training, validation and test batches of a dataset in memory, resident as uint8 on the trainer's device.

    The validation split is cut from the training set; the test set is another. Pixels are normalised by the mean and
    standard deviation of the training split, channel by channel. The order and augmentation of epoch e are a pure
    function of (`seed`, e), and a global batch holds the same samples on any number of devices.
    """

    def __init__(self, config: DataConfig, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.seed = seed
        self.arrays = load(config.name, config.root)
        self.train_indices, self.val_indices = split_indices(
            len(self.arrays.train_images), config.validation, config.split_seed
        )
        if not len(self.val_indices) or self.steps_per_epoch == 0:
            raise UserError(
                f"data.batch_size {config.batch_size} and data.validation {config.validation} leave no batch of "
                f"{config.name}'s {len(self.arrays.train_images)} training images"
            )
        self.mean, self.std = _channel_statistics(self.arrays.train_images[self.train_indices])

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.arrays.classes)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return self.arrays.image_shape

    @property
    def fingerprint(self) -> str:
        """Hash of the dataset's content."""
        return self.arrays.fingerprint

    @property
    def steps_per_epoch(self) -> int:
        """Training steps of an epoch, the same on any number of devices."""
        full, rest = divmod(len(self.train_indices), self.config.batch_size)
        return full if self.config.drop_last or not rest else full + 1

    def setup(self, stage: str) -> None:
        """Move the images to the trainer's device, once."""
        if self.trainer is not None:
            self.arrays = self.arrays.to(self.trainer.strategy.root_device)

    def train_dataloader(self) -> "BatchLoader":
        """Return the training batches of the trainer's current epoch."""
        return BatchLoader(self.steps_per_epoch, lambda: self.train_epoch(self._epoch(), self._shard()))

    def val_dataloader(self) -> "BatchLoader":
        """Return the validation batches."""
        return self._evaluation(self.arrays.train_images, self.arrays.train_labels, self.val_indices)

    def test_dataloader(self) -> "BatchLoader":
        """Return the test batches."""
        indices = torch.arange(len(self.arrays.test_images))
        return self._evaluation(self.arrays.test_images, self.arrays.test_labels, indices)

    def train_epoch(self, epoch: int, shard: Shard | None = None) -> Iterator[Batch]:
        """Yield the batches of `epoch`, the share of one device of each."""
        shard = shard or Shard()
        order = self.train_indices[epoch_order(len(self.train_indices), self.seed, epoch)]
        for global_batch in train_batches(order, self.config.batch_size, self.config.drop_last):
            sample = shard.share(global_batch).to(self.arrays.train_images.device)
            images = augment(self.arrays.train_images[sample], sample, self.config.augment, self.seed, epoch)
            yield Batch(self.normalise(images), self.arrays.train_labels[sample], sample, len(global_batch))

    def normalise(self, images: Tensor) -> Tensor:
        """Return float images with zero mean and unit variance over the training split, channel by channel."""
        scale = (1.0 / self.std).to(images.device).view(1, -1, 1, 1)
        shift = (-self.mean / self.std).to(images.device).view(1, -1, 1, 1)
        return images.float().mul_(scale).add_(shift)

    def _evaluation(self, images: Tensor, labels: Tensor, indices: Tensor) -> "BatchLoader":
        batches = self._shard().whole_batches(list(indices.split(self.config.eval_batch_size)))

        def epoch() -> Iterator[Batch]:
            for batch in batches:
                sample = batch.to(images.device)
                yield Batch(self.normalise(images[sample]), labels[sample], sample, len(sample))

        return BatchLoader(len(batches), epoch)

    def _epoch(self) -> int:
        if self.trainer is None:
            return 0
        # Not current_epoch: in the first epoch after a resume it still is the epoch before when batches are asked for.
        progress: Any = self.trainer.fit_loop.epoch_progress.current
        return int(progress.processed)

    def _shard(self) -> Shard:
        return Shard() if self.trainer is None else Shard(self.trainer.global_rank, self.trainer.world_size)


class BatchLoader:
    """An iterable of batches with a length: what the Trainer needs of a data loader."""

    def __init__(self, length: int, epoch: Callable[[], Iterator[Batch]]) -> None:
        self._length = length
        self._epoch = epoch

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Batch]:
        return self._epoch()


def build(name: str, *, seed: int = 0, **options: Any) -> ImageDataModule:
    """Return the DataModule of dataset `name`; `options` are the fields of `DataConfig`.

    Raises `UserError` for a wrong name or value, and where the files are absent and cannot be downloaded.
    """
    return ImageDataModule(DataConfig(name=name, **options), seed)


def _channel_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    # By histogram: exact, and independent of the order in which a device would sum.
    values = torch.arange(256, dtype=torch.float64)
    counts = torch.stack([torch.bincount(channel.flatten(), minlength=256) for channel in images.unbind(1)]).double()
    total = counts.sum(1)
    mean = (counts * values).sum(1) / total
    variance = (counts * values.square()).sum(1) / total - mean.square()
    return mean.float(), variance.clamp(min=1e-12).sqrt().float()
