"""Each transform agrees with torchvision's for the same drawn parameters, on real images; and draws are distributed
as they should be."""

import hashlib

import scipy.stats
import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as reference

from litmus import datamodules
from litmus.core.keyed_random import uniform
from litmus.datamodules.augmentation import RECIPES, augment, written_out
from litmus.datamodules.augmentation.colour import (
    EIGENVALUES,
    EIGENVECTORS,
    ColourJitter,
    Cutout,
    Lighting,
    PrincipalColours,
)
from litmus.datamodules.augmentation.geometry import Affine, Crop, HorizontalFlip, ResizedCrop
from litmus.datamodules.augmentation.principal_colours import principal_colours
from litmus.datamodules.augmentation.transform import Context
from litmus.datamodules.augmentation.window import several_crops


def draws_of(count: int, columns: int, key: int = 1) -> Tensor:
    return uniform(key, torch.arange(count), columns)


def context(images: Tensor, size: int | None = None) -> Context:
    side = size or images.shape[2]
    return Context((side, side), images.float().mean((0, 2, 3)), principal_colours([images]))


def difference(ours: Tensor, theirs: Tensor) -> Tensor:
    return (ours.int() - theirs.int()).abs()


def test_crop_agrees(photographs: Tensor) -> None:
    draws = draws_of(len(photographs), 2)
    padded = Crop(4)(photographs, draws, context(photographs))
    smaller = Crop(0)(photographs, draws, context(photographs, 50))
    for image, draw, one, other in zip(photographs, draws, padded, smaller, strict=True):
        top, left = int(draw[0] * 9), int(draw[1] * 9)
        assert torch.equal(one, reference.crop(reference.pad(image, [4] * 4), top, left, 64, 64))
        assert torch.equal(other, reference.crop(image, int(draw[0] * 15), int(draw[1] * 15), 50, 50))


def test_flip_agrees(photographs: Tensor) -> None:
    draws = draws_of(len(photographs), 1)
    ours = HorizontalFlip()(photographs, draws, context(photographs))
    for image, draw, result in zip(photographs, draws, ours, strict=True):
        assert torch.equal(result, reference.horizontal_flip(image) if draw < 0.5 else image)
    assert 0 < (draws < 0.5).sum() < len(draws)


def test_resized_crop_agrees(photographs: Tensor) -> None:
    transform = ResizedCrop()
    draws = draws_of(len(photographs), transform.draws)
    boxes = transform.boxes(draws, 64, 64)
    for size in (64, 40, 17):
        ours = transform(photographs, draws, context(photographs, size))
        for image, box, result in zip(photographs, boxes.tolist(), ours, strict=True):
            theirs = reference.resized_crop(image, *box, [size, size], antialias=True)
            assert difference(result, theirs).max() <= 1


def test_affine_agrees(photographs: Tensor) -> None:
    transform = Affine(degrees=30, shift=0.1, scale=(0.7, 1.3))
    draws = draws_of(len(photographs), 4)
    # torchvision shifts by whole pixels.
    whole = ((2 * draws[:, 1:3] - 1) * 6.4).round() / 6.4
    draws = torch.cat((draws[:, :1], (whole + 1) / 2, draws[:, 3:]), 1)
    angle, right, down, scale = transform.parameters(draws, 64, 64)
    ours = transform(photographs, draws, context(photographs))
    for index, image in enumerate(photographs):
        shift = [round(right[index].item()), round(down[index].item())]
        theirs = reference.affine(
            image,
            angle[index].item(),
            shift,  # type: ignore[arg-type]
            scale[index].item(),
            [0.0, 0.0],
            interpolation=v2.InterpolationMode.BILINEAR,
        )
        # torchvision weighs the border's zeros by a mask of its own: the frame may differ, the picture may not.
        assert (difference(ours[index], theirs) > 2).float().mean() < 0.02
        assert difference(ours[index], theirs)[:, 20:44, 20:44].max() <= 2


def test_colour_jitter_agrees(photographs: Tensor) -> None:
    none = dict.fromkeys(("brightness", "contrast", "saturation", "hue"), 0.0)
    draws = draws_of(len(photographs), 4)
    for column, only in enumerate(none):
        transform = ColourJitter(**{**none, only: 0.4})
        ours = transform(photographs, draws, context(photographs))
        adjust = getattr(reference, f"adjust_{only}")
        for image, factor, result in zip(photographs, transform.factors(draws)[:, column].tolist(), ours, strict=True):
            gap = difference(result, adjust(image, factor))
            assert gap.max() <= 2
            assert gap.float().mean() < 1
        assert difference(ours, photographs).float().mean() > 1


def test_lighting_is_the_papers_formula(photographs: Tensor) -> None:
    transform = Lighting()
    draws = draws_of(len(photographs), 3)
    alphas = transform.alphas(draws)
    ours = transform(photographs, draws, context(photographs))
    for image, alpha, result in zip(photographs, alphas, ours, strict=True):
        for channel, row in enumerate(EIGENVECTORS):
            added = sum(p * a * value for p, a, value in zip(row, alpha.tolist(), EIGENVALUES, strict=True))
            expected = (image[channel].float() + 255 * added).clamp(0, 255)
            assert (result[channel] - expected).abs().max() <= 0.51


def test_cutout_agrees(photographs: Tensor) -> None:
    draws = draws_of(len(photographs), 2)
    ours = Cutout(0.5)(photographs, draws, context(photographs))
    mean = photographs.float().mean((0, 2, 3)).round().to(torch.uint8)[:, None, None]
    for image, draw, result in zip(photographs, draws, ours, strict=True):
        top, left = int(draw[0] * 64) - 16, int(draw[1] * 64) - 16
        height, width = min(64, top + 32) - max(0, top), min(64, left + 32) - max(0, left)
        assert torch.equal(result, reference.erase(image, max(0, top), max(0, left), height, width, mean))


def test_masks_move_with_their_images() -> None:
    datamodule = datamodules.build("shapes", train_images=64, test_images=8, image_size=40, batch_size=8)
    arrays, sample = datamodule.arrays, torch.arange(64)
    assert arrays.train_masks is not None
    painted = torch.where(arrays.train_masks > 0, 255, 0).to(torch.uint8)
    for recipe in ("cifar", "mnist_affine", "imagenet", "alexnet"):
        images, masks = augment(painted, sample, recipe, 3, 5, masks=arrays.train_masks)
        assert masks is not None
        assert set(masks.unique().tolist()) <= set(arrays.train_masks.unique().tolist())
        disagreeing = (images[:, 0] > 127) != (masks[:, 0] > 0)
        assert disagreeing.float().mean() < 0.03
        assert not torch.equal(masks, arrays.train_masks)


def test_resized_crops_are_distributed_as_torchvisions() -> None:
    transform = ResizedCrop()
    ours = transform.boxes(draws_of(4000, transform.draws), 64, 48).double()
    theirs = v2.RandomResizedCrop(10)
    image = torch.zeros(3, 64, 48)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = [theirs.make_params([image]) for _ in range(4000)]
    expected = torch.tensor([[each[key] for key in ("top", "left", "height", "width")] for each in drawn]).double()
    for measure in (lambda box: box[:, 2] * box[:, 3], lambda box: box[:, 3] / box[:, 2], lambda box: box[:, 0]):
        assert scipy.stats.ks_2samp(measure(ours).numpy(), measure(expected).numpy()).pvalue > 1e-3
    # Smaller boxes reach every edge and pass none.
    for start, length, side in ((0, 2, 64), (1, 3, 48)):
        smaller = ours[ours[:, length] < side]
        assert smaller[:, start].min() == 0
        assert (smaller[:, start] + smaller[:, length]).max() == side


def test_grey_images_pass_every_recipe() -> None:
    images = torch.randint(0, 256, (6, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator())
    for recipe in RECIPES:
        augmented, _ = augment(images, torch.arange(6), recipe, 0, 0)
        assert augmented.shape == images.shape
        assert augmented.dtype == torch.uint8
        assert torch.equal(augmented, images) == (recipe == "none")
    assert len({written_out(recipe) for recipe in RECIPES}) == len(RECIPES)


def test_principal_colours_are_those_of_the_images(photographs: Tensor) -> None:
    colours = principal_colours(photographs.split(7))
    pixels = photographs.double().permute(1, 0, 2, 3).flatten(1) / 255
    covariance = torch.cov(pixels, correction=0)
    variances = colours.double().norm(dim=0)
    directions = colours.double() / variances
    assert torch.allclose(covariance @ directions, directions * variances, atol=1e-6)
    assert variances.tolist() == sorted(variances.tolist())
    assert torch.equal(principal_colours([photographs]), colours)


def test_principal_colours_are_added_as_alexnets_lighting_is(photographs: Tensor) -> None:
    draws = draws_of(len(photographs), 3)
    # ImageNet's own components, the largest first in the constants and last in the context.
    of_imagenet = (torch.tensor(EIGENVECTORS) * torch.tensor(EIGENVALUES)).flip(1)
    place = Context((64, 64), torch.zeros(3), of_imagenet)
    ours = PrincipalColours()(photographs, draws.flip(1), place)
    assert int(difference(ours, Lighting()(photographs, draws, place)).max()) <= 1
    assert not torch.equal(ours, photographs)
    grey = photographs[:, :1]
    brighter = PrincipalColours()(grey, draws, Context((64, 64), torch.zeros(1), principal_colours([grey])))
    inside = (grey > 30) & (grey < 225)
    shift = torch.where(inside, brighter.int() - grey.int(), torch.nan)
    assert len(shift[0][inside[0]].unique()) == 1


def test_several_crops_are_those_of_torchvision(photographs: Tensor) -> None:
    *corners, centre = v2.FiveCrop(48)(photographs)
    ours = several_crops(photographs, (48, 48), 10)
    for one, other in zip(ours, [centre, *corners, *(crop.flip(3) for crop in (centre, *corners))], strict=True):
        assert torch.equal(one, other)
    assert [len(several_crops(photographs, (48, 48), count)) for count in (1, 5, 10)] == [1, 5, 10]


PINNED = {"none": "13396f288d4ab087", "crop": "392435d1108965e9", "cifar": "03cbdb6fbde5dca8"}


def test_batches_of_the_first_recipes_stay_what_they_were() -> None:
    for recipe, expected in PINNED.items():
        digest = hashlib.sha256()
        for batch in datamodules.build("digits", augment=recipe, batch_size=64, seed=3).train_epoch(2):
            digest.update(batch.images.numpy().tobytes())
            digest.update(batch.labels.numpy().tobytes())
        assert digest.hexdigest()[:16] == expected, recipe
