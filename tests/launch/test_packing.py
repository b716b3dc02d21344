"""How many runs share a GPU: by what is measured of one; nothing on a CPU, and nothing where the user has said it."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_runs import TINY

from litmus.launch import forecast as packing
from litmus.launch.forecast import Room, packed
from litmus.launch.machine import LaunchConfig
from litmus.training.config import resolve

GIB = 1 << 30
EMPTY = Room(seconds=0.010, seconds_larger=0.010, run_bytes=2 * GIB, free_bytes=80 * GIB, cpus=32, runs=60)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ({}, 8),  # eight times the batch takes as long: seven eighths of the GPU are unused
        ({"seconds_larger": 0.079}, 1),  # the batch alone fills it
        ({"seconds_larger": 0.090}, 1),
        ({"seconds_larger": 0.020}, 4),
        ({"seconds": 0.030}, 16),  # never more than so many
        ({"free_bytes": 7 * GIB}, 3),
        ({"free_bytes": 1 * GIB}, 1),
        ({"cpus": 2}, 2),
        ({"runs": 5}, 5),
    ],
)
def test_the_scarcest_thing_decides(what: dict[str, Any], expected: int) -> None:
    assert dataclasses.replace(EMPTY, **what).beside == expected


def test_what_is_chosen_is_told_with_the_reason() -> None:
    told = EMPTY.told()
    assert told.startswith("8 at a time on each GPU (a step takes 10.0 ms, one of 8 times the batch 10.0 ms")
    assert "2.0 of 80 GiB" in told
    assert told.endswith("--per-device N says otherwise")


def _runs(count: int) -> list[Any]:
    return [SimpleNamespace(config=resolve({**TINY, "data.batch_size": 32 + seed})) for seed in range(count)]


def test_nothing_is_measured_on_a_cpu_or_where_the_number_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "measure", lambda *_: pytest.fail("measured"))
    assert packed(LaunchConfig(accelerator="cpu", wandb="disabled"), _runs(9))[0].per_device == 1
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert packed(LaunchConfig(wandb="disabled", per_device=3), _runs(9))[0].per_device == 3
    for alone in ({"devices": 2}, {"workers": 4}):
        assert packed(LaunchConfig(wandb="disabled", **alone), _runs(9)) == (  # type: ignore[arg-type]
            LaunchConfig(wandb="disabled", per_device=1, **alone),  # type: ignore[arg-type]
            None,
        )
    assert packed(LaunchConfig(wandb="disabled"), _runs(2))[0].per_device == 1  # one for each GPU


def test_on_a_gpu_the_largest_batch_decides_for_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []

    def measured(config: Any, execution: Any, cpus: int, runs: int) -> Room:
        seen.append((config.data.batch_size, execution.accelerator, cpus, runs))
        return dataclasses.replace(EMPTY, cpus=cpus, runs=runs)

    monkeypatch.setattr(packing, "measure", measured)
    monkeypatch.setattr(packing, "available_cpus", lambda: 16)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    launch, told = packed(LaunchConfig(wandb="disabled"), _runs(9))
    assert seen == [(40, "cuda", 8, 5)]
    assert launch.per_device == 5
    assert told is not None
