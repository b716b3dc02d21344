"""What is tracked while a run trains: W&B live, resumed and failing, and Lightning's own loggers."""

import csv
import json
import math
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import wandb
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_runs import TINY
from wandb_server import KEY, SentRun, WandbServer

from litmus.core.errors import UserError
from litmus.launch.config import LaunchConfig
from litmus.records.run_record import RunRecord
from litmus.training import loggers as publishing
from litmus.training import loggers as tracking
from litmus.training import loggers as wandb_run
from litmus.training.callbacks import StopAtDivergence
from litmus.training.checkpoints import Paused
from litmus.training.config import resolve
from litmus.training.execute import attempt
from litmus.training.loggers import Mirror
from litmus.training.run import Execution, Place, Run

PROBED = {**TINY, "trainer.probes": ["gradient_norms", "activations"], "trainer.probe_every_n_steps": 7}
ONLINE = Execution(wandb="online")


def a_run(directory: Path, settings: dict[str, Any] | None = None) -> Run:
    config = resolve(PROBED if settings is None else settings)
    return Run("0123456789ab", "example", "norm batch", {"model.norm": "batch"}, config, directory / "0123456789ab")


def attempted(run: Run, execution: Execution, pause: Event | None = None) -> str:
    return attempt(run, execution, Place(), lambda _: None, attempts=1, pause=pause)


def sent(server: WandbServer) -> SentRun:
    [run] = [run for run in server.runs.values() if run.upserts]
    return run


def test_a_run_is_told_live_as_it_is_from_its_record(wandb_server: WandbServer, tmp_path: Path) -> None:
    run = a_run(tmp_path)
    attempted(run, ONLINE)
    live = sent(wandb_server)
    assert live.complete
    assert live.exit_code == 0
    assert live.latest("displayName") == "norm batch, seed 0"
    assert live.latest("groupName") == "example: norm batch"
    assert live.latest("tags") == ["example", "model.norm=batch", "finished"]
    assert live.config["arm"] == "norm batch"
    assert live.config["optim"] == run.config.as_dict()["optim"]
    assert live.config["normalisation"]["global_batch"] == 64
    with run.record.metrics_file.open() as file:
        rows = list(csv.DictReader(file))
    evaluations = [row for row in live.rows if "val_top1" in row]
    told = [float(row["val_top1"]) for row in rows if row["kind"] == "evaluation"]
    assert [row["val_top1"] for row in evaluations] == pytest.approx(told)
    assert [(row["epoch"], row["images"]) for row in evaluations] == [(1, 1280), (2, 2560)]
    assert [row["epoch"] for row in live.rows] == sorted(row["epoch"] for row in live.rows)
    probed = live.history[7]
    assert probed["gradient_norms/weight_gradient_norm/linear1"] > 0
    assert probed["gradient_norms/weight_gradient_norm by layer"]["_type"] == "histogram"
    summary = run.record.read_summary()
    assert live.summary["state"] == "finished"
    assert live.summary["test_top1"] == pytest.approx(summary["metrics"]["test_top1"])
    assert live.summary["flops"] == summary["cost"]["flops"]
    assert live.summary["val_top1"] == pytest.approx({"last": told[-1], "max": max(told)})
    axes = {each.get("1"): each.get("5") for each in live.axes}
    assert axes["epoch"] is None  # an axis itself
    assert axes["val_top1"] == axes["train_loss"] == list(axes).index("epoch") + 1

    before = live.history
    wandb_server.runs.clear()
    run.record.upload_file.unlink()
    assert publishing.publish(run.record) == "uploaded"
    again = sent(wandb_server)
    assert again.rows == [{k: v for k, v in row.items() if k[0] != "_"} for _, row in sorted(before.items())]
    assert {k: v for k, v in again.summary.items() if k[0] != "_"} == {
        k: v for k, v in live.summary.items() if k[0] != "_"
    }
    assert publishing.publish(run.record) == "there already"
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


def test_a_resumed_run_goes_on_in_the_same_run_without_a_gap(
    wandb_server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, pause = a_run(tmp_path, TINY), Event()
    ordinary = StopAtDivergence.on_train_batch_end

    def pause_within(self: StopAtDivergence, trainer: Any, *more: Any) -> None:
        if trainer.global_step == 12:
            pause.set()
        ordinary(self, trainer, *more)

    monkeypatch.setattr(StopAtDivergence, "on_train_batch_end", pause_within)
    with pytest.raises(Paused):
        attempted(run, Execution(wandb="online", checkpoint_seconds=0.001), pause)
    [identity] = wandb_server.runs
    assert wandb_server.runs[identity].summary["state"] == "interrupted"
    assert wandb_server.runs[identity].exit_code == 1
    attempted(run, ONLINE)
    assert list(wandb_server.runs) == [identity]
    assert sorted(wandb_server.runs[identity].history) == [5, 10, 15, 20, 25, 30, 35, 40]
    assert wandb_server.runs[identity].summary["state"] == "finished"
    assert wandb_server.runs[identity].latest("tags") == ["example", "model.norm=batch", "finished"]


def test_a_diverged_run_says_why(wandb_server: WandbServer, tmp_path: Path) -> None:
    assert attempted(a_run(tmp_path, {**TINY, "optim.lr": 1e30}), ONLINE) == "diverged"
    run = sent(wandb_server)
    assert run.summary["state"] == "diverged"
    assert run.summary["reason"].startswith("the loss was not finite at step ")
    assert "diverged" in run.latest("tags")


def test_a_crash_is_told_and_raised(wandb_server: WandbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError("<b>no & such</b>")

    monkeypatch.setattr(StopAtDivergence, "on_train_batch_end", crash)
    with pytest.raises(ZeroDivisionError):
        attempted(a_run(tmp_path, TINY), ONLINE)
    assert sent(wandb_server).summary["state"] == "crashed"
    assert sent(wandb_server).summary["reason"] == "ZeroDivisionError: <b>no & such</b>"
    assert sent(wandb_server).exit_code == 1


@pytest.mark.parametrize(
    ("operation", "failure", "told"),
    [
        ("UpsertBucket", 401, "status 401"),
        ("UpsertBucket", "hang", "Timed out"),
        ("file_stream", 404, "did not take all of it"),
        pytest.param("file_stream", 500, "Timed out", marks=pytest.mark.slow),
        pytest.param("file_stream", "cut", "Timed out", marks=pytest.mark.slow),
        pytest.param("UpsertBucket", 500, "Timed out", marks=pytest.mark.slow),
    ],
)
def test_whatever_fails_the_record_is_whole_and_a_later_upload_mends_it(
    wandb_server: WandbServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    failure: int | str,
    told: str,
) -> None:
    monkeypatch.setattr(wandb_run, "START_SECONDS", 2.0)
    monkeypatch.setattr(tracking, "PATIENCE_SECONDS", 2.0)
    monkeypatch.setattr("litmus.training.loggers.ARRIVAL_TRIES", 1)
    wandb_server.failing = lambda asked: failure if asked == operation else None
    run = a_run(tmp_path, TINY)
    assert attempted(run, ONLINE) == "finished"
    assert run.record.outcome().is_complete
    kept = json.loads(run.record.upload_file.read_text())
    assert told in kept["error"]
    assert kept["content"] == ""
    assert "\n" not in kept["error"]
    wandb_server.failing = lambda asked: None
    wandb.teardown()  # as the command that uploads later is a process of its own
    monkeypatch.setattr(Mirror, "failed_at", -math.inf)
    assert publishing.publish(run.record) == "uploaded"
    assert json.loads(run.record.upload_file.read_text())["error"] == ""
    assert sent(wandb_server).summary["test_top1"] == run.record.read_summary()["metrics"]["test_top1"]
    assert len(sent(wandb_server).history) == 8


def test_after_a_failure_the_next_runs_do_not_wait_for_the_server(wandb_server: WandbServer, tmp_path: Path) -> None:
    wandb_server.failing = lambda asked: 401
    first, second = a_run(tmp_path / "one", TINY), a_run(tmp_path / "two", TINY)
    attempted(first, ONLINE)
    asked = len(wandb_server.operations)
    assert attempted(second, ONLINE) == "finished"
    assert not [each for each in wandb_server.operations[asked:] if each == "UpsertBucket"]
    assert json.loads(second.record.upload_file.read_text())["error"] == "W&B failed in the run before"


def test_offline_leaves_the_clients_files_and_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    run = a_run(tmp_path, TINY)
    attempted(run, Execution(wandb="offline"))
    [file] = run.directory.glob("wandb/offline-run-*/run-*.wandb")
    content = file.read_bytes()
    for expected in ("0123456789ab", "example", "val_top1", "test_top1", "optim", "seed 0"):
        assert expected.encode() in content, expected
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


@pytest.mark.parametrize("name", ["tensorboard", "csv"])
def test_lightnings_own_loggers_get_the_same_rows(tmp_path: Path, name: str) -> None:
    run = a_run(tmp_path)
    attempted(run, Execution(logger=name))
    [folder] = (run.directory / name).iterdir()
    assert folder.name == "norm_batch__seed_0"
    with run.record.metrics_file.open() as file:
        evaluated = [(int(row["step"]), float(row["val_top1"])) for row in csv.DictReader(file) if row["val_top1"]]
    if name == "csv":
        with (folder / "metrics.csv").open() as file:
            rows = list(csv.DictReader(file))
        logged = [(int(row["step"]), float(row["val_top1"])) for row in rows if row["val_top1"]]
        assert any(row["gradient_norms/weight_gradient_norm/linear1"] for row in rows)
        assert (folder / "hparams.yaml").exists()
    else:
        events = EventAccumulator(str(folder)).Reload()
        logged = [(event.step, event.value) for event in events.Scalars("val_top1")]
        assert len(events.Scalars("gradient_norms/weight_gradient_norm/linear1")) > 2
    assert [step for step, _ in logged] == [step for step, _ in evaluated]
    assert [value for _, value in logged] == pytest.approx([value for _, value in evaluated])


def test_a_wrong_logger_is_told() -> None:
    with pytest.raises(UserError, match="unknown logger 'tensorbord'; did you mean 'tensorboard'"):
        LaunchConfig(logger="tensorbord")
    with pytest.raises(UserError, match="--wandb online"):
        LaunchConfig(logger="wandb")


def test_only_the_first_process_tracks(wandb_server: WandbServer, tmp_path: Path) -> None:
    run = a_run(tmp_path, TINY)
    with tracking.tracked(run, Execution(wandb="online", logger="csv"), Place(rank=1)) as trackers:
        assert trackers == []
    assert wandb_server.operations == []
    assert RunRecord(run.directory).read_status() == {}
