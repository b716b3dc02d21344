"""The plain convnet: its pattern, its sizes, its parameters."""

import itertools
from typing import Any

import pytest
import torch
from torch import nn

from litmus import lit_archs
from litmus.core.errors import UserError


def kinds(network: nn.Module) -> list[str]:
    wanted = (nn.Conv2d, nn.Linear, nn.ReLU, nn.MaxPool2d)
    return [type(module).__name__ for module in network.modules() if isinstance(module, wanted)]


def test_the_pattern_is_that_of_the_lectures() -> None:
    network = lit_archs.build("convnet", blocks=2, convolutions=3, hidden=2)
    block = ["Conv2d", "ReLU"] * 3 + ["MaxPool2d"]
    assert kinds(network) == block * 2 + ["Linear", "ReLU"] * 2 + ["Linear"]
    assert kinds(lit_archs.build("convnet", blocks=0, hidden=0)) == ["Linear"]


def test_parameters_are_what_the_formula_says() -> None:
    options: dict[str, Any] = {"blocks": 2, "convolutions": 1, "width": 10, "kernel_size": 5, "dense_units": 7}
    network = lit_archs.build("convnet", **options)
    expected = (25 * 3 + 1) * 10 + (25 * 10 + 1) * 20 + (20 * 8 * 8 + 1) * 7 + (7 + 1) * 10
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_sizes_are_what_the_formula_says() -> None:
    cases: list[tuple[int, dict[str, Any], int]] = [
        (7, {"zero_padding": 0}, 5),
        (7, {"zero_padding": 0, "stride": 2}, 3),
        (5, {"zero_padding": 1, "stride": 2}, 3),
        (227, {"kernel_size": 11, "stride": 4, "zero_padding": 0}, 55),
        (32, {"kernel_size": 5}, 32),
        (9, {"kernel_size": 5, "pooling": "subsample"}, 5),
    ]
    for size, options, side in cases:
        shape = {"blocks": 1, "convolutions": 1, "width": 2, "hidden": 0, "pooling": "none", "image_size": size}
        network = lit_archs.build("convnet", **{**shape, **options})
        assert network.get_submodule("block1")(torch.zeros(1, 3, size, size)).shape[2:] == (side, side)
        assert network(torch.zeros(1, 3, size, size)).shape == (1, 10)


def test_the_smallest_image_is_the_smallest_that_works() -> None:
    shapes: list[dict[str, Any]] = [{}, {"zero_padding": 0}, {"kernel_size": 5, "stride": 2, "zero_padding": 1}]
    for pooling, options in itertools.product(("max", "subsample", "none"), shapes):
        settings = {"blocks": 2, "width": 2, "dense_units": 4, "pooling": pooling, **options}
        with pytest.raises(UserError, match="image_size must be at least") as error:
            lit_archs.build("convnet", image_size=0, **settings)
        smallest = int(str(error.value).split("at least ")[1].split(",")[0])
        network = lit_archs.build("convnet", image_size=smallest, **settings)
        assert network(torch.zeros(1, 3, smallest, smallest)).shape == (1, 10)
        if smallest > 1:
            smaller = torch.zeros(1, 3, smallest - 1, smallest - 1)
            with pytest.raises(RuntimeError):
                network.get_submodule("block2")(network.get_submodule("block1")(smaller))


def test_wrong_options_are_refused() -> None:
    for options in ({"width": 0}, {"stride": 0}, {"zero_padding": -1}, {"hidden": -1}, {"dropout": 1.5}):
        with pytest.raises(UserError, match=next(iter(options))):
            lit_archs.build("convnet", **options)
