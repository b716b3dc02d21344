"""What SLURM would get, from the options that a user gives; no cluster is needed."""

import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import tiny_options

from litmus.cli.main import run_command
from litmus.core.errors import UserError
from litmus.launch.config import LaunchConfig, slurm_config
from litmus.launch.slurm import script

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
        (["--slurm.gpus", "a100"], "--slurm.gpus: expected a number, or a kind and a number such as a100:4"),
        (["--slurm.gpus", "-1"], "--slurm.gpus: expected a number, or a kind and a number such as a100:4"),
        (["--slurm.nodes", "2", "--devices", "4", "--slurm.gpus", "a100:4"], "--devices 4 are not the 2 nodes' 4 GPUs"),
        (["--slurm.extra", "reservation mine"], "--slurm.extra: expected an option of sbatch such as reservation=mine"),
        (["--checkpoint-every", "often"], "--checkpoint_every: expected epoch, 500steps, or a time such as 5m"),
    ],
)
def test_a_mistake_gets_one_line(capsys: pytest.CaptureFixture[str], options: list[str], error: str) -> None:
    assert run_command([*VARY, *options]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"litmus: {error}")
    assert len(printed.splitlines()) == 1


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        (["--slurm.partition", "a,b"], ["partition=a,b"]),
        (["--slurm.gpus", "a100:4"], ["gpus-per-node=a100:4", "cpus-per-task=16"]),
        (["--slurm.gpus", "a100:2,v100:1"], ["gpus-per-node=a100:2,v100:1", "cpus-per-task=12"]),
        (["--slurm.extra", "reservation=mine"], ["reservation=mine"]),
        (["--slurm.extra", "nodelist=n1,n2"], ["nodelist=n1,n2"]),
        (["--slurm.extra", "[exclusive, reservation=mine]"], ["exclusive", "reservation=mine"]),
    ],
)
def test_what_sbatch_understands_reaches_it(
    capsys: pytest.CaptureFixture[str], typed: list[str], lines: list[str]
) -> None:
    assert run_command([*VARY, *typed]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert {f"#SBATCH --{line}" for line in lines} <= set(printed)


STUBS = {
    "srun": """echo "\\"state\\": \\"${LEFT:-crashed}\\"" > runs/s/status.json
        touch -d "+1 hour" runs/s/status.json
        exit $(cat status)""",
    "squeue": """[ -z "$FAILS" ] || [ -e failed ] || { touch failed; exit 1; }
        echo "$STATE" """,
    "scontrol": """echo "$@" >> asked
        [ -z "$REFUSED" ]""",
    "sleep": "exit 0",
}


@pytest.mark.parametrize(
    ("status", "variables", "asked"),
    [
        (0, {}, ""),
        (1, {}, ""),
        (2, {}, ""),
        (75, {}, "requeue 12\n"),
        (75, {"SLURM_ARRAY_JOB_ID": "11", "SLURM_ARRAY_TASK_ID": "0"}, "requeue 11_0\n"),
        (137, {}, "requeue 12\n"),
        (75, {"LEFT": "running"}, ""),  # no run came further: it would not either the next time
        (75, {"STATE": "COMPLETING"}, ""),  # it was cancelled, or SLURM starts it again itself
        (75, {"FAILS": "1"}, "requeue 12\n"),  # the controller is away once
        (75, {"REFUSED": "1"}, "requeue 12\n"),  # and not asked again and again
    ],
)
def test_the_script_starts_its_job_again_when_it_should(
    tmp_path: Path, status: int, variables: dict[str, str], asked: str
) -> None:
    """SLURM's commands are stand-ins here: what the real ones do takes minutes, in test_slurm.py."""
    for name, body in STUBS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "status").write_text(str(status))
    (tmp_path / "runs/s/slurm").mkdir(parents=True)
    text = script(tmp_path / "runs" / "s", LaunchConfig(), jobs=1)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_JOB_ID": "12", "STATE": "RUNNING", **variables}
    done = subprocess.run(["bash", "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == (1 if "LEFT" in variables else status)
    assert ((tmp_path / "asked").read_text() if (tmp_path / "asked").exists() else "") == asked
    assert ("SLURM refuses to start job 12 again" in done.stderr) == ("REFUSED" in variables)
    assert ("no run came further in job 12: see its log, --slurm.time" in done.stderr) == ("LEFT" in variables)


def test_options_go_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text("partition: gpu\ntime: 2h\nsetup: [module load cuda]\n")
    config = slurm_config({"partition": "cpu", "nodes": None}, file)
    assert (config.partition, config.time, config.setup) == ("cpu", "2h", ("module load cuda",))
    file.write_text("partitoin: gpu\n")
    with pytest.raises(UserError, match=r"unknown setting in .* 'partitoin'; did you mean 'partition'"):
        slurm_config({}, file)
