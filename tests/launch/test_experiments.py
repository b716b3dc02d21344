"""One study run as four experiments: what every way to read the records says of each."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_runs import TINY

from litmus import load
from litmus.cli.main import run_command
from litmus.core.errors import UserError
from litmus.records.study_record import read_plans

Litmus = Callable[..., "subprocess.CompletedProcess[str]"]

STUDY = f'''"""Does it help?"""
from litmus import Claim, Study, more
NONE, BATCH = {{"model.norm": "none"}}, {{"model.norm": "batch"}}
study = Study(
    base={{**{TINY!r}, "data.name": "shapes", "data.train_images": 100, "data.batch_size": 32, "trainer.epochs": 8}},
    factors={{"model.norm": ["none", "batch"]}}, baseline=NONE, seeds=2,
    claims=[Claim("It helps.", more("test_top1", BATCH, than=NONE))],
)
'''


@pytest.mark.slow
def test_experiments_never_mix(
    tmp_path: Path, litmus: Litmus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file, runs = tmp_path / "attention.py", tmp_path / "runs"
    file.write_text(STUDY)

    def run(*options: str) -> str:
        done = litmus("run", "./attention.py", "--workers", "1", *options)
        assert done.returncode == 0, done.stderr
        return " ".join((done.stdout + done.stderr).split())

    def said(*arguments: str) -> str:
        assert run_command(arguments) == 0
        return " ".join(capsys.readouterr().out.split())

    first = run()
    assert "exploratory" not in first
    short = load(runs / "attention")
    file.write_text(STUDY.replace('"trainer.epochs": 8', '"trainer.epochs": 20'))
    longer = run()
    assert "attention, trainer.epochs=8 (4 runs, " in longer
    assert "once nothing changes any more, --first-seed 2 tests them on fresh seeds" in longer
    assert "trainer.epochs (8, now 20) changed: 4 older runs are kept aside." in longer
    run("--optim.name", "adamw")
    run("--data", "digits")
    names = ["attention", "attention+data=digits", "attention+optim.name=adamw"]
    assert sorted(path.name for path in runs.iterdir()) == names

    # What is loaded is what was asked for last, and nothing else.
    present = load(runs / "attention")
    assert set(present["run"]).isdisjoint(short["run"])
    assert present.groupby("arm")["run"].count().tolist() == [2, 2]
    every = load(runs / "attention", experiments="all")
    assert every.groupby("experiment")["run"].count().to_dict() == {"attention": 4, "attention, trainer.epochs=8": 4}
    assert set(every["run"]) == set(present["run"]) | set(short["run"])
    of_all = load(runs, ["arm", "data.name", "trainer.epochs", "optim.name"], experiments="all")
    settings = of_all.groupby("experiment")[["data.name", "trainer.epochs", "optim.name"]].agg(set)
    assert settings.loc["attention+data=digits"].tolist() == [{"digits"}, {20}, {"sgd"}]
    assert settings.loc["attention, trainer.epochs=8"].tolist() == [{"shapes"}, {8}, {"sgd"}]
    assert settings.loc["attention+optim.name=adamw"].tolist() == [{"shapes"}, {20}, {"adamw"}]
    with pytest.raises(UserError, match=r"it is the folder of attention, attention\+data=digits and .*adamw: load one"):
        load(runs)

    # Every command names the experiment, and every report is about one.
    status = said("status")
    assert re.search(r"attention 4 4 attention\+data=digits 4 attention\+optim.name=adamw 4", status)
    assert "trainer.epochs (8, now 20) changed: 4 older runs are kept aside." in said("status", "attention")
    for name in names:
        page = (runs / name / "report.html").read_text()
        assert f"<title>{name}: report</title>" in page
        assert ("stated after results on the same test images" in page) == (name != "attention+data=digits")
        said("report", name)
    assert "optim.name" in (runs / "attention+optim.name=adamw").joinpath("report.html").read_text()
    said("report", *names[::2])
    side_by_side = (runs / names[2] / "against-attention.html").read_text()
    assert "optim.name" in side_by_side
    said("report", "--all")
    [entry] = read_plans(runs / names[2])
    assert [each.experiment for each in entry.earlier] == ["attention, trainer.epochs=8", "attention"]

    # More seeds, and fresh ones.
    more = run("--seeds", "3")
    assert "2 seeds were planned. With 3, intervals must hold at any number of seeds" in more
    assert "with 2 fresh seeds (--first-seed 2 in place of --seeds 3) they stay as planned" in more
    fresh = run("--first-seed", "3")
    assert "A confirmation of attention: its design and claims, fixed before these fresh seeds ran." in fresh
    assert "exploratory" not in fresh
