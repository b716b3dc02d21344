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
from litmus.core.errors import UserError
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
    completion.fill_cache(COMMANDS)
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


NAMES = {
    "run batch_nrm": "unknown study 'batch_nrm'; did you mean 'batch_norm'?",
    "run batch_norm --data digit": "unknown dataset 'digit'; did you mean 'digits'? valid: arrays, cifar10",
    "run batch_norm --data digits,mnst": "unknown dataset 'mnst'; did you mean 'mnist'?",
    "train --model resnt20": "unknown architecture 'resnt20'; did you mean 'resnet20'? valid: alexnet",
    "profile resnt20": "unknown architecture 'resnt20'; did you mean 'resnet20'?",
    "train --optim.nme adam": "unknown config key 'optim.nme'; did you mean 'optim.name'? valid: optim.name, optim.lr",
    "train --optim.name adamm": "unknown optim.name 'adamm'; did you mean 'adam'?",
    "train --trainer.probes [logits,gradient_nrms]": "unknown probe 'gradient_nrms'; did you mean 'gradient_norms'?",
    "vary --worker 2": "unknown option '--worker'; did you mean '--workers'?",
}
VALID = (
    "train --model RESNET26 --print_config", "run Batch_Norm --data folder:pictures,Digits --per_device 2",
    "train --model torchvision/swin_t --model.stochastic_depth_prob 0", "train --source a.py --model Mine --model.my 2",
    "train --optim.name AdamW --trainer.probes [Logits]", "train --model.no_such_option 1",
)  # fmt: skip


def test_a_wrong_name_is_reported_without_pytorch(tmp_path: Path, shell_environment: dict[str, str]) -> None:
    for words, message in NAMES.items():
        done = subprocess.run(
            ["litmus", *words.split()], cwd=tmp_path, env=shell_environment, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert f"litmus: {message}" in done.stderr


def test_valid_names_and_those_that_depend_on_a_network_are_left_to_the_command(cache: Path) -> None:
    completion.check_names("train", ["--model", "resnt20"])  # there is no cache
    completion.fill_cache(COMMANDS)
    with pytest.raises(UserError, match="resnt20"):
        completion.check_names("train", ["--model", "resnt20"])
    for words in VALID:
        command, *others = words.split()
        completion.check_names(command, others)
    old = completion.cache_file().stat().st_mtime - 10**8
    os.utime(completion.cache_file(), (old, old))
    completion.check_names("train", ["--model", "resnt20"])  # the package may have changed since
