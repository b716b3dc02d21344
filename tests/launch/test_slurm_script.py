"""What SLURM would get, from the options that a user gives; no cluster is needed."""

import sys
from pathlib import Path

import pytest
from tiny_runs import tiny_options

from litmus.cli.main import run_command
from litmus.core.errors import UserError
from litmus.launch.config import slurm_config

GOLDEN = Path(__file__).parents[1] / "golden"
VARY = ["vary", *tiny_options(), "--vary", "model.norm=none,batch", "--launcher", "slurm", "--dry-run", "--name", "s"]


@pytest.mark.parametrize(
    ("golden", "options"),
    [
        (
            "slurm_array.sh",
            ["--slurm.partition", "gpu", "--slurm.gpus", "4", "--slurm.time", "4h", "--slurm.parallel", "5"],
        ),
        ("slurm_nodes.sh", ["--slurm.config", "cluster.yaml", "--devices", "8", "--slurm.parallel", "1"]),
    ],
)
def test_the_script_is_the_golden_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], golden: str, options: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cluster.yaml").write_text(
        "partition: gpu\nnodes: 2\ngpus: 4\nmemory: 64G\nsetup: [module load cuda]\nextra: [reservation=mine]\n"
    )
    assert run_command([*VARY, *options]) == 0
    text = capsys.readouterr().out.replace(str(tmp_path), "FOLDER").replace(sys.executable, "PYTHON")
    assert text == (GOLDEN / golden).read_text()
    assert not (tmp_path / "runs").exists()  # nothing is written either


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--slurm.partitoin", "gpu"], "unknown option 'slurm.partitoin'; did you mean 'slurm.partition'?"),
        (["--slurm.time", "60s"], "--slurm.time 60s is no longer than the warning before its end, 90s"),
        (["--slurm.memory", "lots"], "--slurm.memory: expected megabytes, or a number with K, M, G or T"),
        (["--slurm.nodes", "2", "--devices", "3"], "--devices 3 cannot be spread evenly over 2 nodes"),
        (["--checkpoint-every", "often"], "--checkpoint_every: expected epoch, 500steps, or a time such as 5m"),
    ],
)
def test_a_mistake_gets_one_line(capsys: pytest.CaptureFixture[str], options: list[str], error: str) -> None:
    assert run_command([*VARY, *options]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"litmus: {error}")
    assert len(printed.splitlines()) == 1


def test_options_go_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text("partition: gpu\ntime: 2h\nsetup: [module load cuda]\n")
    config = slurm_config({"partition": "cpu", "nodes": None}, file)
    assert (config.partition, config.time, config.setup) == ("cpu", "2h", ("module load cuda",))
    file.write_text("partitoin: gpu\n")
    with pytest.raises(UserError, match=r"unknown setting in .* 'partitoin'; did you mean 'partition'"):
        slurm_config({}, file)
