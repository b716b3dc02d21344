"""Commands that only read: they load no PyTorch, fit 80 columns without a broken word, and print JSON as documented."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli.test_status import PAGE, documented, found
from synthetic_records import Truth, synthetic
from tiny_runs import trained

from litmus.cli.main import run_command
from litmus.cli.profile import layer_lines
from litmus.design.plan import Arm
from litmus.design.study_files import STUDIES
from litmus.evidence.datasets import write_datasets
from litmus.lit_archs.building.registry import names
from litmus.lit_archs.cost.profile import native_profile

COMMANDS = (
    "list", "list studies", "list archs", "list data", "list probes", "list runs residual_depth",
    "status", "status residual_depth",
    "show 00000000000a", "power residual_depth --effect 1", "power residual_depth --effect 0.5 --metric val_top1",
    "report residual_depth", "report residual_depth.datasets",
    "judge runs.csv --arm method --metric accuracy",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the records of a study with claims, plots and measures, and of it on two datasets."""
    folder = tmp_path_factory.mktemp("reading")

    def truth(arm: Arm, seed: int) -> Truth:
        value = 0.8 + seed / 100 + 0.03 * len(arm.label) / 20
        return {"test_top1": value, "val_top1": value, "train_top1": value}

    synthetic(folder / "runs" / "residual_depth", STUDIES["residual_depth"], truth, seeds=3)
    rows = "".join(f"{arm},{seed},0.{arm}{seed}\n" for arm in (7, 8) for seed in range(3))
    (folder / "runs.csv").write_text(f"method,seed,accuracy\n{rows}")
    copied = {"first": "residual_depth", "second": "residual_depth"}
    write_datasets(folder / "runs" / "residual_depth.datasets", "residual_depth", copied)
    return folder


def test_commands_that_only_read_load_neither_torch_nor_lightning(folder: Path) -> None:
    without = ("report residual_depth.datasets", "judge")
    with_json = [f"{command} --json" for command in COMMANDS if not command.startswith(without)]
    # Those that a user waits for most come first: they load no pandas either.
    commands = sorted([*COMMANDS, *with_json], key=lambda command: not command.startswith(("status", "show")))
    code = (
        "import shlex, sys\nfrom litmus.cli.main import run_command\n"
        f"for command in {commands!r}:\n"
        "    assert run_command(shlex.split(command)) == 0, command\n"
        "    heavy = ['torch', 'torchvision', 'lightning', 'wandb']\n"
        "    heavy += ['pandas'] if command.startswith(('status', 'show')) else []\n"
        "    loaded = [name for name in heavy if name in sys.modules]\n"
        "    assert not loaded, (command, loaded)\n"
    )
    environment = {**os.environ, "COLUMNS": "80"}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def printed(
    command: list[str], columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    capsys.readouterr()
    assert run_command(command) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", [*COMMANDS, "profile googlenet", "profile lenet5_1998 --in_channels 3"])
def test_every_table_fits_80_columns_without_a_broken_word(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    narrow, wide = (printed(command.split(), columns, monkeypatch, capsys) for columns in (80, 300))
    assert max(map(len, narrow.splitlines())) <= 80 or command.startswith(("judge", "show"))
    assert set(narrow.split()) <= set(wide.split())
    assert "…" not in narrow


@pytest.mark.parametrize("name", names())
def test_every_networks_layers_fit_80_columns(name: str) -> None:
    layers = native_profile(name)
    lines = layer_lines(layers, 80)
    assert max(map(len, lines)) <= 80
    assert {layer.name.rpartition(".")[2] for layer in layers} <= {line.split()[0] for line in lines}
    assert lines[-1].split()[0] == "total"
    assert sum(line.startswith("  ") or line in lines for line in lines) == len(lines)


def test_figures_stand_under_a_name_that_leaves_them_no_room() -> None:
    lines = layer_lines(native_profile("lenet5"), 50)
    assert max(map(len, lines)) <= 50
    assert lines[lines.index("conv2") + 1].split()[:2] == ["Conv2d", "16×10×10"]


def test_lists_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    content = found(capsys, "list")
    assert content.pop("format") == 1
    assert content.keys() == documented("list [KIND] --json")
    by_name = {row["name"]: row for row in content["archs"]}
    assert by_name["resnet20"]["image"] == [3, 32, 32]
    assert by_name["resnet20"]["parameters"] == 269_722
    [study] = [row for row in content["studies"] if row["name"] == "batch_norm"]
    assert (study["arms"], study["seeds"], study["runs"]) == (10, 6, 60)
    assert study["factors"] == ["model.norm", "optim.lr"]
    assert found(capsys, "list", "data").keys() == {"format", "data"}


def test_a_run_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained(tmp_path)
    [shown] = found(capsys, "show", str(run.directory))["runs"]
    section = PAGE.split("## `litmus show RUN --json`")[1].split("\n## ")[0]
    assert shown.keys() == set(re.findall(r"`(\w+)`", section.split("| `runs` |")[1]))
    assert shown["state"] == "finished"
    assert shown["config"]["model"]["name"] == "mlp"
    assert 0 < shown["metrics"]["test_top1"] <= 1
    assert shown["progress"] is None
    assert not (run.directory / "progress.json").exists()
