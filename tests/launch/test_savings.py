"""What other arithmetic would save is measured and told where it saves, and nothing else is."""

import dataclasses
from typing import Any

from tiny_runs import TINY

from litmus.launch.forecast import DataSize, Forecast, Longest, savings
from litmus.training.config import RunConfig, resolve
from litmus.training.run import Execution

SIZE = DataSize(1000, 100, 10, (1, 8, 8))


def told(settings: dict[str, Any] | None = None, accelerator: str = "cpu") -> list[str]:
    config = resolve({**TINY, **(settings or {})})
    longest = Longest(config, SIZE, Execution(accelerator=accelerator), seconds(config, SIZE, Execution()))
    return savings(Forecast(1, 0, 1, 1, 1.0, 1.0, accelerator, 1, 1, longest), seconds)


def seconds(config: RunConfig, size: DataSize, execution: Execution) -> float:
    """A machine on which half precision takes half the time, TF32 0.7 and channels last as long as the other layout."""
    by_precision = {"32-true": 1.0, "tf32": 0.7, "bf16-mixed": 0.5}[config.trainer.precision]
    return by_precision * (0.95 if config.trainer.channels_last else 1.0)


def test_only_what_saves_is_told_as_options() -> None:
    assert told() == [
        "  of that time, with other rounding, the same for all arms:",
        "    50 % with --trainer.precision bf16-mixed",
        "    48 % with --trainer.precision bf16-mixed --trainer.channels_last true",
    ]
    assert "    70 % with --trainer.precision tf32" in told(accelerator="cuda")


def test_what_the_user_chose_is_left_alone() -> None:
    assert told({"trainer.precision": "bf16-mixed"}) == []
    assert told({"trainer.channels_last": True})[1:] == ["    50 % with --trainer.precision bf16-mixed"]


def test_where_nothing_is_left_to_run_nothing_is_measured() -> None:
    assert savings(dataclasses.replace(Forecast(0, 3, 0, 0, 0.0, 0.0, "cpu", 1, 1)), lambda *_: 1 / 0) == []
