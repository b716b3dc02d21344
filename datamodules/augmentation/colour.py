"""Transforms that change pixels in place: colour jitter, lighting, principal colours, cutout."""

import functools
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from litmus.datamodules.augmentation.transform import Context, Transform

GREY = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue in luminance (ITU-R BT.601), as torchvision writes them."""

EIGENVALUES = (0.2175, 0.0188, 0.0045)
EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))
"""Principal components of ImageNet's RGB pixels in [0, 1] (rows: red, green, blue), as used with AlexNet."""


@functools.cache
def _constant(values: tuple[float, ...] | tuple[tuple[float, ...], ...], device: torch.device) -> Tensor:
    """Return float32 values on the device, copied there once: each copy waits for what is being computed."""
    return torch.tensor(values, device=device)


@dataclass(frozen=True)
class ColourJitter(Transform):
    """Change brightness, contrast, saturation and hue, in this order, by uniform factors.

    Brightness, contrast and saturation blend with black, the mean grey of the image and its grey version, by a factor
    within 1 ± the parameter; hue turns by up to ± the parameter, in turns of the colour circle (Krizhevsky 2012 names
    the idea, torchvision's ColorJitter the formulas). Grey images have no saturation or hue to change.
    """

    name: ClassVar[str] = "jitter"
    draws: ClassVar[int] = 4
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1

    def factors(self, draws: Tensor) -> Tensor:
        """Return each image's factors of brightness, contrast and saturation and its turn of hue, float32 [N, 4]."""
        signed = 2 * draws - 1
        reach = _constant((self.brightness, self.contrast, self.saturation, self.hue), draws.device)
        return signed * reach + _constant((1.0, 1.0, 1.0, 0.0), draws.device)

    def __call__(self, images: Tensor, draws: Tensor, context: Context) -> Tensor:
        brightness, contrast, saturation, hue = self.factors(draws)[:, :, None, None, None].unbind(1)
        pixels = (images.float() * brightness).clamp_(0, 255)
        pixels = torch.lerp(grey(pixels).mean((1, 2, 3), keepdim=True), pixels, contrast).clamp_(0, 255)
        if images.shape[1] == 3:
            pixels = torch.lerp(grey(pixels), pixels, saturation).clamp_(0, 255)
            pixels = turn_hue(pixels, hue)
        return pixels.round_().to(torch.uint8)


def grey(pixels: Tensor) -> Tensor:
    """Return the luminance [N, 1, H, W] of pixels [N, C, H, W]; of one channel, the channel."""
    if pixels.shape[1] != 3:
        return pixels
    return (pixels * _constant(GREY, pixels.device)[None, :, None, None]).sum(1, keepdim=True)


def turn_hue(pixels: Tensor, turn: Tensor) -> Tensor:
    """Return float pixels [N, 3, H, W] with their hue turned by `turn` [N, 1, 1, 1], 1 being once round the circle."""
    value, lowest = pixels.amax(1), pixels.amin(1)
    chroma = value - lowest
    red, green, blue = pixels.unbind(1)
    safe = torch.where(chroma > 0, chroma, 1.0)
    sixth = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    turned = sixth + 6 * turn[:, 0]
    # Red, green and blue lie 5, 3 and 1 sixths along the circle from where their share is full.
    shares = []
    for offset in (5, 3, 1):
        k = torch.remainder(turned + offset, 6)
        shares.append(value - chroma * torch.minimum(k, 4 - k).clamp(0, 1))
    return torch.stack(shares, 1)


def normal(draws: Tensor) -> Tensor:
    """Return uniform `draws` turned into draws of the normal distribution of variance one, float32."""
    # Half a step above the grid of 2⁻²⁴ on which the draws lie, so that none is exactly 0.
    return torch.special.ndtri(draws.double() + 2.0**-25).float()


@dataclass(frozen=True)
class Lighting(Transform):
    """Add multiples of the RGB principal components to every pixel of an image (Krizhevsky et al. 2012, 4.1).

    The added quantity is [p1, p2, p3] [α1 λ1, α2 λ2, α3 λ3]ᵀ, α normal with deviation `deviation`, drawn once an
    image. Grey images are left as they are.
    """

    name: ClassVar[str] = "lighting"
    draws: ClassVar[int] = 3
    deviation: float = 0.1

    def alphas(self, draws: Tensor) -> Tensor:
        """Return each image's normal multipliers, float32 [N, 3]."""
        return normal(draws) * self.deviation

    def __call__(self, images: Tensor, draws: Tensor, context: Context) -> Tensor:
        if images.shape[1] != 3:
            return images
        scaled = self.alphas(draws) * _constant(EIGENVALUES, draws.device)
        added = 255 * (scaled[:, None, :] * _constant(EIGENVECTORS, draws.device)).sum(2)
        return (images.float() + added[:, :, None, None]).round_().clamp_(0, 255).to(torch.uint8)


@dataclass(frozen=True)
class PrincipalColours(Transform):
    """Add multiples of the principal components of the training split's colours to every pixel of an image.

    As `Lighting`, with the components of the data at hand in place of ImageNet's (Krizhevsky et al. 2012, 4.1, who took
    those of their training set). Of grey images it is a change of brightness; of more than three channels the three
    components of the largest variance serve.
    """

    name: ClassVar[str] = "principal_colours"
    draws: ClassVar[int] = 3
    uses_colours: ClassVar[bool] = True
    deviation: float = 0.1

    def __call__(self, images: Tensor, draws: Tensor, context: Context) -> Tensor:
        assert context.colours is not None
        count = min(self.draws, images.shape[1])
        alphas = normal(draws[:, :count]) * self.deviation
        added = 255 * alphas @ context.colours[:, -count:].T
        return (images.float() + added[:, :, None, None]).round_().clamp_(0, 255).to(torch.uint8)


@dataclass(frozen=True)
class Cutout(Transform):
    """Put the training set's mean over a square of `side` (a fraction of the height) centred at a uniform pixel.

    DeVries & Taylor 2017 (arXiv 1708.04552): the square may reach over the edge; 16 pixels of 32 on CIFAR-10.
    """

    name: ClassVar[str] = "cutout"
    draws: ClassVar[int] = 2
    side: float = 0.5

    def __call__(self, images: Tensor, draws: Tensor, context: Context) -> Tensor:
        height, width = images.shape[2:]
        length = max(1, round(self.side * height))
        top = (draws[:, 0] * height).long()[:, None] - length // 2
        left = (draws[:, 1] * width).long()[:, None] - length // 2
        rows, columns = torch.arange(height, device=images.device), torch.arange(width, device=images.device)
        in_rows = (rows >= top) & (rows < top + length)
        in_columns = (columns >= left) & (columns < left + length)
        covered = in_rows[:, None, :, None] & in_columns[:, None, None, :]
        mean = context.mean.to(images.device).round().to(torch.uint8)
        return torch.where(covered, mean[None, :, None, None], images)
