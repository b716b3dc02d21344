"""The profile by layer: receptive fields that gradients confirm, lecture figures, throughput."""

import pytest
import torch
from torch import nn

from litmus.lit_archs.cost.lecture_figures import lecture_figures
from litmus.lit_archs.cost.profile import profile


def test_receptive_fields_are_what_gradients_reach() -> None:
    layers = [nn.Conv2d(1, 1, 3), nn.MaxPool2d(2), nn.Conv2d(1, 1, 5, dilation=2), nn.Conv2d(1, 1, 3, stride=2)]
    with torch.device("meta"):
        predicted = [layer.receptive_field for layer in profile(nn.Sequential(*layers).to("meta"), (1, 64, 64))]
    measured = []
    linear = [nn.AvgPool2d(2) if isinstance(layer, nn.MaxPool2d) else layer.to_empty(device="cpu") for layer in layers]
    for layer in linear:
        for parameter in layer.parameters():
            nn.init.constant_(parameter, 1.0)
    for depth in range(1, len(linear) + 1):
        image = torch.zeros(1, 1, 64, 64, requires_grad=True)
        output = nn.Sequential(*linear[:depth])(image)
        output[0, 0, output.shape[2] // 2, output.shape[3] // 2].backward()
        assert image.grad is not None
        measured.append(int((image.grad[0, 0].abs().sum(0) > 0).sum()))
    assert predicted == measured


def test_the_lecture_figures_are_judged_right_or_wrong() -> None:
    figures = {figure.statement: figure for figure in lecture_figures()}
    assert figures["AlexNet's compute by LeNet-5's"].measured == pytest.approx(1714.7, abs=0.1)
    right = {statement for statement, figure in figures.items() if figure.right}
    assert right == {statement for statement in figures if "multiply-adds" in statement or "filters" in statement}
    # Ten times what is quoted.
    assert figures["inception block to 256 channels, parameters"].measured == 163_328
    assert figures["3×3 convolution to 256 channels, parameters"].measured == 442_368
    assert figures["5×5 convolution to 256 channels, parameters"].measured == 1_228_800
