"""`litmus wandb`: the report, uploads and the sweep, against a stand-in for the server."""

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
from litmus.evidence.summary import summarise
from litmus.report.wandb import as_markdown, build, escaped, markdown_table

Litmus = Callable[..., subprocess.CompletedProcess[str]]

EVIL = '<img src=x onerror=alert(1)> | "q" `c` *b* [l](javascript:x) \n נ‮ ' + "x" * 300

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
    """A study on disk whose runs are known, and whose claims are found by its name."""
    monkeypatch.chdir(tmp_path)
    claims = [Claim("Norm helps.", more("test_top1", BATCH, than=NONE), "figure 1", threshold=0.05)]
    made = Study(
        "known",
        "Does it help?",
        TINY,
        {"model.norm": ["none", "batch"]},
        NONE,
        seeds=4,
        source="Us 2024",
        claims=claims,
    )
    synthetic(Path("runs/known"), made, truth, seeds=4)
    monkeypatch.setattr("litmus.cli.wandb.study_of", lambda record: made)
    return made


@pytest.mark.usefixtures("study")
def test_sync_uploads_each_run_once_then_the_summary(
    wandb_server: WandbServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.execute(["sync", "known"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[0] == f"8 runs uploaded, in {ENTITY}/litmus"
    arms = [run for run in wandb_server.runs.values() if run.latest("jobType") == "run"]
    assert len(arms) == 8
    assert {run.latest("groupName") for run in arms} == {"known: norm none", "known: norm batch"}
    assert sorted(run.summary["state"] for run in arms) == ["diverged"] + ["finished"] * 7
    assert all(run.complete for run in arms)
    [summary] = [run for run in wandb_server.runs.values() if run.latest("jobType") == "summary"]
    assert "Supported: Norm helps" in summary.summary["answer"]
    assert summary.summary["claims supported"] == 1
    assert summary.summary["diverged"] == 1
    tables = {name: json.loads(content) for name, content in wandb_server.files.items() if name.endswith(".table.json")}
    [claims] = [each for name, each in tables.items() if "/claims_" in name and "media" in name]
    assert claims["data"][0][:3] == ["Norm helps.", "supported", "supported"]
    assert summary.rows[-1]["differences"]["_type"] == "plotly-file"

    wandb_server.operations.clear()
    assert command.execute(["sync", "known"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"8 runs there already, in {ENTITY}/litmus"
    assert {each for each in wandb_server.operations if not each.startswith("/")} == set()


@pytest.mark.usefixtures("study")
def test_an_upload_that_breaks_ends_in_one_line_and_goes_on_later(
    wandb_server: WandbServer, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {file: file.read_bytes() for file in Path("runs").rglob("*") if file.is_file()}
    wandb_server.failing = lambda asked: 401 if asked == "UpsertBucket" and len(wandb_server.runs) == 3 else None
    assert command.execute(["sync", "known"]) == command.FAILED
    told = capsys.readouterr()
    [line] = [line for line in told.err.splitlines() if not line.startswith("[")]
    assert line == (
        "litmus: W&B: stopped with 3 of 8 runs there (CommError: status 401); the records are whole, and the same "
        "command goes on"
    )
    assert {file: file.read_bytes() for file in before} == before
    wandb_server.failing = lambda asked: None
    import wandb

    wandb.teardown()
    assert command.execute(["sync", "known"]) == 0
    assert "3 runs there already, 5 runs uploaded" in capsys.readouterr().out


@pytest.mark.usefixtures("study")
def test_weights_and_the_page_are_uploaded_on_request(wandb_server: WandbServer) -> None:
    [run] = list(Path("runs/known").glob("0*0"))
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "last.ckpt").write_bytes(b"weights")
    Path("runs/known/report.html").write_text("a page")
    assert command.execute(["sync", "known", "--artifacts", "checkpoints,report"]) == 0
    kept = {artifact["name"]: artifact["files"] for artifact in wandb_server.artifacts}
    assert kept[f"weights-{run.name}"] == ["last.ckpt"]
    assert [files for name, files in kept.items() if name.startswith("report-")] == [["report.html"]]
    assert b"weights" in wandb_server.files.values()
    with pytest.raises(UserError, match="unknown artifact 'weights'"):
        command.execute(["sync", "known", "--artifacts", "weights"])


@pytest.mark.usefixtures("study")
def test_the_report_is_written_and_then_written_anew(
    wandb_server: WandbServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.execute(["report", "known"]) == 0
    told = capsys.readouterr()
    url = told.out.split()[1]
    assert "8 runs of 8 not in W&B, and missing from the plots; litmus wandb sync known" in told.err
    assert url.startswith(f"{wandb_server.url}/{ENTITY}/litmus/reports/known-Does-it-help--")
    [view] = wandb_server.views.values()
    assert view["displayName"] == "known: Does it help?"
    spec = json.loads(view["spec"])
    grids = [block["metadata"] for block in spec["blocks"] if block["type"] == "panel-grid"]
    assert [each["name"] for each in grids[0]["runSets"]] == ["norm none", "norm batch"]
    kinds = [panel["viewType"] for grid in grids for panel in grid["panelBankSectionConfig"]["panels"]]
    for kind in ("Run History Line Plot", "Bar Chart", "Scatter Plot", "Parameter Importance"):
        assert kind in kinds
    curve = grids[0]["panelBankSectionConfig"]["panels"][0]["config"]
    assert (curve["xAxis"], curve["metrics"], curve["groupBy"], curve["groupArea"]) == (
        "epoch",
        ["val_top1"],
        "arm.value",
        "stderr",
    )
    assert "Norm helps\\\\." in view["spec"] or "Norm helps." in view["spec"]
    identity = view["id"]
    assert command.execute(["report", "known"]) == 0
    assert list(wandb_server.views) == [identity]
    assert capsys.readouterr().out.split()[1] == url
    wandb_server.views.clear()  # somebody deleted it
    assert command.execute(["report", "known"]) == 0
    assert len(wandb_server.views) == 1


@pytest.mark.usefixtures("study")
def test_a_report_that_fails_says_so_in_one_line(wandb_server: WandbServer, capsys: pytest.CaptureFixture[str]) -> None:
    wandb_server.failing = lambda asked: 403 if asked == "upsertView" else None
    assert command.execute(["report", "known"]) == command.FAILED
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("litmus: W&B: the report was not written (")
    assert "403" in line
    assert KEY not in line


@pytest.mark.usefixtures("study")
def test_without_an_account_the_report_can_be_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert command.execute(["report", "known", "--dry-run"]) == 0
    text = capsys.readouterr().out
    for expected in (
        "# known: Does it help?",
        "| Norm helps. | supported |",
        "run set norm batch: 4 runs by their ids, grouped by config.arm",
        "ParameterImportancePlot: with_respect_to test\\_top1",
        "- norm none, seed 2: diverged at step 3",
        "| Factors | model.norm | yes: ",
        "counts with the accuracy of guessing",
        "Holm's method over 1 comparison.",
        "    litmus run known --seeds 4",
    ):
        assert expected in text, expected
    assert command.execute(["report", "known", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["spec"]["blocks"]


def test_hostile_names_are_text(tmp_path: Path, wandb_server: WandbServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arms = {EVIL: NONE, "'); DROP TABLE": BATCH}
    claim = Claim(EVIL, more("test_top1", EVIL, than="'); DROP TABLE"))
    made = Study("evil", EVIL, TINY, ["model.norm"], EVIL, arms, seeds=2, claims=[claim])
    synthetic(Path("runs/evil"), made, truth, seeds=2)
    monkeypatch.setattr("litmus.cli.wandb.study_of", lambda record: made)
    assert command.execute(["sync", "evil"]) == 0
    assert command.execute(["report", "evil"]) == 0
    for run in wandb_server.runs.values():
        assert all(len(tag) <= 64 for tag in run.latest("tags"))
        assert all(len(str(run.latest(name))) <= 128 for name in ("displayName", "groupName"))
        assert "\n" not in str(run.latest("displayName"))
    [view] = wandb_server.views.values()
    markdown = [block for block in json.loads(view["spec"])["blocks"] if block["type"] == "markdown-block"]
    assert len(markdown) >= 3
    for block in markdown:
        assert "<img" not in block["content"]
        assert "](javascript" not in block["content"]
    text = as_markdown(build(summarise(Path("runs/evil"), [claim]), made, "", "litmus"))
    assert "<img" not in text
    assert "‮" not in text


def test_a_cell_of_markdown_stays_a_cell() -> None:
    table = markdown_table(("a", "b"), [("x | y", "<b>`c`</b>\nd")])
    assert table.splitlines()[-1] == "| x \\| y | &lt;b&gt;\\`c\\`&lt;/b&gt; d |"
    assert escaped("") == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("repot", "unknown action of litmus wandb 'repot'; did you mean 'report'?"),
        ("report nothing", "no studies in runs"),
        ("report known --json", "--json goes with --dry-run"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, told: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=re.escape(told)):
        command.execute(arguments.split())


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"WANDB_API_KEY": ""}, ["litmus: W&B: no API key is configured (wandb login, or WANDB_API_KEY); runs are"]),
        pytest.param(
            {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": "http://127.0.0.1:9"},
            ["litmus: W&B: http://127.0.0.1:9 cannot be"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_online_without_account_or_network_is_told_once_and_trains(
    litmus: Litmus, tmp_path: Path, more: dict[str, str], told: list[str]
) -> None:
    options = [part for key, value in TINY.items() for part in (f"--{key}", str(value))]
    result = litmus("train", "--data", "digits", "--trainer.epochs", "1", *options, "--wandb", "online", **more)
    assert result.returncode == 0, result.stderr
    lines = [line for line in result.stderr.splitlines() if "W&B" in line]
    assert len(lines) == 1
    assert lines[0].startswith(told[0])
    assert lines[0].endswith("runs are tracked offline; litmus wandb sync STUDY uploads them later")
    assert list(tmp_path.glob("runs/*/*/wandb/offline-run-*"))


@pytest.mark.slow
def test_a_study_tracked_online_ends_with_its_address(
    litmus: Litmus, wandb_server: WandbServer, tmp_path: Path
) -> None:
    options = [part for key, value in TINY.items() for part in (f"--{key}", str(value))]
    online = {"WANDB_API_KEY": KEY, "WANDB_BASE_URL": wandb_server.url, "WANDB_MODE": ""}
    result = litmus("train", "--data", "digits", "--trainer.epochs", "1", *options, "--name", "one", **online)
    assert result.returncode == 0, result.stderr
    assert f"litmus: W&B: runs go to {ENTITY}/litmus on {wandb_server.url}" in result.stderr
    assert f"W&B: {wandb_server.url}/{ENTITY}/litmus/runs/summary-" in result.stdout
    assert sorted(run.latest("jobType") for run in wandb_server.runs.values()) == ["run", "summary"]
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file
