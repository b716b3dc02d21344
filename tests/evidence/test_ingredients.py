"""Each design finds the effect of its ingredients that it measures."""

from pathlib import Path

import pytest
from synthetic_records import Truth, synthetic

from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.evidence.differences import contributions

THREE = {"model.norm": ["none", "batch"], "optim.lr": [0.1, 0.5], "data.augment": ["none", "crop"]}
EFFECT = {"model.norm": 0.1, "optim.lr": 0.02, "data.augment": -0.05}
INTERACTION = 0.04  # of norm and lr


def contributed(design: str, directory: Path) -> dict[str, float]:
    """Return the effect of each ingredient of a design on records whose truth is `EFFECT` and `INTERACTION`."""

    def truth(arm: Arm, seed: int) -> Truth:
        has = {key: arm.levels[key] != levels[0] for key, levels in THREE.items()}
        value = 0.5 + 0.01 * seed + sum(EFFECT[key] for key in THREE if has[key])
        value += INTERACTION * (has["model.norm"] and has["optim.lr"])
        noise = 0.001 * ((7 * seed + 3 * sum(has.values())) % 5)
        return {"test_top1": value + noise, "val_top1": value + noise}

    declared = Study(name="example", base={"model.name": "lenet5"}, factors=THREE, design=design)
    found = contributions(synthetic(directory, declared, truth), "test_top1")
    return {each.ingredient.name: each.effect.mean for each in found}


@pytest.mark.parametrize(
    ("design", "norm", "lr", "augment"),
    [
        ("one_at_a_time", 0.1, 0.02, -0.05),
        ("leave_one_out", 0.1 + INTERACTION, 0.02 + INTERACTION, -0.05),
        ("ladder", 0.1, 0.02 + INTERACTION, -0.05),
    ],
)
def test_each_design_finds_the_effect_that_it_measures(
    design: str, norm: float, lr: float, augment: float, tmp_path: Path
) -> None:
    values = contributed(design, tmp_path / "example")
    assert list(values) == ["norm batch", "lr 0.5", "augment crop"]
    assert list(values.values()) == pytest.approx([norm, lr, augment], abs=0.0035)


def test_a_full_product_has_no_ingredients(tmp_path: Path) -> None:
    assert contributed("full", tmp_path / "example") == {}
