"""Named augmentation recipes, and a batch taken through one."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from litmus.core.errors import require_choice
from litmus.core.keyed_random import derive, uniform
from litmus.datamodules.augmentation.colour import ColourJitter, Cutout, Lighting, PrincipalColours
from litmus.datamodules.augmentation.geometry import Affine, Crop, HorizontalFlip, ResizedCrop
from litmus.datamodules.augmentation.principal_colours import principal_colours
from litmus.datamodules.augmentation.transform import Context, Transform
from litmus.datamodules.augmentation.window import centre_crop

RECIPES: Mapping[str, Sequence[Transform]] = {
    "none": (),
    "crop": (Crop(2),),
    # "cifar" and "cifar_colour" in proportion for images of 16 pixels.
    "crop_flip": (Crop(2), HorizontalFlip()),
    "crop_flip_colour": (Crop(2), HorizontalFlip(), ColourJitter()),
    # He et al. 2015 (arXiv 1512.03385), 4.2.
    "cifar": (Crop(4), HorizontalFlip()),
    # The same with changes of brightness, contrast, saturation and hue, the photometric distortion.
    "cifar_colour": (Crop(4), HorizontalFlip(), ColourJitter()),
    # The same with those colour changes and the cutout of DeVries & Taylor 2017 (arXiv 1708.04552).
    "cifar_heavy": (Crop(4), HorizontalFlip(), ColourJitter(), Cutout()),
    "mnist_affine": (Affine(),),
    # DeVries & Taylor 2017 (arXiv 1708.04552), 4.1, with the crops and flips of "cifar".
    "cifar_cutout": (Crop(4), HorizontalFlip(), Cutout()),
    # One at a time: shifts as in "cifar", flips, rotations, colours by the training set's components, cutout.
    "shift": (Crop(4),),
    "flip": (HorizontalFlip(),),
    "rotation": (Affine(degrees=15.0, shift=0.0, scale=(1.0, 1.0)),),
    "principal_colours": (PrincipalColours(),),
    "cutout": (Cutout(),),
    # Szegedy et al. 2014 (arXiv 1409.4842) as used since Goyal et al. 2017 (arXiv 1706.02677).
    "imagenet": (ResizedCrop(), HorizontalFlip()),
    # The same with photometric distortion.
    "imagenet_colour": (ResizedCrop(), HorizontalFlip(), ColourJitter()),
    # Krizhevsky et al. 2012, 4.1: 224 pixels out of 256, flips, PCA lighting.
    "alexnet": (Crop(0), HorizontalFlip(), Lighting()),
}
"""Each recipe's transforms, in order."""


def written_out(recipe: str) -> str:
    """Return the recipe's transforms with their parameters, e.g. `crop(padding=4) + flip(probability=0.5)`."""
    return " + ".join(map(str, RECIPES[recipe])) or "none"


def augment(
    images: Tensor,
    sample: Tensor,
    recipe: str,
    seed: int,
    epoch: int,
    context: Context | None = None,
    masks: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Return augmented uint8 images [N, C, *context.size] and their masks; `sample` [N] numbers each within the set.

    What happens to an image depends on (seed, epoch, sample) alone. `images` are uint8 [N, C, H, W] and at least as
    large as the network's input; by default, as large. Raises `UserError` for an unknown recipe.
    """
    require_choice("augment", recipe, RECIPES)
    context = context or Context(size_of(images), images.float().mean((0, 2, 3)), principal_colours([images]))
    for transform in RECIPES[recipe]:
        draws = uniform(derive(seed, "augment", transform.name, epoch), sample, transform.draws)
        if masks is not None:
            masks = transform.move_masks(masks, draws, context)
        images = transform(images, draws, context)
    return centre_crop(images, context.size), None if masks is None else centre_crop(masks, context.size)


def size_of(images: Tensor) -> tuple[int, int]:
    """Return the height and width of images [N, C, H, W]."""
    return images.shape[2], images.shape[3]
