"""`unet_skips`: effects about its practical thresholds, what a diverged run leaves, and the costs of its arms."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from synthetic_records import Truth, synthetic

from litmus.design.plan import Arm, expand
from litmus.design.study_files import STUDIES
from litmus.evidence.claims import Finding
from litmus.lit_archs.building.registry import construct
from litmus.lit_archs.cost.cost import cost
from litmus.studies.unet_skips import ADD, CONCATENATE, NONE
from litmus.training.network import network_options

STUDY = STUDIES["unet_skips"]
NOISE = (-0.004, 0.003, 0.0, 0.004, -0.003)


def findings(directory: Path, iou: Mapping[str, float], diverged: tuple[str, int] | None = None) -> list[Finding]:
    """Return what records of these mean IoUs by arm say of each claim; one arm's run of a seed may have diverged."""

    def truth(arm: Arm, seed: int) -> Truth:
        if (arm.label, seed) == diverged:
            return "diverged"
        value = iou[arm.label] + NOISE[(seed + len(arm.label)) % 5]
        return {"val_iou": value, "test_iou": value}

    analysis = synthetic(directory, STUDY, truth)
    return [claim.find(analysis) for claim in STUDY.claims]


@pytest.mark.parametrize(
    ("iou", "expected"),
    [
        ({NONE: 0.4, ADD: 0.5, CONCATENATE: 0.505}, ["supported", "supported", "inconclusive"]),
        # Two effects as large as the practical threshold.
        ({NONE: 0.5, ADD: 0.52, CONCATENATE: 0.52}, ["inconclusive", "inconclusive", "inconclusive"]),
        # An effect below the practical threshold is none.
        ({NONE: 0.5, ADD: 0.502, CONCATENATE: 0.502}, ["smaller", "smaller", "inconclusive"]),
    ],
)
def test_an_effect_counts_where_it_exceeds_the_practical_threshold(
    tmp_path: Path, iou: dict[str, float], expected: list[str]
) -> None:
    assert [finding.verdict for finding in findings(tmp_path, iou)] == expected


def test_the_evidence_tells_of_a_diverged_run_that_counts_as_guessing(tmp_path: Path) -> None:
    # One of five networks with skips is lost: what the other four gain proves nothing.
    found = findings(tmp_path, {NONE: 0.3, ADD: 0.4, CONCATENATE: 0.5}, diverged=(CONCATENATE, 2))[0]
    assert found.verdict == "inconclusive"
    assert "1 of these runs diverged, counted as guessing" in found.evidence


@pytest.mark.parametrize("preset", ["quick", "paper"])
def test_the_arms_cost_about_the_same(preset: str) -> None:
    costs = {}
    for arm in expand(STUDY, preset=preset).arms:
        size = arm.config.data.options["image_size"]
        costs[arm.label] = cost(construct("unet", **network_options(arm.config, 4, (3, size, size))), (3, size, size))
    assert costs[NONE] == costs[ADD]
    assert 1.08 < costs[NONE].parameters / costs[CONCATENATE].parameters < 1.1
    assert 0.965 < costs[NONE].flops / costs[CONCATENATE].flops < 0.99
