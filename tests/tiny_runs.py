"""Runs of a fraction of a second, and the command line that starts them."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from litmus.records.run_record import RunRecord
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


def prepared(directory: Path, settings: Mapping[str, object]) -> "Run":
    """Return a run of `settings` that is not executed yet, with its record in `directory`."""
    # Imported here because tests of the command line need no PyTorch.
    from litmus.training.config import resolve
    from litmus.training.run import Run

    return Run("0123456789ab", "example", "an arm", {}, resolve(settings), directory)


def weights(record: "RunRecord") -> "dict[str, Tensor]":
    """Return the last weights that a run left."""
    import torch

    found: dict[str, Tensor] = torch.load(record.checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    return found


def assert_same_bits(one: "RunRecord", other: "RunRecord") -> None:
    """Assert that two runs left the same metrics, curves, probes and last weights."""
    assert one.read_summary()["metrics"] == other.read_summary()["metrics"]
    assert one.metrics_file.read_text() == other.metrics_file.read_text()
    if one.probes_file.exists() and other.probes_file.exists():
        assert one.probes_file.read_text() == other.probes_file.read_text()
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for key, value in first.items():
        assert value.equal(second[key]), key


def trained(directory: Path, settings: Mapping[str, object] | None = None, source: Path | None = None) -> "Run":
    """Return a run of `settings`, by default `TINY`, executed in this process; its folder lies in `directory`."""
    from litmus.training.config import resolve
    from litmus.training.execute import attempt
    from litmus.training.run import Execution, Place, Run

    config = resolve(TINY if settings is None else {"trainer.keep": "last", **settings})
    this = Run("0123456789ab", "example", "an arm", {}, config, directory / "0123456789ab", source)
    attempt(this, Execution(), Place(), lambda _: None, attempt_number=1)
    return this
