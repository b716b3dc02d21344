"""Runs of a fraction of a second, and the command line that starts them."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litmus.training.run import Run

TINY = {
    "model.name": "mlp",
    "model.width": 16,
    "model.depth": 2,
    "model.activation": "relu",
    "data.batch_size": 64,
    "trainer.epochs": 2,
    "trainer.log_every_n_steps": 5,
    "trainer.keep": "last",
}
"""Settings of a run that takes a fraction of a second."""


def command(arguments: Sequence[str]) -> list[str]:
    """Return the command line that runs `litmus` with this interpreter."""
    return [sys.executable, "-c", "from litmus.cli.main import main; main()", *arguments]


def tiny_options() -> list[str]:
    """Return `TINY` as options of the command line."""
    return [part for key, value in TINY.items() for part in (f"--{key}", str(value))]


def trained(directory: Path, settings: Mapping[str, object] | None = None, source: Path | None = None) -> "Run":
    """Return a run of `settings`, by default `TINY`, executed in this process; its folder lies in `directory`."""
    # Imported here because tests of the command line need no PyTorch.
    from litmus.training.config import resolve
    from litmus.training.execute import attempt
    from litmus.training.run import Execution, Place, Run

    config = resolve(TINY if settings is None else {"trainer.keep": "last", **settings})
    this = Run("0123456789ab", "example", "an arm", {}, config, directory / "0123456789ab", source)
    attempt(this, Execution(), Place(), lambda _: None, attempts=1)
    return this
