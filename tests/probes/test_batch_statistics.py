"""How far batch norm's running statistics are from a batch's."""

import numpy
import pytest
import torch
from probed_steps import before_the_step, example
from torch import nn


def test_batch_statistics() -> None:
    norm = nn.BatchNorm2d(4)
    without = nn.BatchNorm2d(4, track_running_stats=False)
    network = nn.Sequential(norm, without, nn.Flatten(), nn.Linear(4 * 9, 3))
    module, batch, trainer = example(network, 10, 4, 3, 3)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.copy_(torch.tensor([0.5, -1.0, 2.0, 0.0]))
    norm.running_var.copy_(torch.tensor([1.0, 4.0, 0.25, 2.0]))
    measured = before_the_step("batch_statistics", module, batch, trainer)
    values = batch.images.transpose(0, 1).flatten(1).double().numpy()
    mean, variance = values.mean(1), values.var(1, ddof=1) + norm.eps
    running_mean, running_variance = numpy.array([0.5, -1.0, 2.0, 0.0]), numpy.array([1.0, 4.0, 0.25, 2.0]) + norm.eps
    distance = numpy.sqrt(numpy.mean((mean - running_mean) ** 2 / running_variance))
    assert measured["0", "mean_distance"] == pytest.approx(distance, rel=1e-6)
    ratio = numpy.abs(numpy.log(variance / running_variance)).mean()
    assert measured["0", "variance_log_ratio"] == pytest.approx(ratio, rel=1e-6)
    assert {layer for layer, _ in measured} == {"0"}
    assert norm.running_mean.tolist() == [0.5, -1.0, 2.0, 0.0]
