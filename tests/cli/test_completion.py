"""TAB in real shells: commands, options, names and what is on disk."""

import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

from litmus.cli.main import COMMANDS, run_command

ASK = """
source ./script
for typed in "$@"; do
    read -ra COMP_WORDS <<< "$typed."
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_WORDS[-1]=${COMP_WORDS[-1]%.} COMPREPLY=()
    _shtab_litmus litmus "${COMP_WORDS[COMP_CWORD]}"
    echo "$typed> ${COMPREPLY[@]}"
done
"""
EXPECTED = {
    "litmus ": list(COMMANDS),
    "litmus report ": ["norms", "norms+data=digits,shapes"],
    "litmus run batch_norm_": ["batch_norm_mnist", "batch_norm_recipe"],
    "litmus run ./m": ["./mine.py"],
    "litmus run --preset q": ["quick"],
    "litmus list a": ["all", "archs"],
    "litmus train --optim.l": ["--optim.lr", "--optim.label_smoothing", "--optim.loss"],
    "litmus train --optim.nesterov ": ["true", "false"],
    "litmus train --model resnet11": ["resnet110"],
    "litmus train --data.root r": ["runs"],
    "litmus train --seeds ": [],
    "litmus vary --vary model.dropo": ["model.dropout="],
}
"""What is typed, and what TAB offers."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two experiments, a study's file and other things."""
    for name in ("norms", "norms+data=digits,shapes"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    for name in ("mine.py", "notes.txt"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} on this machine")
    assert run_command(["completion", shell]) == 0
    Path("script").write_text(capsys.readouterr().out)


def test_bash_completes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_script("bash", capsys)
    done = subprocess.run(["bash", "--norc", "-c", ASK, "bash", *EXPECTED], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert {line: words.split() for line, words in (each.split("> ") for each in done.stdout.splitlines())} == EXPECTED


@pytest.mark.parametrize(
    ("shell", "arguments", "before"),
    [
        ("bash", ["--norc", "-i"], "PS1='ready''> '; eval \"$(<./script)\""),
        ("zsh", ["-f", "-i"], "autoload -U compinit; compinit -u -D; PS1='ready''> '; eval \"$(<./script)\""),
        ("fish", ["--no-config", "-i"], "function fish_prompt; printf 'ready''> '; end; source ./script"),
    ],
)
def test_tab_is_pressed_in_a_terminal(
    shell: str, arguments: list[str], before: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_script(shell, capsys)
    child = pexpect.spawn(shell, arguments, encoding="utf-8", timeout=60, env={"TERM": "dumb", "PATH": "/usr/bin:/bin"})
    child.sendline(before)
    child.expect_exact("ready> ")
    child.send("litmus statu\t")
    child.expect_exact("s ")
    child.send("--js\t")
    child.expect_exact("on")
    child.close(force=True)
