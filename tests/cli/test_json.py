"""`--json`: what machines read is one object, with the keys that docs/json.md promises."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from synthetic_records import Truth, synthetic
from tiny_runs import trained

from litmus.cli.main import run_command
from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.records.run_record import Heartbeat, write_heartbeat

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
STUDY = Study(
    name="norms",
    question="Which norm?",
    base={"model.name": "lenet5", "data.name": "digits"},
    factors={"model.norm": ["none", "batch", "group"]},
    baseline={"model.norm": "none"},
)


def truth(arm: Arm, seed: int) -> Truth:
    if arm.levels["model.norm"] == "group" and seed:
        return "diverged" if seed == 1 else "missing"
    return {"test_top1": 0.8 + seed / 100 + len(arm.label) / 500, "val_top1": 0.8}


def found(capsys: pytest.CaptureFixture[str], *command: str) -> dict[str, Any]:
    assert run_command([*command, "--json"]) == 0
    read = capsys.readouterr()
    content: dict[str, Any] = json.loads(read.out)
    assert read.err == ""
    assert content["format"] == 1
    return content


def documented(title: str) -> set[str]:
    """Return the keys of the first column of the section `title`, those within another left out."""
    section = PAGE.split(f"## `litmus {title}`\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    content = found(capsys, "list")
    assert content.keys() == {"format"} | documented("list [WHAT] --json")
    by_name = {row["name"]: row for row in content["archs"]}
    assert by_name["resnet20"]["image"] == [3, 32, 32]
    assert by_name["resnet20"]["parameters"] == 269_722
    [study] = [row for row in content["studies"] if row["name"] == "batch_norm"]
    assert (study["arms"], study["seeds"], study["runs"]) == (12, 5, 60)
    assert study["factors"] == ["model.norm", "optim.lr"]
    assert found(capsys, "list", "data").keys() == {"format", "data"}


def test_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic(tmp_path / "norms", STUDY, truth, seeds=3)
    content = found(capsys, "status", "--out", str(tmp_path))
    assert content.keys() == {"format"} | documented("status --json")
    [row] = content["studies"]
    assert row["study"] == "norms"
    assert {state: count for state, count in row["runs"].items() if count} == {
        "finished": 7, "diverged": 1, "not_started": 1
    }  # fmt: skip
    content = found(capsys, "status", "norms", "--out", str(tmp_path))
    assert content.keys() == {"format"} | documented("status STUDY --json")
    assert content["seconds_left"] is None  # nothing is at work
    group = content["arms"][2]
    assert group["levels"] == {"model.norm": "group"}
    assert [(run["seed"], run["state"]) for run in group["runs"]] == [
        (0, "finished"), (1, "diverged"), (2, "not started")
    ]  # fmt: skip


def test_status_says_how_far_a_run_at_work_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from litmus.records.lease import acquire
    from litmus.records.run_record import RunRecord, run_records

    analysis = synthetic(tmp_path / "norms", STUDY, truth, seeds=3)
    for finished in run_records(tmp_path / "norms"):
        finished.write_status(**{**finished.read_status(), "started": 1000.0, "updated": 1100.0})
    record = RunRecord(tmp_path / "norms" / analysis.study.arms[2].runs[2])
    record.path.mkdir()
    lease = acquire(record.path)
    assert lease is not None
    record.write_status(state="running", study="norms", arm="norm group", seed=2, attempts=1)
    beat = Heartbeat(360, 800, 4.5, 10, 812.4, "val_top1", 0.912)
    write_heartbeat(record.path, beat)
    content = found(capsys, "status", "norms", "--out", str(tmp_path))
    assert Heartbeat(**content["arms"][2]["runs"][2]["progress"]) == beat
    assert content["seconds_left"] == 50  # half of one run
    assert content["bytes"] == sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert run_command(["status", "norms", "--out", str(tmp_path)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "norm group, seed 2: step 360/800, epoch 4.5/10, 812 images/s, val_top1 91.20 %" in told
    lease.release()
    assert run_command(["show", record.run_id, "--out", str(tmp_path)]) == 0
    assert "step 360/800, epoch 4.5/10" in capsys.readouterr().out


def test_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(tmp_path)
    content = found(capsys, "show", str(run.directory))
    [shown] = content["runs"]
    section = PAGE.split("## `litmus show RUN --json`")[1].split("\n## ")[0]
    assert shown.keys() == set(re.findall(r"`(\w+)`", section.split("| `runs` |")[1]))
    assert shown["state"] == "finished"
    assert shown["config"]["model"]["name"] == "mlp"
    assert 0 < shown["metrics"]["test_top1"] <= 1
    assert shown["progress"] is None
    assert not (run.directory / "progress.json").exists()


def test_profile(capsys: pytest.CaptureFixture[str]) -> None:
    content = found(capsys, "profile", "lenet5")
    assert content.keys() == {"format"} | documented("profile NAME --json")
    assert content["total"]["parameters"] == sum(layer["parameters"] for layer in content["layers"]) == 61_706
    assert any(not figure["right"] for figure in content["quoted"])


def test_power(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic(tmp_path / "norms", STUDY, truth, seeds=3)
    content = found(capsys, "power", "norms", "--effect", "0.5", "--out", str(tmp_path))
    assert content.keys() == {"format"} | documented("power STUDY --json")
    assert content["effect"] == 0.005
    batch, group = content["arms"]
    assert batch["pairs"] == 3
    assert group["pairs"] == 2
    needed, least, most = group["seeds"]
    assert least <= needed
    assert most is None  # of two pairs, one of which diverged, nobody knows
    assert all(batch["seeds_with_holm"])


def test_what_reads_alone_loads_no_torch_with_json_either(tmp_path: Path) -> None:
    synthetic(tmp_path / "norms", STUDY, truth, seeds=3)
    for command in ("list", "status norms", "show", "power norms --effect 1"):
        where = [] if command == "list" else ["--out", str(tmp_path)]
        arguments = [*(["show", "000000000001"] if command.startswith("show") else command.split()), "--json"]
        code = (
            "import sys\nfrom litmus.cli.main import run_command\n"
            f"status = run_command({[*arguments, *where]!r})\n"
            "sys.exit(status or 'torch' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
        assert done.returncode == 0, done.stderr
        json.loads(done.stdout)


def test_json_is_printed_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic(tmp_path / "norms", STUDY, truth, seeds=3)
    assert run_command(["status", "--json", "--watch", "--out", str(tmp_path)]) == 2
    assert "--json prints once" in capsys.readouterr().err
