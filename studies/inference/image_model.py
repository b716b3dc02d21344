"""A trained network that takes images as they are."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from datamodules.augmentation.window import centre_crop
from datamodules.batches.image_input import ImageInput
from litmus.errors import UserError

BACKGROUND = "background"
"""What a segmentation network's class 0 is called: a pixel of none of the data's classes."""


class Normalised(nn.Module):
    """A network with its normalisation inside, for images of the size that it sees.

    Takes uint8 images of 0 to 255, or float ones of 0 to 1, [N, C, H, W]. TorchScript can compile it.
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
    """Return images [N, C, *size], of the same kind: resized as `datamodules.image_files.decode` resizes files."""
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
