"""Promise 2, paired initialisation: equal name and shape, equal initial values, in every arm of a seed."""

import math
from typing import get_args

import pytest
import torch
from torch import nn

from litmus import lit_archs
from litmus.lit_archs.building.initialisation import InitConfig, Scheme, initialise

PAIRS: list[tuple[str, dict, dict, dict]] = [
    ("lenet5", {"in_channels": 1}, {"norm": "none"}, {"norm": "batch"}),
    ("resnet20", {}, {"shortcut": "A"}, {"shortcut": "B"}),
    ("resnet_cifar", {}, {"depth": 20}, {"depth": 32}),
]


def _first_weight(state: dict[str, torch.Tensor]) -> torch.Tensor:
    return next(value for key, value in state.items() if value.dim() > 1)


def test_arms_start_equal_wherever_name_and_shape_agree() -> None:
    for name, fixed, first, second in PAIRS:
        torch.manual_seed(1)
        before = torch.get_rng_state()
        one = lit_archs.build(name, seed=3, **fixed, **first).state_dict()
        assert torch.equal(torch.get_rng_state(), before)
        torch.manual_seed(2)  # the global generator must not matter
        other = lit_archs.build(name, seed=3, **fixed, **second).state_dict()
        assert not torch.equal(_first_weight(one), _first_weight(lit_archs.build(name, seed=4, **fixed).state_dict()))
        equal = [key for key in one.keys() & other.keys() if one[key].shape == other[key].shape]
        assert any(key.endswith("weight") and one[key].dim() > 1 for key in equal)
        for key in equal:
            assert torch.equal(one[key], other[key]), (name, key)


@pytest.mark.parametrize("scheme", [scheme for scheme in get_args(Scheme) if scheme != "own"])
def test_schemes_have_their_deviation(scheme: str) -> None:
    layer = nn.Sequential(nn.Conv2d(64, 128, 3), nn.Linear(200, 300))
    initialise(layer, 0, InitConfig(scheme=scheme, gain=2.0))
    fan_in, fan_out = 64 * 9, 128 * 9
    expected = {
        "kaiming_normal": math.sqrt(2 / fan_in),
        "kaiming_uniform": math.sqrt(2 / fan_in),
        "kaiming_normal_out": math.sqrt(2 / fan_out),
        "vgg": math.sqrt(2 / fan_out),
        "xavier_normal": math.sqrt(2 / (fan_in + fan_out)),
        "xavier_uniform": math.sqrt(2 / (fan_in + fan_out)),
        "normal": 0.01,
        "pytorch": 1 / math.sqrt(3 * fan_in),
    }[scheme]
    weight = layer[0].weight.detach()
    assert float(weight.std()) == pytest.approx(2.0 * expected, rel=0.02)
    assert float(weight.mean()) == pytest.approx(0, abs=0.02 * expected * 2)
    if scheme == "vgg":
        assert float(layer[1].weight.detach().std()) == pytest.approx(2.0 * 0.01, rel=0.02)
    if scheme in ("kaiming_uniform", "xavier_uniform", "pytorch"):
        assert float(weight.abs().max()) <= 2.0 * math.sqrt(3) * expected * 1.0001


@pytest.mark.parametrize("scheme", ["kaiming_normal", "own"])
def test_the_gain_may_leave_the_classifier_as_it_is(scheme: str) -> None:
    def weights(**config: object) -> dict[str, torch.Tensor]:
        network = lit_archs.build("resnet_cifar", depth=8, init=InitConfig(scheme=scheme, **config))  # type: ignore[arg-type]
        return {name: each for name, each in network.state_dict().items() if each.dim() > 1}

    plain, hidden = weights(), weights(gain=3.0, scaled="hidden")
    for name, weight in plain.items():
        torch.testing.assert_close(hidden[name], weight if name == "classifier.weight" else 3.0 * weight)
