"""What an image becomes depends on (seed, epoch, sample) and on nothing else."""

import random

import numpy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from litmus import datamodules
from litmus.datamodules.augmentation import RECIPES
from litmus.datamodules.batches.image_data import Batch, ImageDataModule
from litmus.datamodules.batches.shard import Shard

recipes = st.sampled_from(sorted(RECIPES))
mixes = st.sampled_from(["none", "mixup", "cutmix"])


def digits(**options: object) -> ImageDataModule:
    return datamodules.build("digits", **{"batch_size": 100, **options})


def by_sample(batches: list[Batch]) -> dict[int, tuple[torch.Tensor, torch.Tensor | None]]:
    """Return each sample's image and share."""
    found = {}
    for batch in batches:
        shares = [None] * len(batch.images) if batch.first_share is None else batch.first_share
        for sample, image, share in zip(batch.sample.tolist(), batch.images, shares, strict=True):
            found[sample] = image, share
    return found


def assert_same(ours: dict, theirs: dict) -> None:
    assert ours.keys() == theirs.keys()
    for sample, (image, share) in ours.items():
        assert torch.equal(image, theirs[sample][0])
        assert share is None or torch.equal(share, theirs[sample][1])


@settings(max_examples=15)
@given(recipe=recipes, mix=mixes, seed=st.integers(0, 2**31), epoch=st.integers(0, 99), size=st.integers(1, 700))
def test_batch_size_changes_no_image(recipe: str, mix: str, seed: int, epoch: int, size: int) -> None:
    options = {"augment": recipe, "mix": mix, "seed": seed, "drop_last": False, "train_fraction": 0.2}
    reference = by_sample(list(digits(**options).train_epoch(epoch)))
    assert len(reference) == 259
    assert_same(by_sample(list(digits(**options, batch_size=size).train_epoch(epoch))), reference)


@settings(max_examples=15)
@given(recipes, mixes, st.integers(0, 2**31), st.integers(1, 8), st.integers(24, 300), st.booleans(), st.integers(1, 3))
def test_devices_and_micro_batches_divide_the_batches_of_one_device(
    recipe: str, mix: str, seed: int, world: int, size: int, drop_last: bool, count: int
) -> None:
    datamodule = digits(augment=recipe, mix=mix, seed=seed, batch_size=size, drop_last=drop_last, train_fraction=0.3)
    whole = list(datamodule.train_epoch(1))
    shards = [list(datamodule.train_epoch(1, Shard(rank, world), count)) for rank in range(world)]
    assert len(whole) == datamodule.steps_per_epoch
    for step, batch in enumerate(whole):
        parts = [part for shard in shards for part in shard[step * count : (step + 1) * count]]
        for name in ("images", "labels", "sample", *(() if mix == "none" else ("second_labels", "first_share"))):
            assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(batch, name)), name
        assert {part.global_size for part in parts} == {len(batch.images)}


@settings(max_examples=6)
@given(recipe=recipes.filter(lambda name: name != "none"), epoch=st.integers(0, 50))
def test_epochs_and_seeds_differ_and_repeat(recipe: str, epoch: int) -> None:
    module = digits(augment=recipe)
    first = by_sample(list(module.train_epoch(epoch)))
    # After an interruption, another process asks for the epoch without having seen those before.
    assert_same(by_sample(list(digits(augment=recipe).train_epoch(epoch))), first)
    for other in (module.train_epoch(epoch + 1), digits(augment=recipe, seed=1).train_epoch(epoch)):
        seen = by_sample(list(other))
        both = first.keys() & seen.keys()
        assert both
        assert not all(torch.equal(first[sample][0], seen[sample][0]) for sample in both)


def test_global_generators_are_left_alone() -> None:
    states = torch.get_rng_state(), random.getstate(), numpy.random.get_state()[1].copy()
    for recipe in RECIPES:
        module = digits(augment=recipe, mix="cutmix", mix_alpha=0.3)
        next(module.train_epoch(0))
        next(iter(module.val_dataloader()))
    datamodules.build("shapes", train_images=300)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert numpy.array_equal(numpy.random.get_state()[1], states[2])


def test_evaluation_is_the_same_under_every_recipe() -> None:
    plain = torch.cat([batch.images for batch in digits().val_dataloader()])
    for recipe in RECIPES:
        module = digits(augment=recipe, mix="mixup")
        assert torch.equal(torch.cat([batch.images for batch in module.val_dataloader()]), plain)


def test_no_test_image_is_trained_on_and_none_of_validation() -> None:
    module, same, other = (
        digits(drop_last=False, seed=seed, split_seed=split) for seed, split in ((0, 4), (9, 4), (0, 5))
    )
    assert torch.equal(module.val_indices, same.val_indices)
    assert not torch.equal(module.val_indices, other.val_indices)
    trained = torch.cat([batch.sample for batch in module.train_epoch(0)])
    validated = torch.cat([batch.sample for batch in module.val_dataloader()])
    assert sorted(trained.tolist() + validated.tolist()) == list(range(1437))
    assert sum(len(batch.images) for batch in module.test_dataloader()) == 360


def test_pixels_are_normalised_by_the_training_split() -> None:
    module = digits(batch_size=1293)
    (batch,) = module.train_epoch(0)
    assert batch.images.mean().abs() < 1e-4
    assert (batch.images.std() - 1).abs() < 1e-3
    centred = digits(batch_size=1293, centring="pixel")
    (batch,) = centred.train_epoch(0)
    assert batch.images.mean(0).abs().max() < 1e-4
    images = centred.arrays.train_images[centred.train_indices].double()
    assert torch.allclose(centred.normalise.shift.double() * -centred.std, images.mean(0)[None], atol=1e-3)
    (undivided,) = digits(batch_size=1293, centring="pixel_mean").train_epoch(0)
    assert torch.allclose(undivided.images * 255, batch.images * centred.std.item(), atol=1e-3)
    stored = centred.arrays.train_images[batch.sample].float()
    (unit,), (raw,) = (digits(batch_size=1293, centring=centring).train_epoch(0) for centring in ("unit", "none"))
    assert torch.equal(raw.images, stored)
    assert torch.allclose(unit.images, stored / 255)
