"""The principal components of a training split's colours (Krizhevsky et al. 2012, section 4.1)."""

from collections.abc import Iterable

import torch
from torch import Tensor


def principal_colours(batches: Iterable[Tensor]) -> Tensor:
    """Return the principal components of the colours of uint8 images [N, C, H, W], float32 [C, C]: one a column.

    Each is multiplied by its variance. Colours count from 0 to 1; the components come with rising variance, and with
    the sign at which their largest part is positive. Sums of products of whole numbers are exact in double precision:
    the same in any order.
    """
    count, total, products = 0, torch.zeros(()), torch.zeros(())
    for images in batches:
        pixels = images.cpu().double().transpose(0, 1).flatten(1)
        count += pixels.shape[1]
        total = total + pixels.sum(1)
        products = products + pixels @ pixels.T
    mean = total / count
    variances, directions = torch.linalg.eigh((products / count - mean[:, None] * mean[None, :]) / 255**2)
    largest = directions.gather(0, directions.abs().argmax(0)[None, :])
    return (directions * largest.sign() * variances.clamp(min=0)).float()
