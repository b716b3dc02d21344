"""The command line as a user types it: what it prints, its exit status, and one clear line for every mistake."""

import argparse
import os
import re
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tiny_runs import tiny_options

from litmus.cli import run
from litmus.cli.main import COMMANDS, find_home, run_command
from litmus.cli.names import check_names
from litmus.cli.options import parse_tune, parse_vary, read
from litmus.core.errors import UserError
from litmus.records.run_record import run_records
from litmus.training.config import resolve

Litmus = Callable[..., "subprocess.CompletedProcess[str]"]


def test_config_keys_are_separated_from_other_options() -> None:
    arguments = ["batch_norm", "--data", "mnist", "--data.root=D", "--seeds", "5", "--optim.nesterov"]
    arguments += ["--per-device=4", "--checkpoint-every", "epoch", "--optim.lr", "1e-2", "--model=mlp"]
    options = read(run.parser(), [*arguments, "--optim.milestones", "[0.1, 0.2]", "--trainer.accumulate", "2"])
    assert (options.study_or_file, options.seeds, options.per_device, options.checkpoint_every) == (
        "batch_norm",
        5,
        4,
        "epoch",
    )
    assert options.settings == {
        "data.name": "mnist",
        "data.root": "D",
        "optim.nesterov": "true",
        "optim.lr": "1e-2",
        "model.name": "mlp",
        "optim.milestones": "[0.1, 0.2]",
        "trainer.accumulate": "2",
    }
    config = resolve(options.settings)
    assert (config.optim.lr, config.optim.nesterov, config.optim.milestones) == (0.01, True, (0.1, 0.2))


def test_levels_are_numbers_words_and_booleans() -> None:
    assert parse_vary(["optim.lr=0.1,1e-3", "model.norm=none,batch", "model.residual=true,false"]) == {
        "optim.lr": [0.1, 0.001],
        "model.norm": ["none", "batch"],
        "model.residual": [True, False],
    }


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            ["--slurm.extra", "mem=3G", "--slurm.extra", "exclusive"],
            "--slurm.extra: given twice; .* [mem=3G, exclusive]",
        ),
        (["--slurm.setup", "a", "--slurm.setup", "[b]"], "--slurm.setup: given twice; .* [a, b]"),
        (["--trainer.probes", "[a, b]", "--trainer.probes", "c"], "--trainer.probes: given twice; .* [a, b, c]"),
    ],
)
def test_the_values_of_a_list_are_given_once(typed: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said.replace("[", r"\[")):
        read(run.parser(), ["batch_norm", *typed])


def test_the_levels_of_a_key_are_given_once() -> None:
    with pytest.raises(UserError) as error:
        parse_vary(["optim.lr=0.01,0.03", "model.norm=none", "optim.lr = 0.1"])
    assert str(error.value) == (
        "--vary optim.lr is given twice; give all values at once: --vary optim.lr=0.01,0.03,0.1"
    )
    with pytest.raises(UserError, match=r"--tune optim\.lr is given twice"):
        parse_tune(["optim.lr=0.01..1", "optim.lr=0.1,0.2"])


MISTAKES = [
    ("run batchnorm", "unknown study 'batchnorm'; did you mean 'batch_norm'?"),
    ("rnu batch_norm", "unknown command 'rnu'; did you mean 'run'?"),
    ("run batch_norm --seed 3", "--seeds says how many"),
    ("run batch_norm --seeds 0", "seeds must be greater than 0"),
    ("run batch_norm --worker 2", "unknown option '--worker'; did you mean '--workers'?"),
    ("train --lr 0.1", "unknown option '--lr'; did you mean '--optim.lr'? valid: --help, --config,"),
    ("train --norm batch", "--norm needs one of its keys, e.g. --norm.placement; did you mean '--model.norm'?"),
    ("run batch_norm --workers 0", "--workers must be greater than 0"),
    ("run batch_norm --accelerator tpu", "valid: auto, cpu, cuda"),
    ("run batch_norm --data mnist --data.root nowhere", "put train-images-idx3-ubyte"),
    ("run batch_norm --vary model.norm", "expected KEY=LEVEL,LEVEL"),
    ("vary --vary model.norm=none,batch,group --design ladder", "design ladder needs two levels"),
    ("vary --vary model.norm=none,batch --trials 3", "--trials and --tuning-seeds need --tune"),
    ("run batch_norm --out pyproject", "cannot write pyproject/batch_norm"),
    (
        "run architectures --data.batchsize 4",
        "unknown config key 'data.batchsize' for shapes; did you mean 'data.batch_size'",
    ),
    ("run architectures --data digits --data.batchsize 4", "unknown config key 'data.batchsize' for digits"),
    ("train --optim.name lbfgs", "unknown optim.name 'lbfgs'"),
    ("train --model mynet", "wide_resnet101_2; one of your own: --model FILE.py:CLASS"),
    ("vary --vary data.name=digits,shapes --data digits,shapes", "use one of the two"),
    ("profile mynet --source nowhere.py", "nowhere.py: no such file"),
    ("profile vgg16 --image-size 31", "image_size must be at least 32, got 31"),
    ("train --model resnt20", "unknown architecture 'resnt20'; did you mean 'resnet20'?"),
    ("train --data.batch_size 5000", "leave no batch"),
    ("train --trainer.validations_per_epoch 99", "exceeds the"),
    ("train --optim.lr fast", "optim.lr: expected a number > 0, got 'fast'"),
    ("train --config broken.yaml", "not YAML"),
    ("train --name a/b", "--name 'a/b': expected at most 100 letters"),
    ("vary --model lenet5", "nothing to vary"),
    ("vary --vary optim.lr=0.1,0.2 --optim.lr 0.1", "optim.lr is a factor of vary-lenet5"),
    ("list nets", "valid: all, studies, archs, data, probes, runs"),
    ("status", "no experiments in runs"),
    ("show 12ab", "no run '12ab' in runs"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_is_one_line_and_status_2(
    arguments: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject").touch()
    (tmp_path / "broken.yaml").write_text("a: [1,")
    assert run_command(arguments.split()) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1
    assert errors[0].startswith("litmus: ")
    assert message in errors[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.yaml", "pyproject"]  # nothing half-made


@pytest.mark.slow
def test_a_study_from_first_command_to_last(
    litmus: Litmus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    vary = ["vary", *tiny_options(), "--vary", "model.norm=none,batch", "--seeds", "2", "--name", "mine"]
    first = litmus(*vary)
    assert first.returncode == 0, first.stderr
    assert "report: runs/mine/report.html" in first.stdout
    assert re.search(r"\[4/4\] finished", first.stderr)
    assert "Warning" not in first.stderr

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")

    def printed(*arguments: str) -> tuple[str, str]:
        assert run_command(arguments) == 0
        return capfd.readouterr()

    assert "finished norm" not in printed(*vary)[1]  # nothing is run twice
    assert re.search(r"norm batch +2", printed("status", "mine")[0])
    Path("runs/mine/report.html").unlink()
    printed("report", "mine")
    run_id = run_records(Path("runs/mine"))[0].path.name
    assert run_id in Path("runs/mine/report.html").read_text()

    shown, _ = printed("show", run_id[:6])
    assert f"run {run_id}: mine" in shown
    assert "test_top1" in shown
    command = re.search(r"^again: litmus (.*)$", shown, re.MULTILINE)
    assert command is not None
    printed(*command.group(1).split())
    [record] = Path("again").glob("*/*/metrics.csv")
    assert record.parent.name == run_id  # the same experiment, and the same result
    assert record.read_text() == (Path("runs/mine") / run_id / "metrics.csv").read_text()


def test_print_config_is_a_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["train", "--model", "resnet20", "--optim.lr", "0.5", "--print_config"]) == 0
    printed = capsys.readouterr().out
    config = yaml.safe_load(printed)
    assert config["model"]["name"] == "resnet20"
    assert config["optim"]["lr"] == 0.5
    assert config["optim"]["momentum"] == 0.9  # defaults included
    file = tmp_path / "config.yaml"
    file.write_text(printed)
    assert run_command(["train", "--config", str(file), "--trainer.epochs", "3", "--print_config"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == {**config, "trainer": {**config["trainer"], "epochs": 3}}


def test_help_lists_the_architectures_own_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run_command(["train", "--model", "lenet5", "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    for option in ("--model.pooling", "--optim.milestones", "--trainer.epochs", "--workers", "--data.root"):
        assert option in text


def test_a_studys_file_runs_by_itself(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(__file__).parents[2] / "studies" / "batch_norm.py"
    monkeypatch.setattr(sys, "argv", [str(file), "--seeds", "0"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(file), run_name="__main__")
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "litmus: seeds must be greater than 0, got 0\n"


def test_caches_have_a_folder_where_there_is_no_home_to_write_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_home() is None
    assert os.environ["HOME"] == str(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "gone"))
    line = find_home()
    [folder] = tmp_path.glob("litmus-*")
    assert line == f"{tmp_path / 'gone'} is no home folder to write in; settings and caches are kept in {folder}"
    assert os.environ["HOME"] == str(folder)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_every_option(name: str) -> None:
    """But for the config keys, which are hundreds: it says that they are options, and which have a shorter one."""
    parser = COMMANDS[name].parser()
    shown = parser.format_help()
    keys = {action.dest for action in parser._actions if "." in action.dest and action.help == argparse.SUPPRESS}
    assert not keys or "key" in str(parser.description)
    for action in parser._actions:
        names = [
            text for text in action.option_strings if "." in text or "_" not in text
        ]  # --per_device is --per-device
        for written in names or [str(action.metavar or action.dest)]:
            assert action.dest in keys or written == "--seed" or re.search(rf"(^|[\s\[]){written}\b", shown), written
    assert max(map(len, shown.splitlines())) < 80


EARLY = {
    "run batch_nrm --out /tmp/runs": "unknown study 'batch_nrm'; did you mean 'batch_norm'? valid: activations",
    "run batch_norm --preset papr": "unknown preset of batch_norm 'papr'; did you mean 'paper'? valid: quick, paper",
    "run batch_norm --data digits,mnst": "unknown dataset 'mnst'; did you mean 'mnist'? valid: arrays, cifar10",
    "train --model resnt20": "unknown architecture 'resnt20'; did you mean 'resnet20'? valid: alexnet",
    "profile resnt20": "unknown architecture 'resnt20'; did you mean 'resnet20'?",
}
WITHOUT_TORCH = """
import importlib.abc, shlex, sys

class Torch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise SystemExit("PyTorch is imported")

sys.meta_path.insert(0, Torch())
from litmus.cli.main import run_command
for line in sys.argv[1:]:
    print(run_command(shlex.split(line)))
"""


def test_a_wrong_name_is_reported_before_pytorch_is_imported(tmp_path: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *EARLY], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.split()) == (0, ["2"] * len(EARLY)), done.stderr
    for line, message in zip(done.stderr.splitlines(), EARLY.values(), strict=True):
        assert line.startswith(f"litmus: {message}")


@pytest.mark.parametrize(
    "typed",
    [
        "run Batch_Norm --data folder:pictures/a,Digits --preset Paper", "run ./mine.py --data mine", "run mine/study",
        "train --model RESNET26", "train --model wide_resnet10_2", "train --model torchvision/swin_t",
        "train --source a.py --model Mine --data mine", "train --model net.py:Mine", "train --model Mine",
        "vary --vary model.norm=none,batch",
    ],
)  # fmt: skip
def test_valid_names_and_those_of_files_are_left_to_the_command(
    typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text("class Mine: ...")
    command, *arguments = typed.split()
    check_names(command, arguments)
