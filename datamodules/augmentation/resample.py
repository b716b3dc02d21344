"""Weights that resize one axis of a box in each image."""

from typing import Literal

import torch
from torch import Tensor


def axis_weights(
    start: Tensor, length: Tensor, source: int, target: int, kind: Literal["bilinear", "nearest"]
) -> Tensor:
    """Return float32 [N, target, source]: row j of matrix n blends the source pixels into pixel j of the result.

    Image n's part covers the pixels `start[n]` to `start[n] + length[n]`, int64 [N], and is resized to `target`
    pixels. `bilinear` is antialiased: where the part shrinks, the triangle filter widens with it, as in Pillow and in
    torchvision with `antialias=True`. `nearest` takes the pixel below each centre.
    """
    ratio = (length.double() / target)[:, None, None]
    pixel = torch.arange(source, device=start.device, dtype=torch.float64)[None, None, :]
    place = torch.arange(target, device=start.device, dtype=torch.float64)[None, :, None]
    offset = start.double()[:, None, None]
    inside = (pixel >= offset) & (pixel < offset + length.double()[:, None, None])
    centre = (place + 0.5) * ratio
    if kind == "nearest":
        return (pixel == offset + centre.floor()).float()
    distance = (pixel - offset + 0.5 - centre).abs() / ratio.clamp(min=1.0)
    weights = (1.0 - distance).clamp(min=0.0) * inside
    return (weights / weights.sum(2, keepdim=True)).float()
