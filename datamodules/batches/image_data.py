"""The LightningDataModule of every image dataset: whole batches by indexing, no per-sample Python."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor

from litmus.core.batch import Batch
from litmus.core.errors import UserError
from litmus.datamodules.augmentation.mixing import mix, partners
from litmus.datamodules.augmentation.principal_colours import principal_colours
from litmus.datamodules.augmentation.recipes import RECIPES, augment
from litmus.datamodules.augmentation.transform import Context
from litmus.datamodules.augmentation.window import centre_crop, several_crops
from litmus.datamodules.batches.config import DataConfig
from litmus.datamodules.batches.normalisation import PASS_BATCH, Normalisation
from litmus.datamodules.batches.order import (
    epoch_order,
    split_indices,
    stratified_subset,
    train_batches,
    training_steps,
)
from litmus.datamodules.batches.prefetch import to_device
from litmus.datamodules.batches.shard import Shard
from litmus.datamodules.loading.arrays import ImageArrays, Images, read
from litmus.datamodules.loading.registry import load

GROUP_BYTES = 2 << 20
"""Batches are augmented together up to this size: what a call costs is shared, and the cache still holds them."""


class ImageDataModule(lightning.LightningDataModule):
    """Training, validation and test batches of a dataset, resident as uint8 on the trainer's device where it fits.

    The validation split is cut from the training set; the test set is another. Pixels are normalised by the
    statistics of the training split. The order and augmentation of epoch e are a pure function of (`seed`, e), and a
    global batch holds the same samples on any number of devices. Where the trainer accumulates gradients over several
    batches, those are micro-batches of one global batch. `arrays` is the dataset itself, if it has no registered name.
    """

    def __init__(self, config: DataConfig, seed: int = 0, arrays: ImageArrays | None = None) -> None:
        super().__init__()
        self.config = config
        self.seed = seed
        self.arrays = arrays or load(config.name, config.root, tuple(config.options.items()))
        count = len(self.arrays.train_images)
        self.train_indices, self.val_indices = split_indices(count, config.validation, config.split_seed)
        if config.train_fraction < 1:
            labels, share = self.arrays.train_labels, config.train_fraction
            self.train_indices = stratified_subset(self.train_indices, labels, share, config.split_seed)
        if not len(self.val_indices) or self.steps_per_epoch == 0:
            raise UserError(
                f"data.batch_size {config.batch_size} and data.validation {config.validation} leave no batch of "
                f"{config.name}'s {count} training images"
                + (f", of which data.train_fraction takes {config.train_fraction}" if config.train_fraction < 1 else "")
            )
        if config.test_crops > 1 and tuple(self.arrays.test_images.shape[2:]) == self.image_shape[1:]:
            raise UserError(
                f"data.test_crops {config.test_crops}: the images of {config.name} are not larger than the network's "
                "input; store larger ones with data.stored_size (folders) or data.margin (shapes)"
            )
        self.normalise = Normalisation.of(self.arrays, self.train_indices, config.centring)
        wanted = any(transform.uses_colours for transform in RECIPES[config.augment])
        pixels = read(self.arrays.train_images, self.train_indices.split(PASS_BATCH))
        self.colours = principal_colours(pixels) if wanted else None
        self.device = torch.device("cpu")

    def __str__(self) -> str:
        channels, height, width = self.image_shape
        counts = f"{len(self.train_indices):,} training, {len(self.val_indices):,} validation"
        return (
            f"{self.config.name}: {counts} and {len(self.arrays.test_images):,} test images, "
            f"{channels}×{height}×{width}, {self.num_classes} classes; batches of {self.config.batch_size}, "
            f"augment {self.config.augment}"
        )

    @property
    def context(self) -> Context:
        """What augmentation may know of the data."""
        return Context(self.image_shape[1:], self.mean, self.colours)

    @property
    def image_counts(self) -> dict[str, int]:
        """How many images each split has, by its name: train, validation, test."""
        return {
            "train": len(self.train_indices),
            "validation": len(self.val_indices),
            "test": len(self.arrays.test_images),
        }

    @property
    def mean(self) -> Tensor:
        """Mean of each channel over the training split, float32 [C], 0 to 255."""
        return self.normalise.mean

    @property
    def std(self) -> Tensor:
        """Standard deviation of each channel over the training split, float32 [C]."""
        return self.normalise.std

    @property
    def num_classes(self) -> int:
        """Number of classes; where labels are numbers to predict, how many an image has."""
        labels = self.arrays.train_labels
        return labels[0].numel() if labels.is_floating_point() else len(self.arrays.classes)

    def majority_share(self, of_pixels: bool = False) -> float:
        """Return the share of the most frequent class among the test images, or among the pixels of their masks.

        The accuracy of always answering with it; 0 where labels are numbers to predict.
        """
        masks = self.arrays.test_masks if of_pixels else None
        labels = self.arrays.test_labels if masks is None else masks.flatten()
        return 0.0 if labels.is_floating_point() else int(labels.bincount().max()) / len(labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of what the network sees."""
        return self.arrays.image_shape

    @property
    def fingerprint(self) -> str:
        """Hash of the dataset's content."""
        return self.arrays.fingerprint

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of an epoch, the same on any number of devices."""
        return training_steps(len(self.train_indices), self.config.batch_size, self.config.drop_last)

    def setup(self, stage: str) -> None:
        """Move the images to the trainer's device, once; where they would fill half of what is free, the labels."""
        if self.trainer is not None:
            self.move_to(self.trainer.strategy.root_device)

    def move_to(self, device: torch.device) -> None:
        """Move the images and what normalises them to `device`."""
        # What is free, for other runs may share the device.
        fits = device.type != "cuda" or self.arrays.resident_bytes < torch.cuda.mem_get_info(device)[0] / 2
        self.arrays = self.arrays.to(device, images=fits)
        self.normalise = self.normalise.to(device)
        self.colours = None if self.colours is None else self.colours.to(device)
        self.device = device

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Return the batch as it is: it was made on the trainer's device."""
        return batch

    def train_dataloader(self) -> "BatchLoader":
        """Return the training batches of the trainer's current epoch."""
        parts = 1 if self.trainer is None else self.trainer.accumulate_grad_batches
        length = self.steps_per_epoch * parts

        def epoch() -> Iterator[Batch]:
            return self.train_epoch(self._epoch(), self._shard(), parts, self._batches_done() % length)

        return BatchLoader(length, epoch)

    def val_dataloader(self) -> "BatchLoader":
        """Return the validation batches."""
        return self.val_batches(self.val_indices)

    def val_batches(self, indices: Tensor) -> "BatchLoader":
        """Return batches of these images of the training set, as validation batches are made."""
        arrays = self.arrays
        return self._evaluation(arrays.train_images, arrays.train_labels, arrays.train_masks, indices)

    def batch_of(self, indices: Tensor) -> Batch:
        """Return these images of the training set as a batch, made as validation's are, whole on every device."""
        (there,) = self._on_device([indices])
        (pixels,) = self._read(self.arrays.train_images, [indices], [there])
        images = self.normalise(centre_crop(pixels, self.image_shape[1:]))
        return Batch(
            images,
            self.arrays.train_labels[there],
            len(there),
            there,
            masks=self._masks(self.arrays.train_masks, there),
        )

    def test_dataloader(self) -> "BatchLoader":
        """Return the test batches."""
        arrays = self.arrays
        indices = torch.arange(len(arrays.test_images))
        crops = self.config.test_crops
        return self._evaluation(arrays.test_images, arrays.test_labels, arrays.test_masks, indices, crops)

    def fit_batches(self, limit: int) -> "BatchLoader":
        """Return batches of at most `limit` training images, evenly spaced, as they are: in order, not augmented."""
        arrays, count = self.arrays, len(self.train_indices)
        chosen = torch.arange(min(limit, count)) * count // min(limit, count)
        indices = self.train_indices[chosen]
        return self._evaluation(arrays.train_images, arrays.train_labels, arrays.train_masks, indices)

    def train_epoch(self, epoch: int, shard: Shard | None = None, parts: int = 1, start: int = 0) -> Iterator[Batch]:
        """Yield one device's shard of the batches of `epoch`, each in `parts` micro-batches, from the `start`-th on."""
        shard = shard or Shard()
        order_of = epoch if self.config.reshuffle else 0
        order = self.train_indices[epoch_order(len(self.train_indices), self.seed, order_of)]
        global_batches = train_batches(order, self.config.batch_size, self.config.drop_last)
        shares = [part for batch in global_batches for part in shard.slice_of(batch).tensor_split(parts)]
        # Whole groups, as without an interruption: what is augmented together is so to the last bit.
        groups = [group for group in self._groups(len(shares)) if start < group.stop]
        samples = [torch.cat([shares[index] for index in group]) for group in groups]
        if self.config.mix == "none":
            wanted = samples
        else:
            wanted = [torch.cat((s, partners(s, self.train_indices, self.seed, epoch))) for s in samples]
        there = self._on_device(wanted)
        pixels_of = self._read(self.arrays.train_images, wanted, there)
        for group, indices, pixels in zip(groups, there, pixels_of, strict=True):
            lengths = [len(shares[index]) for index in group]
            batches = self._augmented(pixels, indices, epoch, lengths)
            for index, batch in zip(group, batches, strict=True):
                if index >= start:
                    yield batch._replace(global_size=len(global_batches[index // parts]))

    def _groups(self, steps: int) -> list[range]:
        channels, height, width = self.arrays.train_images.shape[1:]
        size = max(1, GROUP_BYTES // (self.config.batch_size * channels * height * width))
        return [range(start, min(start + size, steps)) for start in range(0, steps, size)]

    def _augmented(self, pixels: Tensor, indices: Tensor, epoch: int, lengths: Sequence[int]) -> Iterator[Batch]:
        """Yield the batches of one group; with mixing, `indices` are the samples and then as many partners."""
        recipe, seed, arrays = self.config.augment, self.seed, self.arrays
        context = self.context
        count = sum(lengths)
        sample = indices[:count]
        # The pixels of a mixed image are of two images: it has no mask.
        masks = None if self.config.mix != "none" else arrays.train_masks
        masks = None if masks is None else masks[sample]
        images, masks = augment(pixels, indices, recipe, seed, epoch, context, masks)
        labels = arrays.train_labels[indices]
        start = 0
        for length in lengths:
            first, second = slice(start, start + length), slice(count + start, count + start + length)
            start += length
            batch = Batch(self.normalise(images[first]), labels[first], length, sample[first])
            if masks is not None:
                batch = batch._replace(masks=masks[first, 0].long())
            if self.config.mix != "none":
                mode, alpha = self.config.mix, self.config.mix_alpha
                partners = self.normalise(images[second])
                mixed, share = mix(mode, alpha, batch.images, partners, sample[first], seed, epoch)
                batch = batch._replace(images=mixed, second_labels=labels[second], first_share=share)
            yield batch

    def _evaluation(
        self, images: Images, labels: Tensor, masks: Tensor | None, indices: Tensor, crops: int = 1
    ) -> "BatchLoader":
        batches = self._shard().whole_batches(list(indices.split(self.config.eval_batch_size)))

        def epoch() -> Iterator[Batch]:
            there = self._on_device(batches)
            for sample, pixels in zip(there, self._read(images, batches, there), strict=True):
                parts = several_crops(pixels, self.image_shape[1:], crops)
                seen = [self.normalise(part) for part in parts]
                inputs = seen[0] if crops == 1 else torch.stack(seen, 1)
                yield Batch(inputs, labels[sample], len(sample), sample, masks=self._masks(masks, sample))

        return BatchLoader(len(batches), epoch)

    def _masks(self, masks: Tensor | None, sample: Tensor) -> Tensor | None:
        """Return the masks of these images, as their pixels are cropped, int64 [N, H, W]; None without masks."""
        return None if masks is None else centre_crop(masks[sample], self.image_shape[1:])[:, 0].long()

    def _on_device(self, batches: Sequence[Tensor]) -> Sequence[Tensor]:
        """Return the indices of all batches on the device, in one copy: each would wait for what is being computed."""
        if self.device.type == "cpu":
            return batches
        return torch.cat(list(batches)).to(self.device).split([len(batch) for batch in batches])

    def _read(self, images: Images, batches: Sequence[Tensor], there: Sequence[Tensor]) -> Iterator[Tensor]:
        resident = isinstance(images, Tensor) and images.device.type != "cpu"
        return to_device(read(images, there if resident else batches), self.device)

    def _epoch(self) -> int:
        if self.trainer is None:
            return 0
        # Not current_epoch: in the first epoch after a resume it still is the epoch before when batches are asked for.
        progress: Any = self.trainer.fit_loop.epoch_progress.current
        return int(progress.processed)

    def _batches_done(self) -> int:
        """Return the batches of the current epoch that were trained on before an interruption, 0 where it is new."""
        if self.trainer is None:
            return 0
        progress: Any = self.trainer.fit_loop.epoch_loop.batch_progress.current
        return int(progress.ready)

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


def build(name: str | ImageArrays, *, seed: int = 0, **options: Any) -> ImageDataModule:
    """Return the DataModule of a dataset, by its name or as `datamodules.dataset` returns it.

    `options` are the fields of `DataConfig` and the dataset's options. Raises `UserError` for a wrong name or value, or
    if the files are absent and cannot be downloaded.
    """
    if isinstance(name, ImageArrays):
        return ImageDataModule(DataConfig(name="arrays", **options), seed, name)
    if not isinstance(name, str):
        raise UserError(f"expected a dataset's name or datamodules.dataset(...), got {type(name).__name__}")
    names = {field.name for field in dataclasses.fields(DataConfig)} - {"options", "name"}
    fields = {key: value for key, value in options.items() if key in names}
    rest = {key: value for key, value in options.items() if key not in names}
    load.cache_clear()  # the files may have changed since they were read, and a user's function may return other data
    return ImageDataModule(DataConfig(name=name, **fields, options=rest), seed)
