"""`litmus power` over records whose variance is known."""

from pathlib import Path

import numpy as np
import pytest
from cli.test_status import documented, found
from synthetic_records import Truth, synthetic

from litmus.cli.main import run_command
from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.evidence.power import sd_interval, seeds_needed

STUDY = Study(
    name="norms",
    question="Which norm?",
    base={"model.name": "lenet5", "data.name": "digits"},
    factors={"model.norm": ["none", "batch", "group"]},
    baseline={"model.norm": "none"},
)
OFFSETS = {"none": [0.0] * 4, "batch": [0.03, 0.01, 0.02, 0.02], "group": [0.01, 0.00, 0.02, 0.03]}


def truth(arm: Arm, seed: int) -> Truth:
    shared = [0.80, 0.84, 0.90, 0.77][seed]
    return {"test_top1": shared + OFFSETS[arm.levels["model.norm"]][seed], "val_top1": 0.8, "epoch_seconds": 2.0 + seed}


def words(text: str) -> str:
    return " ".join(text.split())


def test_seeds_follow_from_the_sd_of_the_differences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic(tmp_path / "norms", STUDY, truth, seeds=4)
    assert run_command(["power", "norms", "--effect", "0.5", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    sd = float(np.std(OFFSETS["batch"], ddof=1))
    low, high = sd_interval(sd, 4)
    alone = [str(seeds_needed(each, 0.005)) for each in (sd, low, high)]
    holm = [str(seeds_needed(each, 0.005, alpha=0.025)) for each in (sd, low, high)]
    row = next(words(line) for line in printed.splitlines() if line.startswith("norm batch"))
    assert row == f"norm batch 4 0.82 {alone[0]} [{alone[1]}, {alone[2]}] {holm[0]} [{holm[1]}, {holm[2]}]"
    assert "0.5 points in test_top1 from 'norm none' with 80 % power" in words(printed)


def test_more_power_takes_more_seeds_and_another_metric_its_own_unit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synthetic(tmp_path / "norms", STUDY, truth, seeds=4)

    def row(*options: str) -> list[str]:
        assert run_command(["power", "norms", "--out", str(tmp_path), *options]) == 0
        return next(line for line in capsys.readouterr().out.splitlines() if line.startswith("norm group")).split()[1:]

    assert int(row("--effect", "0.5", "--power", "0.95")[3]) > int(row("--effect", "0.5")[3])
    assert row("--effect", "1", "--metric", "epoch_seconds")[1:4] == ["4", "0.000", "2"]


def test_a_pair_that_lacks_a_run_does_not_count_and_a_diverged_one_counts_as_it_does_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def holes(arm: Arm, seed: int) -> Truth:
        if "group" in arm.label and seed:
            return "missing"
        return "diverged" if "batch" in arm.label and seed == 3 else truth(arm, seed)

    synthetic(tmp_path / "norms", STUDY, holes, seeds=4)
    assert run_command(["power", "norms", "--effect", "0.5", "--out", str(tmp_path)]) == 0
    printed = words(capsys.readouterr().out)
    differences = [*OFFSETS["batch"][:3], 0.10 - 0.77]  # of guessing among ten classes
    assert f"batch 4 {100 * float(np.std(differences, ddof=1)):.2f}" in printed
    assert "group 1 – fewer than two pairs" in printed
    assert "1 of the runs diverged: with 10.00 %, as in the report" in printed
    assert run_command(["power", "norms", "--effect", "0.5", "--metric", "epoch_seconds", "--out", str(tmp_path)]) == 0
    printed = words(capsys.readouterr().out)
    assert "batch 3 0.000" in printed
    assert "1 of the runs diverged: in no pair, since they have no epoch_seconds" in printed


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--effect", "0"], "--effect must be greater than 0, got 0"),
        (["--effect", "nan"], "--effect: expected a number > 0, got 'nan'"),
        (["--effect", "0.5", "--power", "1"], "--power must be above 0.05 and below 1, got 1"),
        (["--effect", "0.5", "--metric", "test_top"], "did you mean 'test_top1'?"),
        ([], "effect"),
    ],
)
def test_a_mistake_is_one_line(
    options: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synthetic(tmp_path / "norms", STUDY, truth, seeds=2)
    assert run_command(["power", "norms", "--out", str(tmp_path), *options]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_an_effect_out_of_reach_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic(tmp_path / "norms", STUDY, truth, seeds=4)
    assert run_command(["power", "norms", "--effect", "1e-6", "--out", str(tmp_path)]) == 0
    assert "over 10 M" in capsys.readouterr().out


def test_machines_read_fractions_and_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic(tmp_path / "norms", STUDY, truth, seeds=4)
    content = found(capsys, "power", "norms", "--effect", "0.5", "--out", str(tmp_path))
    assert content.keys() == {"format"} | documented("power EXPERIMENT --json")
    assert content["effect"] == 0.005
    batch, group = content["arms"]
    assert batch["pairs"] == group["pairs"] == 4
    needed, least, most = batch["seeds"]
    assert least <= needed <= most
    assert content["arms"][0]["seeds_with_holm"][0] >= needed
