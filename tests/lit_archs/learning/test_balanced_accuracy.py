"""Balanced accuracy: scikit-learn's, over any batches; chance where one class is always answered."""

import pytest
import torch
from sklearn.metrics import balanced_accuracy_score
from torch import nn

from litmus.core.batch import Batch
from litmus.lit_archs.learning.classifier import BalancedAccuracy, LitClassifier


def test_it_is_scikit_learns_over_any_batches() -> None:
    draws = torch.Generator().manual_seed(0)
    scores, labels = torch.randn(200, 5, generator=draws), torch.randint(0, 4, (200,), generator=draws)
    metric = BalancedAccuracy(5)  # one of its classes has no sample
    for batch in (slice(0, 1), slice(1, 77), slice(77, 200)):
        metric.update(scores[batch], labels[batch])
    assert float(metric.compute()) == pytest.approx(balanced_accuracy_score(labels, scores.argmax(1)), abs=1e-12)


def test_one_answer_for_all_is_chance_and_scores_that_are_not_finite_have_no_metrics() -> None:
    module = LitClassifier(nn.Flatten(), 2)
    labels = (torch.arange(100) >= 95).long()
    always_first = torch.tensor([1.0, 0.0]).repeat(100, 1)
    one_is_not = always_first.clone()
    one_is_not[7] = torch.nan
    for scores, expected in ((always_first, (0.95, 0.5)), (one_is_not, (torch.nan, torch.nan))):
        module.evaluate("fit", Batch(scores, labels, 100, torch.arange(100)))
        found = module.measured("fit")
        assert [float(found[name]) for name in ("top1", "balanced_accuracy")] == pytest.approx(expected, nan_ok=True)
