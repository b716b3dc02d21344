"""What each ingredient contributes, on records in which its effect is known."""

from pathlib import Path

import pytest
from synthetic_records import synthetic

from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.evidence.factorial import contributions
from litmus.report.page import write_report

FACTORS = {"model.norm": ["none", "batch"], "optim.lr": [0.1, 0.5], "data.augment": ["none", "crop"]}
EFFECT = {"model.norm": 0.1, "optim.lr": 0.02, "data.augment": -0.05}
INTERACTION = 0.04  # of norm and lr


def truth(arm: Arm, seed: int) -> dict[str, float]:
    has = {key: arm.levels[key] != levels[0] for key, levels in FACTORS.items()}
    value = 0.5 + 0.01 * seed + sum(EFFECT[key] for key in FACTORS if has[key])
    value += INTERACTION * (has["model.norm"] and has["optim.lr"])
    # Noise of each run, so that intervals have a width.
    noise = 0.001 * ((7 * seed + 3 * sum(has.values())) % 5)
    return {"test_top1": value + noise, "val_top1": value + noise}


def found(design: str, directory: Path) -> dict[str, float]:
    study = Study(name="example", base={"model.name": "lenet5"}, factors=FACTORS, design=design)
    analysis = synthetic(directory, study, truth)
    return {each.ingredient.name: each.effect.mean for each in contributions(analysis, "test_top1")}


@pytest.mark.parametrize(
    ("design", "norm", "lr", "augment"),
    [
        ("one_at_a_time", 0.1, 0.02, -0.05),
        ("leave_one_out", 0.1 + INTERACTION, 0.02 + INTERACTION, -0.05),
        ("ladder", 0.1, 0.02 + INTERACTION, -0.05),
        # In four arms augment is aliased with minus norm x lr, whose contrast is half of the interaction.
        ("fractional", 0.1 + INTERACTION / 2, 0.02 + INTERACTION / 2, -0.05 - INTERACTION / 2),
    ],
)
def test_each_design_finds_the_effect_that_it_measures(
    design: str, norm: float, lr: float, augment: float, tmp_path: Path
) -> None:
    values = found(design, tmp_path / "example")
    assert list(values) == ["norm batch", "lr 0.5", "augment crop"]
    assert list(values.values()) == pytest.approx([norm, lr, augment], abs=0.0035)


def test_a_full_product_has_no_such_table(tmp_path: Path) -> None:
    assert found("full", tmp_path / "example") == {}


def test_the_report_says_what_a_fraction_confounds(tmp_path: Path) -> None:
    found("fractional", tmp_path / "example")
    page = write_report(tmp_path / "example").path.read_text()
    assert "aliased with" in page
    assert "−norm × lr" in page
