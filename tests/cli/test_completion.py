"""TAB in real shells: commands, options, names and what is on disk, without PyTorch once the cache is filled."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pexpect
import pytest
from synthetic_records import synthetic

from litmus.cli import completion
from litmus.cli.main import COMMANDS, run_command
from litmus.design.study import Study
from litmus.design.study_files import STUDIES

ASK = """
source <(litmus completion bash)
for COMP_LINE in "$@"; do
    COMP_POINT=${#COMP_LINE} COMP_TYPE=9 COMPREPLY=()
    _python_argcomplete litmus
    echo "$COMP_LINE> ${COMPREPLY[@]}"
done
"""
EXPECTED = {
    "litmus ": list(COMMANDS),
    "litmus report ": ["norms", "norms+data=digits,shapes"],
    "litmus report norms+": ["norms+data=digits,shapes"],
    "litmus report norms+data=di": ["digits,shapes"],
    "litmus report --out nowhere ": [],
    "litmus run ./m": ["./mine.py"],
    "litmus train --optim.l": ["--optim.lr", "--optim.label_smoothing", "--optim.loss"],
    "litmus train --model=resnet11": ["resnet110"],
    "litmus train --seeds ": [],
    "litmus vary --vary model.dropo": ["model.dropout="],
}
"""What is typed, and what TAB offers."""
STUDY = Study("norms", "?", {"model.name": "lenet5"}, {"model.norm": ["none", "batch"]}, {"model.norm": "none"})


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's caches, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def shell_environment(tmp_path: Path, environment: dict[str, str], cache: Path) -> dict[str, str]:
    """An environment in which `litmus` is a command that cannot import PyTorch, and has a filled cache."""
    completion.command_arguments(COMMANDS)
    program = tmp_path / "bin" / "litmus"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.modules['torch'] = None\n"
        "from litmus.cli.main import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    root = str(Path(__file__).parents[2])
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return {**environment, "PATH": path, "PYTHONPATH": root, "XDG_CACHE_HOME": str(cache)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a study on disk, and a study's file."""
    folder = tmp_path / "here"
    (folder / "runs").mkdir(parents=True)
    (folder / "mine.py").touch()
    (folder / "notes.txt").touch()
    synthetic(folder / "runs" / "norms", STUDY, lambda arm, seed: {"test_top1": 0.8, "val_top1": 0.8}, seeds=1)
    return folder


def test_bash_completes(folder: Path, shell_environment: dict[str, str]) -> None:
    (folder / "runs" / "norms+data=digits,shapes").mkdir()
    shutil.copy(folder / "runs" / "norms" / "study.json", folder / "runs" / "norms+data=digits,shapes")
    lines = [*EXPECTED, "litmus run --", "litmus show "]
    done = subprocess.run(
        ["bash", "--norc", "-c", ASK, "bash", *lines],
        cwd=folder, env=shell_environment, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    offered = {line: words.split() for line, words in (each.split("> ") for each in done.stdout.splitlines())}
    runs = [path.parent.name for path in folder.glob("runs/norms/*/status.json")]
    assert len(runs) == 2
    assert sorted(offered.pop("litmus show ")) == sorted(runs)
    # Hundreds of config keys are shown by their sections.
    options = offered.pop("litmus run --")
    assert {"--seeds", "--first-seed", "--model.", "--slurm."} <= set(options)
    assert len(options) < 50
    assert offered == EXPECTED


@pytest.mark.parametrize(
    ("shell", "arguments", "before"),
    [("bash", ["--norc", "-i"], ""), ("zsh", ["-f", "-i"], "autoload -U compinit; compinit -u -D; ")],
)
def test_tab_is_pressed_in_a_terminal(
    shell: str, arguments: list[str], before: str, folder: Path, shell_environment: dict[str, str]
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} on this machine")
    environment = {**shell_environment, "TERM": "dumb"}
    child = pexpect.spawn(shell, arguments, cwd=str(folder), env=environment, encoding="utf-8", timeout=60)
    child.sendline(f"{before}PS1='ready''> '; source <(litmus completion {shell})")
    child.expect_exact("ready> ")
    child.send("litmus statu\t")
    child.expect_exact("s ")
    child.send("no\t")
    child.expect_exact("norms ")
    child.send("--j\t")
    child.expect_exact("--json ")
    child.close(force=True)


@pytest.mark.parametrize("shell", get_args(completion.Shell))
def test_a_shell_accepts_what_is_printed(shell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run_command(["completion", shell]) == 0
    code = capsys.readouterr().out
    assert "_ARGCOMPLETE" in code
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} on this machine")
    (tmp_path / "code").write_text(code)
    checked = subprocess.run([shell, "-n", str(tmp_path / "code")], capture_output=True, text=True, timeout=60)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_arguments_are_read_from_the_parsers_and_kept(cache: Path) -> None:
    found = completion.command_arguments(COMMANDS)
    assert set(found) == set(COMMANDS)
    values = {argument["name"]: argument["values"] for argument in (*found["run"], *found["images"], *found["list"])}
    assert values["optim.nesterov"] == ["true", "false"]
    assert "cifar_colour" in values["data.augment"]
    assert "fashion-mnist" in values["dataset"]
    assert values["kind"] == ["all", "studies", "archs", "data", "probes", "runs"]
    assert {"quick", "paper"} <= set(values["preset"])
    assert (
        set(values["study_or_file"])
        == {file.stem for file in Path("studies").glob("[a-z]*.py")}
        <= set(STUDIES.names())
    )
    completion.cache_file().write_text('{"list": []}')
    assert completion.command_arguments(COMMANDS) == {"list": []}
    completion.cache_file().write_text("{")
    assert completion.command_arguments(COMMANDS) == found


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a file"))
    assert set(completion.command_arguments(COMMANDS)) == set(COMMANDS)
