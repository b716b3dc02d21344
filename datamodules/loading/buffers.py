"""Memory for batches, used again once nobody refers to it.

Large pieces of memory the C library takes fresh from the system each time, and the system clears each page when it is
first touched: for a batch of larger images that takes several times as long as making the images.
"""

import math
import weakref
from collections import deque

import numpy
import torch
from torch import Tensor

LARGE = 128 << 10
"""Bytes from which memory is kept: less, the C library keeps itself."""

KEPT = 4
"""So many free buffers are kept; what is freed beyond them goes back to the system, the oldest first."""

_free: deque[numpy.ndarray] = deque(maxlen=KEPT)


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Return an uninitialised CPU tensor of which nothing else shares the memory, as `torch.empty` does.

    Its memory is given out again when the last tensor or array that shares it is gone: every view of it, and what
    autograd saved, counts.
    """
    size = math.prod(shape) * dtype.itemsize
    if size < LARGE:
        return torch.empty(shape, dtype=dtype)
    buffer = _taken(size)
    # The tensors' common storage owns this array and drops it when the last of them goes.
    lent = buffer[:size]
    weakref.finalize(lent, _free.append, buffer).atexit = False
    return torch.from_numpy(lent).view(dtype).view(shape)


def _taken(size: int) -> numpy.ndarray:
    # Each operation on the deque is atomic, and no lock could be used: buffers come back wherever a tensor is freed.
    for _ in range(len(_free)):
        try:
            buffer = _free.popleft()
        except IndexError:
            break
        if size <= len(buffer) <= 2 * size:
            return buffer
        _free.append(buffer)
    # Memory from PyTorch, which aligns it for vector instructions.
    return torch.empty(size, dtype=torch.uint8).numpy()
