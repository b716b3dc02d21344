"""What the loop around a network takes counts in a forecast, and measuring it leaves the process as it was."""

import gc
import tempfile
from pathlib import Path

import pytest
import torch
from tiny_runs import TINY

from litmus.launch import forecast as loop_seconds
from litmus.launch.forecast import LoopSeconds, RunTimes, measure_loop
from litmus.training.config import resolve
from litmus.training.run import Execution


def test_the_loop_counts_by_step_and_by_epoch() -> None:
    config = resolve({**TINY, "trainer.epochs": 3})
    steps, alone = RunTimes(Execution(), lambda *_: 1.0).of(config)
    assert RunTimes(Execution(), lambda *_: 1.0, LoopSeconds(0.5, 7.0)).of(config) == (
        steps,
        pytest.approx(alone + 0.5 * steps + 3 * 7.0),
    )


def test_what_many_steps_take_more_than_few_is_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = {16: (81.0, 0.91), 256: (6.0, 0.16)}
    monkeypatch.setattr(loop_seconds, "_epoch", lambda accelerator, batch, epochs: measured[batch])
    assert measure_loop.__wrapped__("cpu") == LoopSeconds(pytest.approx(0.01), pytest.approx(0.1))


def test_a_study_is_not_refused_for_want_of_a_temporary_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert measure_loop.__wrapped__("cpu") == LoopSeconds()


def test_measuring_leaves_the_process_as_it_was() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    frozen = gc.get_freeze_count()
    measured = measure_loop.__wrapped__("cpu")
    assert max(measured.step, measured.epoch) > 0
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before[:2]
    assert torch.equal(torch.get_rng_state(), before[2])
    assert gc.get_freeze_count() <= frozen
