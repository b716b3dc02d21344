"""A plain class of nn.Module in a user's file takes part by `net.py:MyNet`, and each near miss says so in a line."""

import subprocess
import sys
from pathlib import Path

import pytest

import litmus
from litmus.cli.main import run_command
from litmus.core.errors import UserError
from litmus.core.source import import_source
from litmus.launch.checks import lines_about_outputs
from litmus.launch.worker import import_user_code
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.records.user_code import RunCode
from litmus.training.config import resolve
from litmus.training.run import Run
from litmus.training.user_code import keep_copies, read_user_code

NET = '''\
"""Attention between the positions of a feature map."""

import torch
from torch import nn


class Part{n}(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.attend = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x):
        return x + self.attend(x, x, x, need_weights=False)[0]


class Attentive{n}(nn.Module):
    """A convolution, attention and a mean."""

    def __init__(self, num_classes, width, in_channels=3, attention=True, end=None):
        super().__init__()
        self.stem = nn.Conv2d(in_channels, width, 3, stride=2)
        self.part = Part{n}(width, 2) if attention else nn.Identity()
        self.head = nn.Linear(width, num_classes)
        self.end = end

    def forward(self, images):
        outputs = self.head(self.part(self.stem(images).relu().flatten(2).transpose(1, 2)).mean(1))
        return outputs if self.end is None else getattr(torch, self.end)(outputs, 1)


class Sized{n}(nn.Sequential):
    def __init__(self, n_classes=7):
        super().__init__(nn.Flatten(), nn.Linear(64, n_classes))


class Coloured{n}(nn.Sequential):
    def __init__(self, num_classes):
        super().__init__(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, num_classes))


class Unwritable{n}(nn.Module):
    def __init__(self, block: nn.Module, num_classes=10):
        super().__init__()


def made{n}(num_classes=10):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, num_classes))


number = 3
'''


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The name of a file in the present folder, whose classes end in what follows `net`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    ending = str(abs(hash(request.node.nodeid)))
    (tmp_path / f"net{ending}.py").write_text(NET.replace("{n}", ending))
    return ending


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run_command(arguments) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_a_class_is_named_with_its_file_and_its_arguments_are_options(
    net: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = f"net{net}.py:Attentive{net}"
    told = printed(capsys, "train", "--model", model, "--model.width", "4", "--print_config")
    assert f"name: Attentive{net}\n  width: 4\n  attention: true" in told
    assert "scheme: own" in told
    for form in (["--model", model.lower()], ["--source", f"net{net}.py", "--model", f"Attentive{net}"]):
        assert printed(capsys, "train", *form, "--model.width", "4", "--print_config") == told
    with pytest.raises(SystemExit):
        run_command(["train", "--model", model, "--help"])
    assert "--model.attention" in capsys.readouterr().out
    sizes = ["--in-channels", "1", "--image-size", "8", "--model.width", "4"]
    assert "MultiheadAttention" in printed(capsys, "profile", model, *sizes)
    made = litmus.lit_archs.build(f"net{net}.py:made{net}", num_classes=3)
    assert sum(each.numel() for each in made.parameters()) == 65 * 3


MISTAKES = [
    ("train --model net{n}.py:Attentive{n}", "needs --model.width VALUE: the argument has no default, and"),
    ("train --model net{n}.py:Attentve{n}", "of net{n}.py 'Attentve{n}'; did you mean 'Attentive{n}'?"),
    ("train --model net{n}.Attentive{n}", "net{n}.py defines Part{n}, Attentive{n} and 3 more: write net{n}.py:A"),
    ("train --model Attentive{n}", "net{n}.py defines Part{n}"),
    ("train --model net{n}.py", "net{n}.py defines Part{n}"),
    ("train --model net{n}:Attentive{n}", "net{n}.py defines Part{n}"),
    ("train --source net{n}.py --model Attentve{n}", "'Attentve{n}'; did you mean 'Attentive{n}'?"),
    ("vary --model nowhere.py:Net --vary optim.lr=1,2", "nowhere.py: no such file"),
    ("train --model net{n}.py:number", "unknown network of net{n}.py 'number'; valid: Part{n}, Attentive{n}"),
    ("train --model net{n}.py:Unwritable{n}", "{n}: its argument block needs a default, since no config key can"),
    ("run ./net{n}.py", "./net{n}.py declares no study; it defines Part{n}, Attentive{n} and"),
    ("train --model net{n}.py:Sized{n}", "returned [4, 7], expected [4, 10]: the data have 10 classes; its constructor "
     "takes no num_classes: --model.n_classes 10"),
    ("train --model net{n}.py:Coloured{n}", "the images are 1×8×8; its constructor takes no in_channels"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_near_miss_is_one_line_that_names_the_class(
    arguments: str, message: str, net: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(arguments.replace("{n}", net).split()) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert message.replace("{n}", net) in errors
    assert not Path("runs").exists()


def test_probabilities_in_place_of_logits_are_reported_before_training(net: str) -> None:
    settings = {"model.name": f"net{net}.py:Attentive{net}", "model.width": 4, "data.name": "digits"}
    [line] = lines_about_outputs(resolve({**settings, "model.end": "softmax"}))
    assert line.startswith(f"model.name Attentive{net}: its outputs sum to one, as after a softmax, and the loss takes")
    for fine in ({"model.end": "softmax", "optim.loss": "squared_error"}, {"model.end": "log_softmax"}, {}):
        assert lines_about_outputs(resolve({**settings, **fine})) == []


PROJECT = {
    "project{n}/src/__init__.py": "",
    "project{n}/src/nets/__init__.py": "",
    "project{n}/src/nets/net.py": "from ..sizes import WIDTH\nfrom torch import nn\n\n\nclass Net{n}(nn.Linear):\n"
    "    def __init__(self):\n        super().__init__(WIDTH, WIDTH)\n",
    "project{n}/src/sizes.py": "from tools{n}.numbers import WIDTH\n",
    "project{n}/tools{n}/numbers.py": "WIDTH = 3\n",
    "project{n}/absolute.py": "from src.nets.net import Net{n}\n",
    "project{n}/scripts/deep.py": "import tools{n}.numbers\nfrom torch import nn\nclass Deep{n}(nn.ReLU): pass\n",
}


def test_a_class_of_a_project_imports_its_siblings_and_they_count(net: str, tmp_path: Path) -> None:
    """From any folder: by relative imports, and from the project's root without a package."""
    for name, content in PROJECT.items():
        file = Path(name.replace("{n}", net))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content.replace("{n}", net))
    project = tmp_path / f"project{net}"
    assert ARCHITECTURES[f"{project}/scripts/deep.py:Deep{net}"].name == f"Deep{net}"
    assert ARCHITECTURES[f"{project}/src/nets/net.py:Net{net}"].name == f"Net{net}"
    code = read_user_code(project / "src/nets/net.py")
    expected = {"src/__init__.py", "src/nets/__init__.py", "src/nets/net.py", "src/sizes.py", f"tools{net}/numbers.py"}
    assert set(code.files) == expected
    # The copies import each other, without what they were copied from.
    kept = keep_copies(code, tmp_path / "runs")
    assert kept.source == kept.path / "src/nets/net.py"
    asked = "import sys; from litmus.core.source import import_source; print(import_source(sys.argv[1]).WIDTH)"
    (project / f"tools{net}/numbers.py").write_text("WIDTH = 4\n")
    run = subprocess.run([sys.executable, "-c", asked, str(kept.source)], capture_output=True, text=True, cwd=tmp_path)
    assert run.stdout == "3\n", run.stderr


@pytest.mark.parametrize("broken", ["def f(:\n", "import no_such_module\n"])
def test_a_mistake_in_what_it_imports_is_reported_where_it_is(
    broken: str, net: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(f"part{net}.py").write_text("\n\n" + broken)
    Path(f"net{net}.py").write_text(f"import part{net}\n")
    Path(f"late{net}.py").write_text(
        f"from torch import nn\nclass Late{net}(nn.Module):\n    def __init__(self):\n        import part{net}\n"
    )
    for model in (f"net{net}.py:Any", f"late{net}.py:Late{net}"):
        assert run_command(["train", "--model", model]) == 2
        errors = capsys.readouterr().err
        assert errors.count("\n") == 1
        assert f"part{net}.py, line 3: " in errors


def test_an_edit_in_the_session_is_noticed_and_nothing_is_mixed(net: str, tmp_path: Path) -> None:
    file, settings = Path(f"net{net}.py"), {"model.name": f"net{net}.py:made{net}", "data.name": "digits"}
    import_source(file)
    planned = read_user_code(file.resolve()).hashes
    file.write_text(f"{file.read_text()}# a remark\n")
    run = Run("id", "s", "a", {}, resolve(settings), tmp_path, file.resolve(), RunCode("b" * 12, planned))
    import_user_code(run)
    file.write_text(file.read_text().replace("number = 3", "number = 4"))
    import_user_code(run)  # this process has the code that was planned
    with pytest.raises(
        UserError, match=rf"^net{net}\.py changed after this process imported it; the same command runs"
    ):
        litmus.run(litmus.Study("edited", "?", settings, arms={"one": {}}), out="runs")
    later = Run(
        "id", "s", "a", {}, run.config, tmp_path, file.resolve(), RunCode("b" * 12, read_user_code(file).hashes)
    )
    with pytest.raises(UserError, match=rf"^net{net}\.py changed after the start"):
        import_user_code(later)


@pytest.mark.slow
def test_a_study_of_a_plain_class_runs_and_every_command_knows_it(
    net: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")

    def command(*arguments: str) -> str:
        assert run_command(arguments) == 0
        return "".join(capsys.readouterr())

    file, model = f"net{net}.py", f"net{net}.py:Attentive{net}"
    small = ["--data", "digits", "--model.width", "4", "--trainer.epochs", "1", "--seeds", "1", "--workers", "1"]
    vary = ["vary", "--model", model, "--vary", "model.attention=true,false", *small]
    assert "2 runs, 0 already done" in command(*vary)
    assert "already done" not in command(*vary)  # there is nothing to do
    command("vary", "--vary", f"model.name={model},{file}:made{net}", *small[:2], *small[4:], "--model.width", "4")
    folder = next(Path("runs").glob("vary-Attentive*"))
    assert (folder / "code").is_dir()
    run = next(folder.glob("*/config.yaml")).parent
    assert "--source" in command("show", str(run))
    Path(file).write_text("def broken(:")
    command("report", str(folder))
