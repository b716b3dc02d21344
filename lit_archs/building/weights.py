"""Weights from a file: which tensors a network takes from a state dict, and which keep their initial values."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from litmus.core.errors import UserError


@dataclass(frozen=True)
class Loaded:
    """What a network took of a file.

    Args:
        taken: number of tensors that it took.
        kept: names that the file lacks or has in another shape: these keep their initial values.
        unused: names in the file that the network does not have.
    """

    taken: int
    kept: tuple[str, ...]
    unused: tuple[str, ...]


def load_weights(network: nn.Module, file: str | Path) -> Loaded:
    """Set the parameters and buffers of `network` that a file has under the same name in the same shape.

    The file is a state dict, as `torch.save` or safetensors write it, or a checkpoint of Lightning's, whose network's
    names begin with `network.` or `model.`. Raises `UserError` where it cannot be read, or has nothing for the network.
    """
    stored = _read(Path(file))
    initial = network.state_dict()
    taken = {name: stored[name] for name in initial if name in stored and stored[name].shape == initial[name].shape}
    if not any(name in taken for name, _ in network.named_parameters()):
        raise UserError(
            f"{file} has no weight for {type(network).__name__}: it has {_some(stored)}, the network "
            f"has {_some(initial)}"
        )
    network.load_state_dict(taken, strict=False)
    kept = tuple(name for name in initial if name not in taken)
    return Loaded(len(taken), kept, tuple(name for name in stored if name not in initial))


def digest(file: str | Path) -> str:
    """Return a hash of a file's content. Raises `UserError` where there is none."""
    path = Path(file)
    try:
        state = path.stat()
        return _digest(str(path.resolve()), (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino))
    except OSError as error:
        raise UserError(f"{file}: {error.strerror or error}") from None


@lru_cache(maxsize=16)
def _digest(path: str, state: tuple[int, ...]) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    except Exception as error:  # torch.load raises a dozen types for other files
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: not a state dict that is safe to load ({reason})") from None
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a state dict, a tensor by name, got {type(content).__name__}")
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    for prefix in ("network.", "model.", "module."):
        if any(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    return tensors


def _some(names: Any) -> str:
    first = list(names)[:3]
    return f"{', '.join(first)}, ... ({len(names)} in all)" if first else "nothing"
