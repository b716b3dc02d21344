"""Long curves with fewer points, their extremes kept."""

import math
from collections.abc import Sequence

import numpy as np


def thinned(values: Sequence[float], most: int) -> list[int]:
    """Return which points of a curve stay, at most `most` of them and the two ends, in their order.

    The curve is cut into pieces of equal length, of each of which the lowest and the highest point stay: what it
    reached, however briefly, is still there. Points that are not finite have no say in which are the extremes, and the
    first of each piece of them stays, so that a gap remains one.
    """
    count = len(values)
    if count <= max(most, 3):
        return list(range(count))
    numbers = np.asarray(values, dtype=float)
    kept = {0, count - 1}
    pieces = max(1, (most - 2) // 2)
    for piece in np.array_split(np.arange(count), pieces):
        finite = piece[np.isfinite(numbers[piece])]
        if len(finite):
            kept |= {int(finite[numbers[finite].argmin()]), int(finite[numbers[finite].argmax()])}
        elif len(piece):
            kept.add(int(piece[0]))
    return sorted(kept)


def rounded(values: Sequence[float]) -> list[float | None]:
    """Return numbers with five digits, which is more than a screen can show; None for one that is not finite."""
    return [float(f"{value:.5g}") if math.isfinite(value) else None for value in values]
