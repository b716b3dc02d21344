"""Blocks that are deleted or change places, and what the damaged networks score."""

import copy
from typing import Any

import pytest
import torch
from probed_steps import random, rows_of
from scipy import stats
from torch import nn
from torch.nn import functional

from litmus.datamodules.batches.image_data import ImageDataModule
from litmus.lit_archs.building.registry import build
from litmus.probes.lesion import deleted, exchangeable_pairs, find_blocks, reordered
from litmus.training.run import Run


def residual_network(depth: int = 14, **options: Any) -> Any:
    network: Any = build("resnet_cifar", depth=depth, width=4, in_channels=1, image_size=8, **options).eval()
    return network


IMAGES = random(5, 1, 8, 8)


def test_deleting_a_residual_block_leaves_its_shortcut() -> None:
    network = residual_network()
    blocks = find_blocks(network, IMAGES[:1])
    names = [f"stage{stage}.{index}" for stage in (1, 2, 3) for index in (0, 1)]
    assert [block.name for block in blocks] == names
    assert [block.keeps_shape for block in blocks] == [True, True, False, True, False, True]
    intact = network(IMAGES)
    for name in ("stage1.1", "stage2.0"):
        with deleted([block for block in blocks if block.name == name]):
            result = network(IMAGES)
        x = network.norm(network.conv(IMAGES))
        for each in names:
            block = network.get_submodule(each)
            x = functional.relu(block.shortcut(x)) if each == name else block(x)
        expected = network.classifier(x.mean((2, 3)))
        torch.testing.assert_close(result, expected)
        assert not torch.allclose(result, intact, atol=1e-3)
    assert torch.equal(network(IMAGES), intact)


def test_layers_of_a_plain_stack_are_blocks() -> None:
    network: Any = build("vgg16", norm="batch", width=4, head="average", in_channels=1, image_size=32).eval()
    images = random(2, 1, 32, 32)
    blocks = find_blocks(network, images[:1])
    assert len(blocks) == 13
    # Doubling channels at the start of a stage, up to the fourth.
    assert [block.name for block in blocks if not block.keeps_shape] == [f"stage{n}.conv1" for n in (1, 2, 3, 4)]
    without = copy.deepcopy(network)
    without.stage3.conv2, without.stage3.norm2 = nn.Identity(), nn.Identity()
    with deleted([block for block in blocks if block.name == "stage3.conv2"]):
        assert torch.equal(network(images), without(images))


def test_exchanged_blocks_change_places_and_return() -> None:
    whole = residual_network(depth=20)
    blocks = find_blocks(whole, IMAGES[:1])
    assert exchangeable_pairs(blocks) == [(0, 1), (0, 2), (1, 2), (4, 5), (7, 8)]
    swapped = copy.deepcopy(whole)
    swapped.stage2[1], swapped.stage2[2] = whole.stage2[2], whole.stage2[1]
    intact = whole(IMAGES)
    with reordered(blocks, [0, 1, 2, 3, 5, 4, 6, 7, 8]):
        result = whole(IMAGES)
    assert torch.equal(result, swapped(IMAGES))
    assert not torch.equal(result, intact)
    assert torch.equal(whole(IMAGES), intact)


@torch.no_grad()
def accuracy(network: nn.Module, data: ImageDataModule) -> float:
    images = data.normalise(data.arrays.train_images[data.val_indices])
    return float((network(images).argmax(1) == data.arrays.train_labels[data.val_indices]).double().mean())


def test_lesions_are_validation_accuracies_of_damaged_networks(
    finished: Run, trained: tuple[Any, ImageDataModule]
) -> None:
    network, data = trained
    rows = rows_of(finished, "lesion").set_index(["layer", "quantity"])["value"].astype(float)
    metrics = finished.record.read_summary()["metrics"]
    assert rows["", "top1_intact"] == pytest.approx(metrics["val_top1"])
    assert rows["", "blocks"] == 6
    for name in ("stage1.1", "stage2.1", "stage3.0"):
        damaged = copy.deepcopy(network)
        damaged.get_submodule(f"{name}.branch.norm_last").weight.data.zero_()
        damaged.get_submodule(f"{name}.branch.norm_last").bias.data.zero_()
        assert rows[name, "top1_without"] == pytest.approx(accuracy(damaged, data))
    singles = [rows[f"stage{stage}.{index}", "top1_without"] for stage in (1, 2, 3) for index in (0, 1)]
    assert min(singles) <= rows["", "top1_deleted_1"] <= max(singles)
    assert ("", "top1_deleted_4") in rows.index
    # The one exchange there is: the only stage whose two blocks keep the same shape is the first.
    swapped = copy.deepcopy(network)
    swapped.stage1[0], swapped.stage1[1] = network.stage1[1], network.stage1[0]
    assert rows["", "top1_shuffled_1"] == pytest.approx(accuracy(swapped, data))
    tau = stats.kendalltau(range(6), [1, 0, 2, 3, 4, 5]).statistic
    assert rows["", "kendall_tau_shuffled_1"] == pytest.approx(tau)
    assert ("", "top1_shuffled_2") not in rows.index
