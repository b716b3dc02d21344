"""A user's network: options, option groups and what a name fixes follow from its function's signature."""

from dataclasses import dataclass

import pytest
from torch import nn

from litmus.core.errors import UserError
from litmus.lit_archs import build, register
from litmus.lit_archs.building.registry import ARCHITECTURES
from litmus.lit_archs.layers.norm_activation import NormActivationOptions
from litmus.training.config import resolve


@dataclass(frozen=True)
class HeadOptions(NormActivationOptions):
    """Options of a head.

    Args:
        units: of the hidden layer.
    """

    units: int = 8


@register(
    "own_small", "own_large", input_shape=(1, 8, 8), fixed={"own_large": {"units": 32}, "own_small": {}},
    hidden=["activation"],
)  # fmt: skip
def own(
    num_classes: int = 10,
    in_channels: int = 1,
    image_size: int = 8,
    *,
    twice: bool = False,
    head: HeadOptions = HeadOptions(norm="batch"),
) -> nn.Module:
    """A dense layer before the classifier.

    Args:
        twice: whether it is there twice.
    """
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(in_channels * image_size**2, head.units)]
    if head.norm == "batch":
        layers.append(nn.BatchNorm1d(head.units))
    return nn.Sequential(*layers, nn.Linear(head.units, num_classes))


def test_a_groups_fields_are_options_with_the_functions_defaults() -> None:
    keys = ARCHITECTURES["own_small"].keys("model")
    assert list(keys) == ["model.twice", "model.norm", "model.units"]
    assert keys["model.norm"].default == "batch"
    assert keys["model.units"].help == "of the hidden layer."
    assert "model.units" not in ARCHITECTURES["own_large"].keys("model")
    assert resolve({"model.name": "own_small", "model.units": "16"}).model == {
        "name": "own_small", "twice": False, "norm": "batch", "units": 16, "weights": None,
    }  # fmt: skip


def test_options_reach_their_group() -> None:
    assert build("own_small", units=5)[1].out_features == 5  # type: ignore[index]
    assert build("own_large")[1].out_features == 32  # type: ignore[index]
    assert not any(isinstance(layer, nn.BatchNorm1d) for layer in build("own_small", norm="none").modules())


def test_what_it_does_not_have_is_refused() -> None:
    with pytest.raises(UserError, match=r"unknown config key 'model\.activation' for own_small"):
        resolve({"model.name": "own_small", "model.activation": "relu"})
    with pytest.raises(UserError, match=r"model\.units cannot be set: the name own_large fixes it to 32"):
        resolve({"model.name": "own_large", "model.units": 3})
