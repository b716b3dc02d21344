"""TAB in real shells: commands, options, names and what lies on disk, without PyTorch."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from synthetic_records import Truth, synthetic

from litmus.cli.completion import package_studies
from litmus.cli.main import COMMANDS, run_command
from litmus.datamodules.loading.registry import DATASETS
from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.design.study_files import STUDIES
from litmus.lit_archs.building.registry import ARCHITECTURES, names
from litmus.probes.probe import PROBES

SHELLS = ("bash", "zsh", "fish")
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
    "litmus re": ["report"],
    "litmus report ": ["norms"],
    "litmus wandb sync ": ["norms"],
    "litmus report --out nowhere ": [],
    "litmus run batch_norm_": ["batch_norm_mnist", "batch_norm_recipe"],
    "litmus run ./m": ["./mine.py"],
    "litmus run ./n": [],
    "litmus train --optim.l": ["--optim.lr", "--optim.label_smoothing", "--optim.loss"],
    "litmus train --model resnet11": ["resnet110"],
    "litmus train --model=resnet11": ["resnet110"],
    "litmus train --data dig": ["digits"],
    "litmus train --data.augment cifar_": ["cifar_colour", "cifar_heavy"],
    "litmus train --optim.nesterov ": ["true", "false"],
    "litmus train --trainer.probes logits,gradient_n": ["logits,gradient_norms"],
    "litmus train --seeds ": [],
    "litmus vary --vary model.norm=none,ba": ["none,batch"],  # bash parts words at the sign
    "litmus show data fash": ["fashion-mnist"],
}
"""What stands behind `litmus` in the command line, and what TAB offers."""
STUDY = Study(
    name="norms",
    question="Which norm?",
    base={"model.name": "lenet5", "data.name": "digits"},
    factors={"model.norm": ["none", "batch"]},
    baseline={"model.norm": "none"},
)


def truth(arm: Arm, seed: int) -> Truth:
    return {"test_top1": 0.8, "val_top1": 0.8}


@pytest.fixture
def shell_environment(tmp_path: Path, environment: dict[str, str]) -> dict[str, str]:
    """An environment in which `litmus` is a command that refuses to import PyTorch."""
    program = tmp_path / "bin" / "litmus"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.modules['torch'] = None\n"
        "from litmus.cli.main import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    root = str(Path(__file__).parents[2])
    return {**environment, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": root}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a study on disk, and a study's file."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine.py").touch()
    (tmp_path / "here" / "notes.txt").touch()
    (tmp_path / "here" / "runs").mkdir()
    synthetic(tmp_path / "here" / "runs" / "norms", STUDY, truth, seeds=1)
    return tmp_path / "here"


def printed(command: list[str], folder: Path, environment: dict[str, str]) -> list[str]:
    """Return the lines that a shell's command prints, those left out that are empty."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return [line for line in done.stdout.splitlines() if line.strip()]


def test_bash_completes(folder: Path, shell_environment: dict[str, str]) -> None:
    lines = [*EXPECTED, "litmus run --", "litmus show "]
    found = printed(["bash", "--norc", "-c", ASK, "bash", *lines], folder, shell_environment)
    offered = {line: words.split() for line, words in (each.split("> ") for each in found)}
    runs = [path.parent.name for path in folder.glob("runs/norms/*/status.json")]
    assert len(runs) == 2
    assert sorted(offered.pop("litmus show ")) == sorted(["data", *runs])
    # Hundreds of config keys are shown by their sections.
    options = offered.pop("litmus run --")
    assert {"--seeds", "--first-seed", "--model.", "--slurm."} <= set(options)
    assert len(options) < 50
    assert offered == EXPECTED


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish on this machine")
def test_fish_completes_with_what_each_name_means(folder: Path, shell_environment: dict[str, str]) -> None:
    def offered(line: str) -> dict[str, str]:
        code = "litmus completion fish | source; complete --do-complete $argv[1]"
        lines = printed(["fish", "--no-config", "-c", code, line], folder, shell_environment)
        return dict((*each.split("\t", 1), "")[:2] for each in lines)

    assert offered("litmus sta") == {"status": COMMANDS["status"]}
    assert list(offered("litmus report ")) == ["norms"]
    assert offered("litmus train --data digi")["digits"]
    assert list(offered("litmus train --data=digi")) == ["--data=digits"]


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
    child.send("litmus stat\t")
    child.expect_exact("us ")
    child.send("no\t")
    child.expect_exact("norms ")
    child.send("--j\t")
    child.expect_exact("--json ")
    child.sendcontrol("c")
    child.expect_exact("ready> ")
    child.sendline("exit")
    child.expect(pexpect.EOF)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_takes_what_is_printed(shell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run_command(["completion", shell]) == 0
    code = capsys.readouterr().out
    assert "_ARGCOMPLETE" in code
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} on this machine")
    (tmp_path / "code").write_text(code)
    checked = subprocess.run([shell, "-n", str(tmp_path / "code")], capture_output=True, text=True, timeout=60)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_an_unknown_shell_is_told_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["completion", "fihs"]) == 2
    assert "did you mean 'fish'?" in capsys.readouterr().err


def test_names_that_are_read_without_pytorch_are_all_there_are() -> None:
    from litmus.cli.completion import _architectures, _summaries

    assert package_studies() == sorted(STUDIES.names())
    assert set(_architectures()) == {name for name in names() if ARCHITECTURES[name].of_the_package}
    assert set(_summaries("datamodules")) == set(DATASETS.names())
    assert set(_summaries("litmus.probes")) == set(PROBES.names())
