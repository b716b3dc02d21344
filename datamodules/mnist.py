"""MNIST in torchvision's format, downloaded where that is possible."""

from pathlib import Path

import torch

from datamodules.registry import ImageArrays, register
from litmus.errors import UserError

FILES = tuple(f"{split}-{kind}-ubyte" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))


@register("mnist")
def mnist(root: str) -> ImageArrays:
    """70,000 handwritten digits, 1×28×28, 10 classes; from data.root, downloaded if absent (11 MB)."""
    # Imported here because torchvision takes a second, which other datasets need not pay.
    from torchvision.datasets import MNIST

    try:
        train = MNIST(root, train=True, download=True)
        test = MNIST(root, train=False, download=True)
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raw = Path(root) / "MNIST" / "raw"
        damaged = [name for name in FILES if (raw / name).exists()]
        reason = " ".join(str(error).split())[:200]
        if len(damaged) == len(FILES):
            raise UserError(f"mnist: the files in {raw} cannot be read ({reason}); delete them to start anew") from None
        raise UserError(
            f"mnist: not in data.root {root!r} and not downloadable ({reason}); "
            f"put {', '.join(FILES)} into {raw}, or name another folder with --data.root"
        ) from None
    return ImageArrays(
        train.data[:, None],
        train.targets.to(torch.int64),
        test.data[:, None],
        test.targets.to(torch.int64),
        tuple("0123456789"),
    )
