"""Mixup and cutmix: the formulas, the distribution of the shares, and the loss of a mixed label."""

import pytest
import scipy.stats
import torch
from torch.nn import functional

from litmus import datamodules
from litmus.core.keyed_random import derive, uniform
from litmus.datamodules.augmentation.mixing import mix, partners
from litmus.datamodules.batches.image_data import Batch
from litmus.lit_archs.learning.classifier import LitClassifier
from litmus.lit_archs.learning.optimiser import OptimConfig

COUNT = 5000
FIRST, SECOND = torch.zeros(COUNT, 1, 10, 8), torch.ones(COUNT, 1, 10, 8)
SAMPLE = torch.arange(COUNT)


def test_mixup_blends_by_the_share() -> None:
    mixed, share = mix("mixup", 0.4, FIRST, SECOND, SAMPLE, 0, 0)
    assert torch.allclose(mixed, (1 - share)[:, None, None, None].expand_as(mixed), atol=1e-6)
    assert scipy.stats.kstest(share.numpy(), "beta", (0.4, 0.4)).pvalue > 1e-3


def test_cutmix_pastes_a_box_and_the_share_is_what_remains() -> None:
    mixed, share = mix("cutmix", 1.0, FIRST, SECOND, SAMPLE, 0, 0)
    assert set(mixed.unique().tolist()) == {0.0, 1.0}
    assert torch.allclose(1 - mixed.mean((1, 2, 3)), share, atol=1e-6)
    for image in mixed[:200, 0]:
        rows, columns = image.amax(1), image.amax(0)
        assert torch.equal(image, rows[:, None] * columns[None])
        for line in (rows, columns):
            assert int((line.diff() != 0).sum()) <= 2
    # Before the edges cut it off, the box has the first image's aspect ratio and the drawn share of its area.
    side = torch.sqrt(1 - uniform(derive(0, "mix", "cutmix", 0), SAMPLE, 3)[:, 0])
    for image, length in zip(mixed[:200, 0], side, strict=False):
        rows, columns = image.amax(1), image.amax(0)
        for line, size in ((rows, 10), (columns, 8)):
            if not line[0] and not line[-1]:
                assert int(line.sum()) in (0, int(length * size) // 2 * 2)
    # Every pixel is pasted over as often as its mirror image.
    covered = mixed.mean(0)[0]
    assert (covered - covered.flip(0)).abs().max() < 0.06


def test_partners_are_uniform_over_the_training_split() -> None:
    pool = torch.arange(10) * 7
    drawn = partners(SAMPLE, pool, 0, 3)
    counts = torch.bincount(drawn, minlength=64)[pool]
    assert counts.sum() == COUNT
    assert scipy.stats.chisquare(counts.numpy()).pvalue > 1e-4


def test_batches_carry_the_partners_label() -> None:
    module = datamodules.build("digits", mix="mixup", batch_size=50)
    batch = next(module.train_epoch(0))
    second = partners(batch.sample, module.train_indices, 0, 0)
    assert batch.second_labels is not None
    assert batch.first_share is not None
    assert torch.equal(batch.second_labels, module.arrays.train_labels[second])
    assert torch.isin(second, module.train_indices).all()
    images = module.normalise(module.arrays.train_images)
    expected = torch.lerp(images[second], images[batch.sample], batch.first_share[:, None, None, None])
    assert torch.allclose(batch.images, expected, atol=1e-5)


def test_mixed_images_have_no_masks() -> None:
    module = datamodules.build("shapes", train_images=60, test_images=10, mix="cutmix", augment="cifar", batch_size=20)
    assert all(batch.masks is None and batch.first_share is not None for batch in module.train_epoch(0))
    assert all(batch.masks is not None for batch in module.val_dataloader())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_and_its_gradient_are_those_of_the_mixed_label(smoothing: float) -> None:
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    first, second = torch.tensor([0, 1, 2, 3, 0, 1]), torch.tensor([3, 1, 0, 2, 2, 0])
    weight = torch.linspace(0, 1, 6)
    batch = Batch(logits.detach(), first, first, 6, second, weight)
    soft = weight[:, None] * functional.one_hot(first, 4) + (1 - weight)[:, None] * functional.one_hot(second, 4)
    entropy = LitClassifier(torch.nn.Identity(), 4, OptimConfig(label_smoothing=smoothing), 1).loss(logits, batch)
    assert torch.allclose(entropy, functional.cross_entropy(logits, soft, label_smoothing=smoothing))
    optim = OptimConfig(label_smoothing=smoothing, loss="squared_error")
    squared = LitClassifier(torch.nn.Identity(), 4, optim, 1).loss(logits, batch)
    target = (1 - smoothing) * soft + smoothing / 4
    found, expected = (
        torch.autograd.grad(loss, logits)[0] for loss in (squared, (logits - target).square().sum(1).mean())
    )
    assert torch.allclose(found, expected, atol=1e-6)
