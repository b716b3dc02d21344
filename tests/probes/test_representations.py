"""How like a layer's outputs are to those it ends with."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.plugins import Precision
from probed_steps import example, probe, random

from litmus import datamodules
from litmus.lit_archs.building.registry import build
from litmus.probes.representations import Representations, svcca


def test_it_is_the_mean_of_the_canonical_correlations() -> None:
    # Orthogonal, centred columns: one is shared in full, one at an angle whose cosine is 0.6, one not at all.
    basis = torch.linalg.qr(random(50, 6).double() - random(50, 6).double().mean(0)).Q
    basis = torch.linalg.qr(basis - basis.mean(0)).Q
    other = torch.stack((basis[:, 0], 0.6 * basis[:, 1] + 0.8 * basis[:, 3], basis[:, 4]), 1)
    assert svcca(basis[:, :3], other) == pytest.approx((1 + 0.6 + 0) / 3, abs=1e-6)


def test_the_images_and_places_are_the_same_in_any_batches() -> None:
    network = build("resnet_cifar", depth=8, width=4, in_channels=1, image_size=8)
    module, _, _ = example(network, 6, 1, 8, 8)
    found = []
    for size in (500, 60):
        data = datamodules.build("digits", eval_batch_size=size, validation=0.1)
        trainer: Any = SimpleNamespace(datamodule=data, precision_plugin=Precision())
        measuring = probe("representations")
        assert isinstance(measuring, Representations)
        found.append(measuring._points(trainer, module))
    assert found[0].keys() == found[1].keys()
    for name, points in found[0].items():
        torch.testing.assert_close(found[1][name], points)
    # 144 images at three places each; of vectors there is one.
    assert found[0]["conv"].shape == (432, 4)
    assert found[0]["classifier"].shape == (144, 10)
