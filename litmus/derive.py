"""A number that is a pure function of its key: the root of all randomness here."""

import hashlib


def derive(seed: int, *path: str | int) -> int:
    """Return a non-negative 63-bit integer that depends on `seed` and every part of `path`, and on nothing else."""
    text = repr((int(seed), *path)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1
