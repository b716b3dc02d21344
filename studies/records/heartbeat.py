"""How far a run is: what its process tells about once a second, and keeps in `progress.json` while it is at work."""

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from litmus.metrics import metric_of

FILE = "progress.json"


@dataclass(frozen=True)
class Heartbeat:
    """How far a run is.

    Args:
        step: optimiser steps done.
        steps: those of the whole run.
        epoch: passes over the training set done, with a fraction.
        epochs: those of the whole run.
        images_per_second: of all devices together, in training, since the last heartbeat; None where no step was made.
        metric: the last metric that was logged, as the records call it; empty before the first.
        value: its value, None where it is not finite.
    """

    step: int
    steps: int
    epoch: float
    epochs: int
    images_per_second: float | None = None
    metric: str = ""
    value: float | None = None

    @property
    def fraction(self) -> float:
        """The share of the run's steps that is done."""
        return self.step / self.steps if self.steps else 0.0

    def told(self) -> list[str]:
        """Return it in words, part by part: `step 360/800`, `epoch 4.5/10`, `812 images/s`, `val_top1 91.20 %`."""
        parts = [f"step {self.step:,}/{self.steps:,}", f"epoch {self.epoch:.1f}/{self.epochs}"]
        if self.images_per_second is not None:
            parts.append(f"{self.images_per_second:,.0f} images/s")
        if self.metric and self.value is not None:
            known = metric_of(self.metric)
            is_share = known is not None and known.scale == "share"
            parts.append(f"{self.metric} {f'{100 * self.value:.2f} %' if is_share else f'{self.value:.3f}'}")
        return parts


Listener = Callable[[Heartbeat], None]
"""Who is told of a run's heartbeats."""


def write_heartbeat(directory: Path, heartbeat: Heartbeat) -> None:
    """Write how far the run in `directory` is, whole; where that cannot be done, the run goes on without."""
    file, temporary = directory / FILE, directory / f".{FILE}.new"
    # Not `write_atomically`: nothing is lost with it, so that it need not reach the disk before training goes on.
    with contextlib.suppress(OSError):
        temporary.write_text(json.dumps(asdict(heartbeat)))
        os.replace(temporary, file)


def read_heartbeat(directory: Path) -> Heartbeat | None:
    """Return how far the run in `directory` is, None where it does not say."""
    try:
        content = json.loads((directory / FILE).read_bytes())
        return Heartbeat(**{field.name: content[field.name] for field in fields(Heartbeat)})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_heartbeat(directory: Path) -> None:
    """Remove `progress.json`: the run has its result."""
    with contextlib.suppress(OSError):
        (directory / FILE).unlink(missing_ok=True)
