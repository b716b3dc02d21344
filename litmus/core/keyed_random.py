"""Randomness that is a pure function of its key, so that nothing drawn in one place moves what is drawn in another."""

import contextlib
import hashlib
import random
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def derive(seed: int, *path: str | int) -> int:
    """Return a non-negative 63-bit integer that depends on `seed` and every part of `path`, and on nothing else."""
    text = repr((int(seed), *path)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


_MASK_64 = (1 << 64) - 1


def generator(seed: int, *path: str | int) -> "torch.Generator":
    """Return a CPU generator keyed by `seed` and `path`, e.g. `generator(0, "init", "conv1.weight")`."""
    import torch  # what reads records draws with NumPy, and needs no PyTorch

    return torch.Generator().manual_seed(derive(seed, *path))


def permutation(size: int, seed: int, *path: str | int) -> "Tensor":
    """Return a random order of `range(size)`, int64 [size], keyed by `seed` and `path`."""
    import torch

    return torch.randperm(size, generator=generator(seed, *path))


def seed_generators(seed: int, *path: str | int) -> None:
    """Seed what code outside the package draws from by `seed` and `path`: the global generators of Python, NumPy and,
    where it is loaded, PyTorch, the latter on every device.
    """
    import numpy as np

    key = derive(seed, *path)
    random.seed(key)
    np.random.seed(key % 2**32)
    if "torch" in sys.modules:
        import torch

        torch.manual_seed(key)


def generator_states() -> dict[str, Any]:
    """Return the states of these generators, on CUDA the current device's, in values that a checkpoint can hold."""
    import numpy as np

    kind, words, *rest = cast(Any, np.random.get_state(legacy=True))
    states: dict[str, Any] = {"python": random.getstate(), "numpy": (kind, words.tolist(), *rest)}
    if "torch" in sys.modules:
        import torch

        states["torch"] = torch.get_rng_state()
        if torch.cuda.is_initialized():
            states["cuda"] = torch.cuda.get_rng_state()
    return states


def set_generators(states: dict[str, Any]) -> None:
    """Set these generators to the states that `generator_states` returned."""
    import numpy as np

    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    if "torch" in states:
        import torch

        torch.set_rng_state(states["torch"])
        if "cuda" in states and torch.cuda.is_initialized():
            torch.cuda.set_rng_state(states["cuda"])


@contextlib.contextmanager
def generators_kept(*key: Any) -> Iterator[None]:
    """Put back the states of these generators after the block, for which `key`, if given, seeds them."""
    states = generator_states()
    try:
        if key:
            seed_generators(*key)
        yield
    finally:
        set_generators(states)


def uniform(key: int, index: "Tensor", draws: int) -> "Tensor":
    """Return uniform draws in [0, 1), float32 [len(index), draws], one row a sample.

    Row i is a function of (key, index[i]) alone: it does not matter which samples share the batch, in which order,
    or on which device. Counter-based: each (sample, draw) pair is hashed by the finaliser of SplitMix64 (Steele,
    Lea & Flood 2014, "Fast splittable pseudorandom number generators", figure 17), and the top 24 bits are used.
    """
    import torch

    sample = _mix(index.to(torch.int64) + _signed(key))
    column = torch.arange(1, draws + 1, device=index.device, dtype=torch.int64) * _signed(0x9E3779B97F4A7C15)
    bits = _mix(sample[:, None] + column[None, :])
    return _shift_right(bits, 40).to(torch.float32) * 2.0**-24


def _mix(x: "Tensor") -> "Tensor":
    x = (x ^ _shift_right(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shift_right(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _shift_right(x, 31)


def _shift_right(x: "Tensor", bits: int) -> "Tensor":
    # int64 shifts copy the sign bit; SplitMix64 is defined on unsigned words.
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _signed(value: int) -> int:
    value &= _MASK_64
    return value - (1 << 64) if value >> 63 else value
