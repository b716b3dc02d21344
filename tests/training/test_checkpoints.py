"""A run that is stopped within an epoch goes on at the exact sample, and ends in the same bits."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_runs import TINY, assert_same_bits, prepared

from litmus.records.run_record import Heartbeat, RunRecord
from litmus.training.checkpoints import Paused
from litmus.training.execute import attempt
from litmus.training.run import Execution, Place

SETTINGS: dict[str, Any] = {
    **TINY,
    "model.norm": "batch",
    "model.dropout": 0.3,
    "data.augment": "crop",
    "data.mix": "mixup",
    "data.batch_size": 100,
    "trainer.log_every_n_steps": 4,
    "trainer.validations_per_epoch": 3,
    "trainer.probes": ["update_ratio", "per_class_accuracy"],
    "trainer.probe_every_n_steps": 5,
}
"""14 steps an epoch, evaluated after steps 4, 9 and 14."""


class PauseAt(threading.Event):
    """Says yes the `count`-th time that it is asked, which is once a step that is no evaluation's."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.left = count

    def is_set(self) -> bool:
        self.left -= 1
        return self.left <= 0


def execute(directory: Path, pause: threading.Event, execution: Execution, **settings: Any) -> str:
    torch.rand(7)  # another process's generator is elsewhere
    run = prepared(directory, {**SETTINGS, **settings})
    return attempt(run, execution, Place(), lambda _: None, attempt_number=1, pause=pause)


def assert_same(one: Path, other: Path) -> None:
    assert_same_bits(RunRecord(one), RunRecord(other))


@pytest.mark.parametrize("more", [{}, {"trainer.accumulate": 2, "data.drop_last": True}])
def test_paused_at_any_step_it_goes_on_in_the_same_bits(tmp_path: Path, more: dict[str, Any]) -> None:
    never = threading.Event()
    assert execute(tmp_path / "whole", never, Execution(checkpoint_seconds=1000), **more) == "finished"
    pauses = 0
    # 1 is the first step; others follow an evaluation, the end of an epoch, or a pause one step before.
    for count in (1, 1, 4, 3, 7, 2, 1, 5):
        try:
            execute(tmp_path / "paused", PauseAt(count), Execution(checkpoint_seconds=1000), **more)
        except Paused:
            pauses += 1
            assert RunRecord(tmp_path / "paused").read_status()["state"] == "interrupted"
    assert pauses >= 5
    assert execute(tmp_path / "paused", never, Execution(), **more) == "finished"
    assert_same(tmp_path / "whole", tmp_path / "paused")


def test_sigterm_is_the_launchers_to_answer_and_not_lightnings(tmp_path: Path) -> None:
    pause, seen = threading.Event(), []
    before = signal.signal(signal.SIGTERM, lambda *arguments: pause.set())
    ours = signal.getsignal(signal.SIGTERM)

    def terminate(heartbeat: Heartbeat) -> None:
        if not seen:
            seen.append(heartbeat)
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        run = prepared(tmp_path / "run", SETTINGS)
        with pytest.raises(Paused):
            attempt(run, Execution(), Place(), terminate, attempt_number=1, pause=pause)
        assert signal.getsignal(signal.SIGTERM) is ours
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen
    assert run.record.checkpoint.exists()
    assert run.record.read_status()["state"] == "interrupted"


def test_paused_within_an_epoch_it_keeps_the_same_best_weights(tmp_path: Path) -> None:
    # The best evaluation lies before some of the pauses: its weights are in the checkpoints.
    more = {"trainer.keep": "both", "trainer.test": "best", "optim.lr": 0.3}
    never = threading.Event()
    assert execute(tmp_path / "whole", never, Execution(checkpoint_seconds=1000), **more) == "finished"
    for count in (6, 5, 3):
        with pytest.raises(Paused):
            execute(tmp_path / "paused", PauseAt(count), Execution(checkpoint_seconds=1000), **more)
        checkpoint = torch.load(RunRecord(tmp_path / "paused").checkpoint, weights_only=True)
        best = checkpoint["callbacks"]["BestWeights"]
        assert 0 < best["step"] < checkpoint["global_step"]
        assert not RunRecord(tmp_path / "paused").best_checkpoint.exists()
    assert execute(tmp_path / "paused", never, Execution(), **more) == "finished"
    assert_same(tmp_path / "whole", tmp_path / "paused")
    one, other = (
        torch.load(RunRecord(tmp_path / name).best_checkpoint, weights_only=True) for name in ("whole", "paused")
    )
    assert one["global_step"] == other["global_step"]
    assert one["input"] == other["input"]
    for key, value in one["state_dict"].items():
        assert torch.equal(value, other["state_dict"][key]), key


class KilledError(Exception):
    pass


def test_killed_between_two_checkpoints_it_repeats_the_steps_after_the_last(tmp_path: Path) -> None:
    execution = Execution(checkpoint_seconds=1000, checkpoint_steps=3)
    assert execute(tmp_path / "whole", threading.Event(), Execution(checkpoint_seconds=1000)) == "finished"

    class Kill(PauseAt):
        def is_set(self) -> bool:
            if super().is_set():
                raise KilledError
            return False

    for count in (5, 8, 12):
        with pytest.raises(KilledError):
            execute(tmp_path / "killed", Kill(count), execution)
    checkpoint = torch.load(RunRecord(tmp_path / "killed").checkpoint, weights_only=True)
    assert checkpoint["global_step"] % 3 == 0
    assert checkpoint["global_step"] > 14
    execute(tmp_path / "killed", threading.Event(), execution)
    assert_same(tmp_path / "whole", tmp_path / "killed")
