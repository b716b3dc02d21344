"""Mixing each training image with another of the training split: mixup and cutmix."""

import functools
from typing import Literal, NamedTuple

import numpy
import torch
from scipy.special import betaincinv
from torch import Tensor

from litmus.core.keyed_random import derive, uniform

Mix = Literal["none", "mixup", "cutmix"]
TABLE = 1 << 14


class Mixed(NamedTuple):
    """Mixed images [N, C, H, W] and the share [N] that the first image has in each."""

    images: Tensor
    share: Tensor


def partners(sample: Tensor, pool: Tensor, seed: int, epoch: int) -> Tensor:
    """Return for each sample the one of `pool` that it is mixed with, int64 [N], uniform over the pool.

    Drawn from the whole training split and not from the batch, so that the pair depends on (seed, epoch, sample) and
    neither on the batch size nor on the number of devices.
    """
    draw = uniform(derive(seed, "mix", "partner", epoch), sample, 1)[:, 0].double()
    return pool[(draw * len(pool)).long()]


def mix(mode: str, alpha: float, first: Tensor, second: Tensor, sample: Tensor, seed: int, epoch: int) -> Mixed:
    """Return float images `first` mixed with `second`, with the share of the first drawn from Beta(alpha, alpha).

    `mixup` blends whole images (Zhang et al. 2017, arXiv 1710.09412); `cutmix` pastes a box of the second image, of
    the first one's aspect ratio and centred at a uniform pixel, and the share is what of the first stays visible (Yun
    et al. 2019, arXiv 1905.04899).
    """
    draws = uniform(derive(seed, "mix", mode, epoch), sample, 3)
    share = beta_quantile(draws[:, 0], alpha)
    if mode == "mixup":
        return Mixed(torch.lerp(second, first, share[:, None, None, None]), share)
    height, width = first.shape[2:]
    side = torch.sqrt(1 - share.double())
    rows, top, bottom = _interval(draws[:, 1], side, height)
    columns, left, right = _interval(draws[:, 2], side, width)
    pasted = rows[:, None, :, None] & columns[:, None, None, :]
    visible = 1 - ((bottom - top) * (right - left)).double() / (height * width)
    return Mixed(torch.where(pasted, second, first), visible.float())


def beta_quantile(draws: Tensor, alpha: float) -> Tensor:
    """Return uniform `draws` turned into draws of Beta(alpha, alpha), by a table of its quantile function."""
    if alpha == 1:
        return draws
    knots = _quantiles(alpha, draws.device)
    place = draws.double() * TABLE
    below = place.long()
    return torch.lerp(knots[below], knots[below + 1], place - below).float()


@functools.cache
def _quantiles(alpha: float, device: torch.device) -> Tensor:
    """Return the table of Beta(alpha, alpha), float64 [TABLE + 1]: it takes longer than a small network's step."""
    return torch.from_numpy(betaincinv(alpha, alpha, numpy.linspace(0, 1, TABLE + 1))).to(device)


def _interval(draw: Tensor, side: Tensor, length: int) -> tuple[Tensor, Tensor, Tensor]:
    centre = (draw * length).long()
    half = (side * length).long() // 2
    low, high = (centre - half).clamp(min=0), (centre + half).clamp(max=length)
    place = torch.arange(length, device=draw.device)
    return (place >= low[:, None]) & (place < high[:, None]), low, high
