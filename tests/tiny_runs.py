"""Runs of a fraction of a second, and the command line that starts them."""

import sys
from collections.abc import Sequence

TINY = {
    "model.name": "mlp",
    "model.width": 16,
    "model.depth": 2,
    "model.activation": "relu",
    "data.batch_size": 64,
    "trainer.epochs": 2,
    "trainer.log_every_n_steps": 5,
}
"""Settings of a run that takes a fraction of a second."""


def command(arguments: Sequence[str]) -> list[str]:
    """Return the command line that runs `litmus` with this interpreter."""
    return [sys.executable, "-c", "from studies.command.main import main; main()", *arguments]


def tiny_options() -> list[str]:
    """Return `TINY` as options of the command line."""
    return [part for key, value in TINY.items() for part in (f"--{key}", str(value))]
