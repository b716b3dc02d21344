"""The gradient along single paths of a residual network, and what paths of a length have together."""

import itertools

import pytest
import torch
from probed_steps import before_the_step, example
from torch.nn import functional

from litmus.lit_archs.building.registry import build
from litmus.probes.path_gradients import path_gradient, residual_blocks

NETWORKS = {
    "option A": {"shortcut": "A"},
    "projections, pre-activation": {"shortcut": "C", "pre_activation": True},
    "bottlenecks": {"depth": 11, "block": "bottleneck", "shortcut": "B"},
}


@pytest.mark.parametrize("options", NETWORKS.values(), ids=list(NETWORKS))
def test_the_gradients_of_all_paths_add_up_to_the_networks(options: dict) -> None:
    network = build("resnet_cifar", **{"depth": 8, "width": 4, "in_channels": 1, "image_size": 8, **options})
    network.train().double()
    module, batch, _ = example(network, 6, 1, 8, 8)
    batch = batch._replace(images=batch.images.double().requires_grad_())
    blocks = residual_blocks(module)
    assert len(blocks) == 3
    functional.cross_entropy(network(batch.images), batch.labels).backward()
    paths = [path for length in range(4) for path in itertools.combinations(range(3), length)]
    by_path = {path: path_gradient(module, batch, 0, blocks, path) for path in paths}
    assert batch.images.grad is not None
    assert torch.allclose(sum(by_path.values(), torch.zeros(())), batch.images.grad, atol=1e-12)
    assert len({float(gradient.norm()) for gradient in by_path.values()}) == 8


def test_rows_are_the_means_of_a_length_and_their_shares() -> None:
    network = build("resnet_cifar", depth=8, width=4, in_channels=1, image_size=8)
    module, batch, trainer = example(network, 6, 1, 8, 8)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    measured = before_the_step("path_gradients", module, batch, trainer)
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in before.items())
    assert all(parameter.grad is None for parameter in network.parameters())
    blocks = residual_blocks(module)
    means = []
    for length in range(4):
        norms = [
            float(path_gradient(module, batch, 0, blocks, path).norm())
            for path in itertools.combinations(range(3), length)
        ]
        means.append(sum(norms) / len(norms))
        assert measured[f"length {length}", "path_gradient"] == pytest.approx(means[-1], rel=1e-5)
    total = means[0] + 3 * means[1] + 3 * means[2] + means[3]
    assert measured["length 2", "length_share"] == pytest.approx(3 * means[2] / total, rel=1e-5)
    assert measured["", "short_path_share"] == pytest.approx((means[0] + 3 * means[1]) / total, rel=1e-5)
    assert measured["", "short_path_count"] == 0.5
    mean = (3 * means[1] + 6 * means[2] + 3 * means[3]) / total / 3
    assert measured["", "mean_path_length"] == pytest.approx(mean, rel=1e-5)
