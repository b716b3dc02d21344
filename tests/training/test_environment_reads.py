"""Environment variables that a user's code reads: named, or declared and part of a run's identity."""

from dataclasses import replace
from pathlib import Path

import pytest

import litmus
from litmus.cli.options import import_named_source
from litmus.core.config_keys import flatten
from litmus.core.errors import UserError
from litmus.core.source import import_source
from litmus.design.plan import Plan, expand
from litmus.launch.conduct import RunFactory
from litmus.launch.config import LaunchConfig
from litmus.launch.local import LocalLauncher
from litmus.launch.progress import Progress
from litmus.training.config import resolve
from litmus.training.run import Execution, Place, Run
from litmus.training.user_code import UserCode, environment_lines

READS = {
    "import os\nos.environ['WIDTH']": "WIDTH",
    "import os as o\nwidth = int(o.getenv('WIDTH', '4'))": "WIDTH",
    "from os import environ\nwidth = environ.get('WIDTH')": "WIDTH",
    "from os import getenv as read\ndef f():\n    return read('WIDTH')": "WIDTH",
    "import os\nvariables = os.environ": "",
    "import os\nwide = 'WIDTH' in os.environ": "WIDTH",
    "width = __import__('os').environ['WIDTH']": "WIDTH",
    "import os\nwidth = os.environ.setdefault('WIDTH', '4')": "WIDTH",
    "import os\nwidth = os.path.expandvars('$WIDTH')": "$WIDTH",
    "import os\nwidths = [os.environ[name] for name in ('A', 'B')]": "",
    "import os\nsettings = dict(os.environ)": "",
}
NONE = [
    "import os\nos.environ['OMP_NUM_THREADS'] = '1'",
    "import os\nos.environ.setdefault('OMP_NUM_THREADS', '1')",
    "import os\ndel os.environ['WIDTH']",
    "import os\nfrom litmus import Study\nstudy = Study(base={'model.width': int(os.environ['WIDTH'])})",
    "import os\nif __name__ == '__main__':\n    print(os.environ['WIDTH'])",
]


def lines(content: str, declared: tuple[str, ...] = ()) -> list[str]:
    return environment_lines(UserCode("net.py", {}, {"net.py": content.encode()}), declared)


@pytest.mark.parametrize("content", READS)
def test_a_read_is_named_with_its_line_and_variable(content: str) -> None:
    (line,) = lines(content)
    variable = f" ({READS[content]})" if READS[content] else ""
    assert line.startswith(f"net.py, line {len(content.splitlines())}{variable} reads the environment")
    assert bool(lines(content, ("WIDTH",))) is (READS[content] != "WIDTH")


@pytest.mark.parametrize("content", NONE)
def test_what_sets_a_variable_or_declares_a_study_is_no_read(content: str) -> None:
    assert lines(content) == []


NETWORK = '''\
"""Does the rate matter?"""

import os

from torch import nn

from litmus import Study
from litmus.lit_archs import register

WIDTH = int(os.environ.get("{name}", "8"))


@register("{name}", input_shape=(1, 8, 8))
def network(num_classes=10, in_channels=1, image_size=8):
    """A network."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, WIDTH), nn.Linear(WIDTH, num_classes))


BASE = {"model.name": "{name}", "trainer.epochs": 1, "data.batch_size": 256}
study = Study(base=BASE, factors={"optim.lr": [0.01]}, baseline={"optim.lr": 0.01}, seeds=1{declared})
'''


def write(folder: Path, name: str, declared: bool) -> Path:
    file = folder / f"{name}.py"
    more = f', environment=["{name}"]' if declared else ""
    file.write_text(NETWORK.replace("{name}", name).replace("{declared}", more))
    return file


def planned(file: Path, out: Path) -> tuple[Plan, Run]:
    plan = expand(import_source(file).study.declared_in(file.stem, None))
    return plan, RunFactory(plan, LaunchConfig(out=str(out)), file).make(plan.baseline, 0)


def test_a_declared_variable_is_part_of_identity_and_config_and_set_where_runs_are_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "declared_width", declared=True)
    result = litmus.run(file, out=tmp_path / "runs", workers=1)
    assert "reads the environment" not in capsys.readouterr().err
    assert result.records["env.declared_width"].tolist() == [None]
    assert result.records["parameters"].tolist() == [64 * 8 + 8 + 8 * 10 + 10]

    plan, run = planned(file, tmp_path / "runs")
    assert run.record.state() == "finished"
    monkeypatch.setenv("declared_width", "4")
    four = resolve({**plan.baseline.settings, "env.declared_width": "4"})
    with pytest.raises(UserError, match="imported with declared_width not set, and a run has declared_width 4; start"):
        planned(file, tmp_path / "runs")
    assert resolve(flatten(four.as_dict())) == four

    # Each process imports the code with the variables of its run, whatever this one has.
    monkeypatch.setenv("declared_width", "16")
    (tmp_path / "runs/declared_width/four").mkdir()
    runs = [
        replace(run, run_id=name, config=config, directory=tmp_path / "runs/declared_width" / name)
        for name, config in (("four", four), ("none", run.config))
    ]
    LocalLauncher(Execution(), [(Place(),)], Progress(runs, 1)).execute(runs)
    assert [each.record.read_summary()["cost"]["parameters"] for each in runs] == [
        width * (64 + 1) + (width + 1) * 10 for width in (4, 8)
    ]


def test_an_undeclared_variable_is_told_and_leaves_configs_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "undeclared_width", declared=False)
    litmus.run(file, out=tmp_path / "runs", workers=1)
    told = [line for line in capsys.readouterr().err.splitlines() if "reads the environment" in line]
    assert len(told) == 1
    assert told[0].startswith("litmus: undeclared_width.py, line 10 (undeclared_width) reads the environment")
    assert "env" not in planned(file, tmp_path / "runs")[1].config.as_dict()


def test_variables_are_no_factors_and_have_names(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^env\.WIDTH cannot be a factor: a process imports your code once"):
        expand(litmus.Study(name="x", question="?", factors={"env.WIDTH": ["4", "64"]}, baseline={"env.WIDTH": "4"}))
    with pytest.raises(UserError, match="environment: expected names of environment variables, got '4 wide'"):
        litmus.Study(environment=["4 wide"])
    with pytest.raises(UserError, match=r"env\.WIDTH: expected text, quoted in YAML, or null, got 4"):
        resolve({"env.WIDTH": 4})


def test_a_config_file_sets_its_variables_before_the_file_of_source_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("configured_width", "9")
    file = write(tmp_path, "configured_width", declared=False)
    config = tmp_path / "config.yaml"
    config.write_text("env: {configured_width: 4}\n")
    with pytest.raises(UserError, match=r"env\.configured_width: expected text, in quotes, or null, got 4"):
        import_named_source(["--source", str(file), "--config", str(config)])
    config.write_text("env: {configured_width: '4'}\n")
    import_named_source(["--source", str(file), "--config", str(config)])
    assert import_source(file).WIDTH == 4
