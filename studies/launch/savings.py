"""What the settings that change a run's arithmetic would save of a study's time: measured, and left to the user."""

import dataclasses
from collections.abc import Callable
from typing import Any

from studies.launch.forecast import Forecast
from studies.launch.run_seconds import measure_step

WORTH = 0.9
"""Share of the time above which a setting is not told of."""


def savings(told: Forecast, step_seconds: Callable[..., float] = measure_step) -> list[str]:
    """Return a line for what would save time: the share of a step's that the study's costliest network then takes.

    Compiling is not tried: it takes a minute a network before the first step.
    """
    if told.longest is None:
        return []
    longest, trainer = told.longest, told.longest.config.trainer
    changes: list[dict[str, Any]] = [{"precision": "bf16-mixed"}, {"channels_last": True}]
    changes.append({**changes[0], **changes[1]})
    if told.accelerator == "cuda":
        changes.insert(0, {"precision": "tf32"})
    found = []
    for change in changes:
        # Who asked for another precision than the default has chosen.
        if any(key == "precision" and trainer.precision != "32-true" for key in change):
            continue
        if any(getattr(trainer, key) == value for key, value in change.items()):
            continue
        faster = dataclasses.replace(trainer, **change)
        config = dataclasses.replace(longest.config, trainer=faster)
        share = step_seconds(config, longest.size, longest.execution) / longest.seconds
        if share < WORTH:
            found.append(f"{100 * share:.0f} % with {_as_options(change)}")
    if not found:
        return []
    return [
        "  of that time, with other rounding, the same for all arms:",
        *(f"    {each}" for each in found),
    ]


def _as_options(change: dict[str, Any]) -> str:
    return " ".join(f"--trainer.{key} {str(value).lower()}" for key, value in change.items())
