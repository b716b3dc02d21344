"""Seeds that are added until the claims are decided, and to which arms."""

from pathlib import Path

import pytest
from synthetic_records import synthetic
from tiny_runs import TINY

from litmus import Claim, Study, more
from litmus.cli.main import run_command
from litmus.core.errors import UserError
from litmus.design.plan import Arm, expand
from litmus.evidence.claims import Finding
from litmus.launch.config import LaunchConfig
from litmus.launch.until_decided import arms_of, conduct_until_decided
from litmus.records.study_record import read_study_record

BATCH, NONE = {"model.norm": "batch"}, {"model.norm": "none"}


def a_study(**changes: object) -> Study:
    settings: dict = {
        "name": "example",
        "base": {"model.name": "lenet5"},
        "factors": {"model.norm": ["none", "batch", "group"], "optim.lr": [0.1, 0.5]},
        "claims": [Claim("It is better.", more("test_top1", BATCH, than=NONE))],
    }
    return Study(**{**settings, **changes})


def truth(arm: Arm, seed: int) -> dict[str, float]:
    value = 0.5 + 0.2 * (arm.levels["model.norm"] == "batch") + 0.003 * ((seed * 7 + len(arm.label)) % 5)
    return {"test_top1": value, "val_top1": value}


def test_the_arms_that_a_claim_speaks_of_are_those_of_its_test(tmp_path: Path) -> None:
    analysis = synthetic(tmp_path / "example", a_study(), truth)
    of_two = [label for label in (each.label for each in analysis.arms) if "group" not in label]
    assert sorted(arms_of(a_study().claims[0], analysis)) == sorted(of_two)
    named = Claim("It is better.", more("test_top1", "norm batch, lr 0.5", than="norm none, lr 0.1"))
    assert arms_of(named, analysis) == ["norm batch, lr 0.5", "norm none, lr 0.1"]
    own = Claim("It is so.", lambda analysis, threshold: Finding("inconclusive", ""))
    assert len(arms_of(own, analysis)) == 6


def test_added_seeds_come_after_those_of_all_arms() -> None:
    plan = expand(a_study(), seeds=2, first_seed=10).with_more(["norm batch, lr 0.1"], 2)
    plan = plan.with_more(["norm batch, lr 0.1", "norm none, lr 0.1"], 1)
    assert plan.seeds_of("norm batch, lr 0.1") == (10, 11, 12, 13, 14)
    assert plan.seeds_of("norm none, lr 0.1") == (10, 11, 12)
    assert [seed for _, seed in plan.runs()] == [10] * 6 + [11] * 6 + [12, 12, 13, 14]


@pytest.mark.parametrize(
    ("changes", "most", "message"),
    [
        ({"claims": []}, 30, "--max-seeds: study example has no claim to decide"),
        ({}, 2, "--max-seeds 2 is less than the 3 seeds to start with"),
    ],
)
def test_what_cannot_be_decided_is_refused(changes: dict, most: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        conduct_until_decided(expand(a_study(**changes)), LaunchConfig(), {}, max_seeds=most)


def test_seeds_that_are_added_need_splits_of_their_own() -> None:
    plan = expand(a_study(), seeds=3, splits=3)
    with pytest.raises(UserError, match=r"--splits 3 with --max-seeds: .* give --splits 30"):
        conduct_until_decided(plan, LaunchConfig(), {}, max_seeds=30)


@pytest.mark.slow
def test_seeds_are_added_to_the_arms_of_the_undecided_claim_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["run", "./learning.py", "--max-seeds", "7", "--wandb", "disabled"]
    (tmp_path / "learning.py").write_text(
        '"""Does it learn?"""\n'
        "from litmus import Claim, Study, more\n"
        f"study = Study(base={TINY!r},\n"
        "    factors=['optim.lr', 'model.dropout'], baseline='still', seeds=5,\n"
        "    arms={'still': {'optim.lr': 1e-6}, 'learns': {'optim.lr': 0.1},\n"
        "          'dropout': {'optim.lr': 0.1, 'model.dropout': 0.01}},\n"
        "    claims=[Claim('It learns.', more('test_top1', 'learns', than='still')),\n"
        "            Claim('A percent of dropout takes accuracy away.',\n"
        "                  more('test_top1', 'learns', than='dropout'), threshold=0.0001)])\n"
    )
    assert run_command(arguments) == 0
    first = capfd.readouterr()
    seeds = {arm.label: sorted(arm.runs) for arm in read_study_record(tmp_path / "runs/learning").arms}
    assert seeds["learns"] == seeds["dropout"] == list(range(7))
    assert 3 <= len(seeds["still"]) < 7
    assert "1 of 2 claims decided; a seed more of dropout; learns" in first.err
    assert "Planned 5 seeds, and more until the claims are decided" in first.out
    assert f"decided 1 of 2 claims with {14 + len(seeds['still'])} runs" in first.out

    assert run_command(arguments) == 0
    again = capfd.readouterr()
    assert "finished learns" not in again.err  # nothing is run twice
    assert again.out == first.out
