"""What `trainer.precision` means for the arithmetic of this process."""

from typing import Any

import torch

MIXED = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}
"""Type of the matrix products and convolutions under mixed precision, by the setting."""


def use_precision(precision: str) -> Any:
    """Make float32 products of a GPU what `precision` says, and return the precision that Lightning is to have.

    PyTorch lets a GPU's convolutions round their factors to TF32's ten bits unless told otherwise. Here 32-true is
    float32 throughout, as on the CPU, and tf32 is a choice of its own; on a CPU the two are the same.
    https://docs.pytorch.org/docs/stable/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices
    """
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    return "32-true" if precision == "tf32" else precision
