"""How loss and gradient change along the gradient."""

import pytest
import torch
from probed_steps import before_the_step, example
from torch import Tensor, nn


class Quadratic(nn.Module):
    """L = ½ Σ a x², whatever the images are."""

    def __init__(self, a: Tensor, x: Tensor) -> None:
        super().__init__()
        self.a = a
        self.x = nn.Parameter(x)

    def forward(self, images: Tensor) -> Tensor:
        return self.x.expand(len(images), -1)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return 0.5 * (self.a * logits**2).sum(1)


def test_predictiveness_on_a_quadratic_loss() -> None:
    a, x, lr = torch.tensor([1.0, 3.0, 0.5]), torch.tensor([2.0, -1.0, 4.0]), 0.1
    network = Quadratic(a, x.clone())
    module, batch, trainer = example(network, 6, 3, lr=lr)
    measured = before_the_step("gradient_predictiveness", module, batch, trainer)
    g = a * x
    losses = [float(0.5 * (a * (x - step * lr * g) ** 2).sum()) for step in (0.5, 1, 2, 4)]
    expected = {
        "loss": float(0.5 * (a * x**2).sum()),
        "loss_lowest": min(losses),
        "loss_highest": max(losses),
        "loss_range": max(losses) - min(losses),
        "gradient_norm": float(g.norm()),
        "gradient_change": float((4 * lr * a * g).norm()),
        "smoothness": float((a * g).norm() / g.norm()),
    }
    assert measured == {("", key): pytest.approx(value, rel=1e-5) for key, value in expected.items()}
    assert torch.equal(network.x, x)
