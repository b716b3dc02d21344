"""`--json` of list, show and profile: one object, with the keys that docs/json.md describes."""

import re
from pathlib import Path

import pytest
from cli.test_status import PAGE, documented, found
from tiny_runs import trained


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    content = found(capsys, "list")
    assert content.pop("format") == 1
    assert content.keys() == documented("list [KIND] --json")
    by_name = {row["name"]: row for row in content["archs"]}
    assert by_name["resnet20"]["image"] == [3, 32, 32]
    assert by_name["resnet20"]["parameters"] == 269_722
    [study] = [row for row in content["studies"] if row["name"] == "batch_norm"]
    assert (study["arms"], study["seeds"], study["runs"]) == (12, 5, 60)
    assert study["factors"] == ["model.norm", "optim.lr"]
    assert found(capsys, "list", "data").keys() == {"format", "data"}


def test_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(tmp_path)
    [shown] = found(capsys, "show", str(run.directory))["runs"]
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
