"""`unet_skips`: the costs of its arms."""

import pytest

from litmus.design.plan import expand
from litmus.design.study_files import STUDIES
from litmus.lit_archs.building.registry import construct
from litmus.lit_archs.cost.cost import cost
from litmus.studies.unet_skips import ADD, CONCATENATE, NONE
from litmus.training.network import network_options

STUDY = STUDIES["unet_skips"]


@pytest.mark.parametrize("preset", ["quick", "paper"])
def test_the_arms_cost_about_the_same(preset: str) -> None:
    costs = {}
    for arm in expand(STUDY, preset=preset).arms:
        size = arm.config.data.options["image_size"]
        costs[arm.label] = cost(construct("unet", **network_options(arm.config, 4, (3, size, size))), (3, size, size))
    assert costs[NONE] == costs[ADD]
    assert 1.08 < costs[NONE].parameters / costs[CONCATENATE].parameters < 1.1
    assert 0.965 < costs[NONE].flops / costs[CONCATENATE].flops < 0.99
