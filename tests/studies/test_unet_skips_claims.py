"""The verdicts of `unet_skips` on records whose truth is known."""

from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_records import Truth, synthetic

from studies.design.study import Arm, expand
from studies.unet_skips import ADD, CONCATENATE, NONE, study

Accuracies = dict[str, float]
NOISE = (-0.004, 0.003, 0.0, 0.004, -0.003)


def records(iou: Accuracies, failed: Truth | None = None, where: str = NONE) -> Callable[[Arm, int], Truth]:
    def truth(arm: Arm, seed: int) -> Truth:
        if failed is not None and (arm.label, seed) == (where, 2):
            return failed
        noise = NOISE[(seed + len(arm.label)) % 5]
        return {"val_iou": iou[arm.label] + noise, "test_iou": iou[arm.label] + noise}

    return truth


def verdicts(directory: Path, truth: Callable[[Arm, int], Truth]) -> list[str]:
    analysis = synthetic(directory, study, truth)
    return [claim.find(analysis).verdict for claim in study.claims]


@pytest.mark.parametrize(
    ("iou", "expected"),
    [
        ({NONE: 0.3, ADD: 0.4, CONCATENATE: 0.5}, ["supported", "supported", "supported"]),
        ({NONE: 0.5, ADD: 0.4, CONCATENATE: 0.3}, ["contradicted", "contradicted", "contradicted"]),
        ({NONE: 0.4, ADD: 0.5, CONCATENATE: 0.505}, ["supported", "supported", "inconclusive"]),
        # An effect below the practical threshold is none.
        ({NONE: 0.5, ADD: 0.502, CONCATENATE: 0.502}, ["contradicted", "contradicted", "inconclusive"]),
    ],
)
def test_the_verdicts_follow_the_truth(tmp_path: Path, iou: Accuracies, expected: list[str]) -> None:
    assert verdicts(tmp_path, records(iou)) == expected


def test_a_missing_run_leaves_its_claims_open_and_the_other_alone(tmp_path: Path) -> None:
    iou = {NONE: 0.3, ADD: 0.4, CONCATENATE: 0.5}
    assert verdicts(tmp_path / "none", records(iou, "missing")) == ["inconclusive", "inconclusive", "supported"]
    assert verdicts(tmp_path / "add", records(iou, "missing", ADD)) == ["supported", "inconclusive", "inconclusive"]


def test_a_diverged_run_counts_as_guessing(tmp_path: Path) -> None:
    iou = {NONE: 0.5, ADD: 0.52, CONCATENATE: 0.52}
    assert verdicts(tmp_path / "before", records(iou))[0] == "inconclusive"
    # One of five networks with skips is lost: what the other four gain proves nothing.
    high = {NONE: 0.3, ADD: 0.5, CONCATENATE: 0.4}
    assert verdicts(tmp_path / "skips", records(high, "diverged", CONCATENATE))[0] == "inconclusive"
    analysis = synthetic(tmp_path / "told", study, records(high, "diverged", CONCATENATE))
    assert "1 of these runs diverged, counted as guessing" in study.claims[0].find(analysis).evidence


@pytest.mark.parametrize("preset", ["quick", "paper"])
def test_the_arms_cost_about_the_same(preset: str) -> None:
    from lit_archs.building.registry import construct
    from lit_archs.cost.cost import cost
    from studies.training.runner import network_options

    costs = {}
    for arm in expand(study, preset=preset).arms:
        size = arm.config.data.options["image_size"]
        costs[arm.label] = cost(construct("unet", **network_options(arm.config, 4, (3, size, size))), (3, size, size))
    assert costs[NONE] == costs[ADD]
    assert 1.08 < costs[NONE].parameters / costs[CONCATENATE].parameters < 1.1
    assert 0.965 < costs[NONE].flops / costs[CONCATENATE].flops < 0.99
