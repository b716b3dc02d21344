"""The smallest network of each family: forward, backward under every norm, precision, state, sizes."""

import re

import pytest
import torch
from reduced_networks import CLASSES, families, loss_of, norms_of, reduced, size_of, small_options

from litmus.core.errors import UserError
from litmus.lit_archs.building.registry import ARCHITECTURES, construct


def images(size: int, channels: int = 3, batch: int = 4) -> torch.Tensor:
    return torch.randn(batch, channels, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", families())
def test_every_parameter_is_trained_under_every_norm(name: str) -> None:
    for norm in norms_of(name) or [None]:
        # Instance norm has no statistics of a map of one pixel.
        size = 65 if norm == "instance" else size_of(name)
        options = {} if norm is None else {"norm": norm}
        network = reduced(name, image_size=size, **options)
        torch.manual_seed(0)
        loss = loss_of(network.train(), images(size))
        loss.backward()
        assert torch.isfinite(loss)
        for key, parameter in network.named_parameters():
            assert parameter.grad is not None, f"{norm}: {key} is unused"
            assert torch.isfinite(parameter.grad).all(), f"{norm}: {key} has no finite gradient"


@pytest.mark.parametrize("name", families())
def test_one_image_in_eval_bf16_and_the_state_round_trip(name: str) -> None:
    network = reduced(name, in_channels=1).eval()
    image = images(size_of(name), channels=1, batch=1)
    with torch.no_grad():
        logits = network(image)
        assert logits.shape[:2] == (1, CLASSES)
        assert torch.isfinite(logits).all()
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.isfinite(network(image)).all()
        other = reduced(name, in_channels=1, seed=1).eval()
        other.load_state_dict(network.state_dict())
        torch.testing.assert_close(other(image), logits, rtol=0, atol=0)


@pytest.mark.parametrize("name", families())
def test_any_image_size_works_or_the_smallest_is_named(name: str) -> None:
    worked = False
    for size in (1, 2, 3, 4, 5, 7, 8, 14, 15, 28, 29, 31, 33, 35, 62, 63, 65):
        try:
            with torch.device("meta"):
                network = construct(name, num_classes=CLASSES, image_size=size, **small_options(name)).eval()
        except UserError as error:
            assert not worked, f"{size} is refused though a smaller image works"
            smallest = re.fullmatch(r"image_size must be at least (\d+), got \d+", str(error))
            assert smallest is not None
            assert size < int(smallest[1])
            continue
        worked = True
        shape = (1, ARCHITECTURES[name].input_shape[0], size, size)  # type: ignore[index]
        assert network(torch.empty(shape, device="meta")).shape[:2] == (1, CLASSES)
    assert worked
