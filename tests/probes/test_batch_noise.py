"""How much one image's logits depend on the other images of its batch."""

from typing import Any

import pytest
import torch
from probed_steps import Figures, example, figures, probe
from torch import Tensor, nn

from litmus import datamodules
from litmus.core.keyed_random import permutation
from litmus.probes.batch_noise import COMPOSITIONS, IMAGES, spread_over_batches

CLASSES = 10


def measured(network: nn.Module, batch_size: int) -> tuple[Figures, Tensor]:
    """Return the probe's figures of a network on the digits, and the images that it sees."""
    data = datamodules.build("digits", batch_size=batch_size, eval_batch_size=100)
    module, batch, trainer = example(network, 4, 1, 8, 8, classes=CLASSES)
    trainer.datamodule, trainer.accumulate_grad_batches = data, 1
    trainer.precision_plugin = _Precision()
    each = probe("batch_noise")
    each.on_train_batch_start(trainer, module, batch, 0)
    images = torch.cat([part.images for part in data.fit_batches(max(IMAGES, 4 * batch_size))])
    return figures(each), images


class _Precision:
    def convert_input(self, batch: Any) -> Any:
        return batch


def network(norm: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 20), norm, nn.ReLU(), nn.Dropout(0.5), nn.Linear(20, CLASSES))


def test_noise_is_that_of_logits_by_batch_statistics() -> None:
    batch_size = 60
    net = network(nn.BatchNorm1d(20))
    found, images = measured(net, batch_size)
    count = IMAGES // batch_size * batch_size
    first, _, _, _, last = net[1], net[2], net[3], net[4], net[5]
    ways = []
    with torch.no_grad():
        for way in range(COMPOSITIONS):
            logits = torch.empty(count, CLASSES)
            for batch in permutation(count, 0, "batch_noise", way).split(batch_size):
                hidden = first(images[batch].flatten(1))
                deviation = (hidden.var(0, unbiased=False) + 1e-5).sqrt()
                logits[batch] = last(((hidden - hidden.mean(0)) / deviation).relu())
            ways.append(logits)
    noise, changed = spread_over_batches(torch.stack(ways))
    assert found["", "logit_noise"] == pytest.approx(noise, rel=1e-3)
    assert found["", "changed_answers"] == pytest.approx(changed, abs=2e-3)
    assert noise > 0.05


def test_what_does_not_mix_a_batch_has_no_noise() -> None:
    for norm in (nn.Identity(), nn.GroupNorm(2, 20)):
        found, _ = measured(network(norm), 8)
        assert found["", "logit_noise"] == pytest.approx(0.0, abs=1e-6)
        assert found["", "changed_answers"] == 0.0


def test_the_spread_by_hand() -> None:
    # Two images of two classes, in two ways: deviations √2 of the first image's logits, and its answer is once wrong.
    logits = torch.tensor([[[4.0, 1.0], [0.0, 10.0]], [[2.0, 3.0], [0.0, 10.0]]])
    noise, changed = spread_over_batches(logits)
    assert noise == pytest.approx(((2 + 2 + 0 + 0) / 4) ** 0.5 / ((4.5 + 32) / 2) ** 0.5)
    assert changed == 0.25
