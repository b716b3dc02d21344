"""The training loss of a network."""

import pytest
import torch

from lit_archs.learning.loss import classification_loss


def test_a_network_with_a_loss_of_its_own_is_recognised_by_it() -> None:
    class Own(torch.nn.Linear):
        def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return logits.sum(1)

    logits, labels = torch.arange(6.0).view(2, 3), torch.tensor([0, 1])
    assert float(classification_loss(Own(3, 3), logits, labels)) == 7.5
    plain = classification_loss(torch.nn.Linear(3, 3), logits, labels)
    assert float(plain) == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)))
