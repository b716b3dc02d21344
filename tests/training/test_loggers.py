"""Lightning's loggers get what a run logs, a resumed run continues its W&B run, and no logger costs a run anything."""

import csv
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_runs import TINY, assert_same_bits
from wandb_server import KEY, SentRun, WandbServer

from litmus.lit_archs.learning.classifier import LitClassifier
from litmus.records.wandb import STEP, sync_command, wandb_id
from litmus.training import loggers
from litmus.training.callbacks import StopAtDivergence
from litmus.training.checkpoints import Paused
from litmus.training.config import resolve
from litmus.training.execute import attempt
from litmus.training.run import Execution, Place, Run

PROBED = {**TINY, "trainer.probes": ["gradient_norms"], "trainer.probe_every_n_steps": 7}
ONLINE = Execution(wandb="online")


def a_run(directory: Path, settings: dict[str, Any] | None = None) -> Run:
    config = resolve(settings or PROBED)
    return Run("0123456789ab", "example", "norm batch", {"model.norm": "batch"}, config, directory / "0123456789ab")


def attempted(run: Run, execution: Execution, pause: Event | None = None) -> str:
    return attempt(run, execution, Place(), lambda _: None, attempt_number=1, pause=pause)


def sent(server: WandbServer) -> SentRun:
    [run] = [run for run in server.runs.values() if run.upserts]
    return run


def curve(run: SentRun, name: str) -> dict[int, float]:
    return {row[STEP]: row[name] for row in run.rows if name in row}


def test_wandb_has_the_run_its_curves_and_its_end(
    wandb_server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary = LitClassifier.on_train_batch_end

    def log_more(self: LitClassifier, *arguments: Any) -> None:
        self.log("mine", 3.0)
        ordinary(self, *arguments)

    monkeypatch.setattr(LitClassifier, "on_train_batch_end", log_more)
    run = a_run(tmp_path)
    attempted(run, ONLINE)
    live = sent(wandb_server)
    assert (live.complete, live.exit_code) == (True, 0)
    assert live.latest("displayName") == "norm batch, seed 0"
    assert live.latest("groupName") == "example: norm batch"
    assert live.latest("tags") == ["example", "model.norm=batch"]
    assert live.config["arm"] == "norm batch"
    assert live.config["optim"] == run.config.as_dict()["optim"]
    with run.record.metrics_file.open() as file:
        rows = list(csv.DictReader(file))
    evaluated = {int(row["step"]) - 1: float(row["val_top1"]) for row in rows if row["kind"] == "evaluation"}
    trained = {int(row["step"]) - 1: float(row["lr"]) for row in rows if row["kind"] == "step"}
    assert curve(live, "val_top1") == pytest.approx(evaluated)
    assert curve(live, "lr") == pytest.approx(trained)
    assert list(curve(live, "mine")) == list(trained)
    norms = curve(live, "gradient_norms/weight_gradient_norm/linear1")
    assert list(norms) == [0, 7, 14, 21, 28, 35]
    summary = run.record.read_summary()
    assert live.summary["state"] == "finished"
    assert live.summary["normalisation"]["global_batch"] == 64
    assert live.summary["test_top1"] == pytest.approx(summary["metrics"]["test_top1"])
    assert live.summary["flops"] == summary["cost"]["flops"]
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


def test_a_resumed_run_continues_its_wandb_run_whose_offline_part_wandb_uploads(
    wandb_server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, pause = a_run(tmp_path), Event()
    ordinary = StopAtDivergence.on_train_batch_end

    def pause_within(self: StopAtDivergence, trainer: Any, *more: Any) -> None:
        if trainer.global_step == 32:
            pause.set()
        ordinary(self, trainer, *more)

    monkeypatch.setattr(StopAtDivergence, "on_train_batch_end", pause_within)
    with pytest.raises(Paused):
        attempted(run, Execution(wandb="offline", checkpoint_seconds=0.001), pause)
    subprocess.run(f"{Path(sys.executable).parent}/{sync_command(run.directory)}", shell=True, check=True)
    attempted(run, ONLINE)
    assert list(wandb_server.runs) == [wandb_id(run.record)]
    assert sent(wandb_server).summary["state"] == "finished"
    assert list(curve(sent(wandb_server), "val_top1")) == [19, 39]
    assert list(curve(sent(wandb_server), "lr")) == [4, 9, 14, 19, 24, 29, 34, 39]
    assert list(curve(sent(wandb_server), "gradient_norms/weight_gradient_norm/linear1")) == [0, 7, 14, 21, 28, 35]


def test_a_diverged_and_a_crashed_run_end_as_such(
    wandb_server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverging = a_run(tmp_path / "diverging", {**TINY, "optim.lr": 1e30})
    assert attempted(diverging, ONLINE) == "diverged"
    diverged = wandb_server.runs[wandb_id(diverging.record)]
    assert (diverged.summary["state"], diverged.exit_code) == ("diverged", 0)
    assert diverged.summary["diverged_at_step"] == diverging.record.read_summary()["diverged_at_step"]

    def crash(*_: object) -> None:
        raise ZeroDivisionError("no & such")

    monkeypatch.setattr(StopAtDivergence, "on_train_batch_end", crash)
    crashing = a_run(tmp_path / "crashing", TINY)
    with pytest.raises(ZeroDivisionError):
        attempted(crashing, ONLINE)
    crashed = wandb_server.runs[wandb_id(crashing.record)]
    assert (crashed.summary["state"], crashed.exit_code) == ("crashed", 1)
    assert crashed.summary["error"] == "ZeroDivisionError: no & such"


@pytest.mark.parametrize(
    ("operation", "failure"),
    [
        ("UpsertBucket", 401),
        pytest.param("file_stream", 500, marks=pytest.mark.slow),
    ],
)
def test_whatever_fails_the_runs_finish(
    wandb_server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, failure: int | str
) -> None:
    monkeypatch.setattr("litmus.records.wandb.INIT_SECONDS", 2.0)
    monkeypatch.setattr("litmus.records.wandb.FINISH_SECONDS", 2.0)
    wandb_server.failing = lambda asked: failure if asked == operation else None
    runs = [a_run(tmp_path / name, TINY) for name in ("one", "two")]
    for run in runs:
        assert attempted(run, ONLINE) == "finished"
        assert run.record.outcome().is_complete
    if operation == "UpsertBucket":
        tries = wandb_server.operations.count(operation)
        assert loggers._stays_offline
        attempted(a_run(tmp_path / "three", TINY), ONLINE)
        assert wandb_server.operations.count(operation) == tries  # nobody waits for the server again


def test_no_logger_changes_a_bit(tmp_path: Path) -> None:
    plain, logged = a_run(tmp_path / "plain"), a_run(tmp_path / "logged")
    attempted(plain, Execution())
    attempted(logged, Execution(wandb="offline", logger="tensorboard"))
    assert_same_bits(logged.record, plain.record)


@pytest.mark.parametrize("name", ["tensorboard", "csv"])
def test_lightnings_other_loggers_get_the_same_curves(tmp_path: Path, name: str) -> None:
    run = a_run(tmp_path)
    attempted(run, Execution(logger=name))
    with run.record.metrics_file.open() as file:
        evaluated = {int(row["step"]) - 1: float(row["val_top1"]) for row in csv.DictReader(file) if row["val_top1"]}
    probed = "gradient_norms/weight_gradient_norm/linear1"
    if name == "csv":
        [folder] = (run.directory / name).iterdir()
        with (folder / "metrics.csv").open() as file:
            rows = list(csv.DictReader(file))
        logged = {int(row["step"]): float(row["val_top1"]) for row in rows if row["val_top1"]}
        assert [int(row["step"]) for row in rows if row[probed]] == [0, 7, 14, 21, 28, 35]
        assert (folder / "hparams.yaml").exists()
    else:
        events = EventAccumulator(str(run.directory / name)).Reload()
        logged = {event.step: event.value for event in events.Scalars("val_top1")}
        assert [event.step for event in events.Scalars(probed)] == [0, 7, 14, 21, 28, 35]
    assert logged == pytest.approx(evaluated)


def test_only_rank_0_writes(wandb_server: WandbServer, tmp_path: Path) -> None:
    run = a_run(tmp_path, TINY)
    with loggers.open_loggers(run, Execution(wandb="online", logger="csv"), Place(rank=1)) as opened:
        for logger in opened:
            logger.log_metrics({"a": 1.0}, 0)
    assert wandb_server.operations == []
    assert not run.directory.exists()
    with loggers.open_loggers(run, Execution(), Place()) as opened:
        assert opened == []
