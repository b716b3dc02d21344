"""Every variant with every norm: forward, backward, precision, state, sizes."""

import copy
import re
from typing import get_args

import pytest
import torch
from reduced_networks import CLASSES, by_size, loss_of, reduced, size_of, variants
from torch import nn

from litmus import lit_archs
from litmus.core.errors import UserError
from litmus.lit_archs.building.registry import ARCHITECTURES, register
from litmus.lit_archs.layers.norm_activation import Norm

NORMS = get_args(Norm)


def images(size: int, channels: int = 3, batch: int = 4) -> torch.Tensor:
    return torch.randn(batch, channels, size, size, generator=torch.Generator().manual_seed(0))


def choices_of_norm() -> list[tuple[str, str]]:
    """Return every network with every norm that it can have: a name may fix it, and a vector has no instance."""
    return [
        (name, norm)
        for name in variants()
        for norm in (("batch",) if "norm" in ARCHITECTURES[name].fixed else NORMS)
        if (name, norm) != ("mlp", "instance")
    ]


def trains_on(name: str, size: int, options: dict) -> bool:
    """Whether every norm of the network has more than one value to average over."""
    try:
        reduced(name, image_size=size, **options).train()(images(size))
    except ValueError as error:
        assert "more than 1 spatial element" in str(error)  # noqa: PT017
        return False
    return True


def test_instance_norm_of_a_vector_is_refused() -> None:
    with pytest.raises(UserError, match="norm of a fully connected layer 'instance'"):
        reduced("mlp", norm="instance")


@pytest.mark.parametrize(("name", "norm"), by_size(choices_of_norm()))
def test_every_parameter_is_trained(name: str, norm: str) -> None:
    options = {} if "norm" in ARCHITECTURES[name].fixed else {"norm": norm}
    size = size_of(name)
    if norm == "instance" and not trains_on(name, size, options):
        size = 65  # a map of one pixel has no instance statistics, which PyTorch says
    network = reduced(name, image_size=size, **options)
    torch.manual_seed(0)
    loss = loss_of(network.train(), images(size))
    loss.backward()
    assert torch.isfinite(loss)
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, f"{key} is unused"
        assert torch.isfinite(parameter.grad).all(), f"{key} has no finite gradient"


@pytest.mark.parametrize("name", by_size(variants()))
def test_one_image_in_eval_bf16_and_the_state_round_trip(name: str) -> None:
    network = reduced(name, in_channels=1).eval()
    image = images(size_of(name), channels=1, batch=1)
    with torch.no_grad():
        logits = network(image)
        assert logits.shape[:2] == (1, CLASSES)
        assert torch.isfinite(logits).all()
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.isfinite(network(image)).all()
        options = {"seed": 1}
        other = reduced(name, in_channels=1, **options).eval()
        other.load_state_dict(copy.deepcopy(network.state_dict()))
        torch.testing.assert_close(other(image), logits, rtol=0, atol=0)


@pytest.mark.parametrize("name", by_size(variants()))
def test_any_image_size_works_or_the_smallest_is_named(name: str) -> None:
    worked = False
    for size in (1, 2, 3, 4, 5, 7, 8, 14, 15, 28, 29, 31, 33, 35, 62, 63, 65):
        network = smallest = None
        try:
            network = reduced(name, image_size=size).eval()
        except UserError as error:
            smallest = re.fullmatch(r"image_size must be at least (\d+), got \d+", str(error))
        if network is None:
            assert not worked, f"{size} is refused though a smaller image works"
            assert smallest is not None
            assert size < int(smallest[1])
            continue
        worked = True
        with torch.no_grad():
            assert network(images(size, batch=1)).shape[:2] == (1, CLASSES)
    assert worked


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "densenet40_k12", "googlenet_cifar", "vgg11", "unet"])
def test_exported_networks_give_the_same_logits(name: str) -> None:
    network = reduced(name).eval()
    batch = images(size_of(name), batch=2)
    exported = torch.export.export(network, (batch,)).module()
    with torch.no_grad():
        torch.testing.assert_close(exported(batch), network(batch))


def test_registering_from_outside_the_package_takes_one_function() -> None:
    name = "one_layer_of_a_test"
    if name not in ARCHITECTURES:

        @register(name, input_shape=(1, 8, 8))
        def one_layer(
            num_classes: int = 10, in_channels: int = 1, image_size: int = 8, *, units: int = 16
        ) -> nn.Module:
            """One hidden layer.

            Args:
                units: of the hidden layer.
            """
            inputs = in_channels * image_size**2
            return nn.Sequential(nn.Flatten(), nn.Linear(inputs, units), nn.ReLU(), nn.Linear(units, num_classes))

    network = lit_archs.build(name, num_classes=CLASSES, in_channels=1, units=32)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    batch, losses = images(8, channels=1, batch=16), []
    for _ in range(20):
        optimiser.zero_grad()
        loss = loss_of(network, batch)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
