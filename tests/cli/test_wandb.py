"""`litmus wandb` and the mode of W&B, with a server on this machine that stands in for W&B's."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_records import Truth, synthetic
from wandb_server import ENTITY, KEY, WandbServer

from litmus import Claim, more
from litmus.cli import wandb as command
from litmus.core.errors import UserError
from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.records import wandb as tracking
from litmus.records.run_record import run_records
from litmus.records.wandb import available_mode, init_arguments

Litmus = Callable[..., subprocess.CompletedProcess[str]]

HOSTILE = '<img src=x onerror=alert(1)> | "q" `c` *b* [l](javascript:x) \n ن‮ ' + "x" * 300

NONE, BATCH = {"model.norm": "none"}, {"model.norm": "batch"}
TINY = {"model.name": "mlp", "model.width": 16, "model.depth": 2, "model.activation": "relu"}


def truth(arm: Arm, seed: int) -> Truth:
    if arm.levels == NONE and seed == 2:
        return "diverged"
    curve = [{"step": step, "epoch": step / 20, "val_top1": step / 100 + 0.01 * seed} for step in (20, 40)]
    probes = [(step, "conv/1", "rms", 1.0 + step) for step in (0, 20)]
    reached = 0.9 if arm.levels == BATCH else 0.3
    return {"test_top1": reached + 0.01 * seed, "val_top1": 0.4, "val_loss": 1.0, "curve": curve, "probes": probes}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study on disk with known results and a claim."""
    monkeypatch.chdir(tmp_path)
    claims = [Claim("Norm helps.", more("test_top1", BATCH, than=NONE), threshold=0.05)]
    made = Study("known", "Does it help?", TINY, {"model.norm": ["none", "batch"]}, NONE, seeds=4, claims=claims)
    synthetic(Path("runs/known"), made, truth, seeds=4)
    monkeypatch.setattr("litmus.report.page.study_of", lambda record: made)
    return made


@pytest.mark.usefixtures("study")
def test_the_report_is_written_and_then_replaced(wandb_server: WandbServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.execute(["report", "known"]) == 0
    printed = capsys.readouterr()
    [view] = wandb_server.views.values()
    assert view["displayName"] == "known: Does it help?"
    spec = json.loads(view["spec"])
    grids = [block["metadata"] for block in spec["blocks"] if block["type"] == "panel-grid"]
    assert [run_set["name"] for run_set in grids[0]["runSets"]] == ["known"]
    kinds = [panel["viewType"] for grid in grids for panel in grid["panelBankSectionConfig"]["panels"]]
    assert {"Run History Line Plot", "Bar Chart", "Scatter Plot", "Parameter Importance"} <= set(kinds)
    curve = grids[0]["panelBankSectionConfig"]["panels"][0]["config"]
    assert (curve["xAxis"], curve["metrics"]) == ("trainer/global_step", ["val_top1"])
    assert (curve["groupBy"], curve["groupArea"]) == ("arm.value", "stderr")
    assert "| Norm helps. | supported |" in view["spec"]
    assert command.execute(["report", "known"]) == 0
    assert list(wandb_server.views) == [view["id"]]
    assert capsys.readouterr().out == printed.out
    wandb_server.views.clear()  # somebody deleted it
    assert command.execute(["report", "known"]) == 0
    assert len(wandb_server.views) == 1
    wandb_server.failing = lambda asked: 403 if asked == "upsertView" else None
    capsys.readouterr()
    assert command.execute(["report", "known"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "403" in line
    assert KEY not in line


def test_hostile_names_are_text(tmp_path: Path, wandb_server: WandbServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arms = {HOSTILE: NONE, "'); DROP TABLE": BATCH}
    claim = Claim(HOSTILE, more("test_top1", HOSTILE, than="'); DROP TABLE"))
    made = Study("hostile", HOSTILE, TINY, ["model.norm"], HOSTILE, arms, seeds=2, claims=[claim])
    synthetic(Path("runs/hostile"), made, truth, seeds=2)
    monkeypatch.setattr("litmus.report.page.study_of", lambda record: made)
    assert command.execute(["report", "hostile"]) == 0
    for record in run_records(Path("runs/hostile")):
        arguments = init_arguments(record)
        assert all(len(tag) <= 64 for tag in arguments["tags"])
        assert all(len(arguments[name]) <= 128 and arguments[name].isprintable() for name in ("name", "group"))
    [view] = wandb_server.views.values()
    for block in json.loads(view["spec"])["blocks"]:
        if block["type"] == "markdown-block":
            assert not re.search(r"(?<!\\)(<img|\]\(javascript)", block["content"])


def test_mistakes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=re.escape("unknown action of litmus wandb 'repot'; did you mean 'report'?")):
        command.execute(["repot", "nothing"])
    with pytest.raises(UserError, match="no experiments in runs"):
        command.execute(["report", "nothing"])
    with pytest.raises(UserError, match="did you mean 'offline'"):
        available_mode("oflin", Path("study"))


def test_the_mode_follows_the_option_then_the_environment_then_the_key(
    tmp_path: Path, wandb_server: WandbServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("litmus.records.wandb.ANSWER_SECONDS", 0.3)

    def resolved(asked: str | None = None) -> tuple[str, str]:
        tracking._print_once.cache_clear()
        return available_mode(asked, Path("study")), capsys.readouterr().err

    later = "Upload later with: wandb sync study/*/wandb/*run-*\n"
    assert resolved() == ("online", f"litmus: W&B is online: runs go to {ENTITY}/litmus\n")
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert resolved() == ("offline", f"litmus: W&B is offline. {later}")
    assert resolved("disabled") == ("disabled", "")
    for failure, reason in ((401, "refuses the API key"), ("hang", "does not answer (ReadTimeout)")):
        wandb_server.failing = lambda operation, failure=failure: failure  # type: ignore[misc]
        assert resolved("online") == ("offline", f"litmus: W&B is offline: {wandb_server.url} {reason}. {later}")
    wandb_server.failing = lambda operation: None
    # A variable that is set but empty counts as not set.
    monkeypatch.setenv("WANDB_MODE", " ")
    monkeypatch.setenv("WANDB_API_KEY", "")
    monkeypatch.delenv("NETRC")
    wandb_server.operations.clear()
    assert resolved() == ("disabled", "")
    assert resolved("online") == ("offline", f"litmus: W&B is offline: no API key. {later}")
    assert wandb_server.operations == []
    host = wandb_server.url.removeprefix("http://").partition(":")[0]
    (tmp_path / ".netrc").write_text(f"machine {host} login user password {KEY}\n")
    assert resolved()[0] == "online"


@pytest.mark.slow
def test_online_without_a_key_is_said_once_and_trains(litmus: Litmus, tmp_path: Path) -> None:
    options = [part for key, value in TINY.items() for part in (f"--{key}", str(value))]
    result = litmus(
        "train", "--data", "digits", "--trainer.epochs", "1", *options, "--name", "one", "--wandb", "online",
        NETRC=str(tmp_path / "no.netrc"),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert [line for line in result.stderr.splitlines() if "W&B" in line] == [
        "litmus: W&B is offline: no API key. Upload later with: wandb sync runs/one/*/wandb/*run-*"
    ]
    assert list(tmp_path.glob("runs/*/*/wandb/offline-run-*"))
