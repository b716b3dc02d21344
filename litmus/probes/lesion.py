"""Probe: the accuracy of the trained network when blocks are deleted or exchanged."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as lightning
import torch
from scipy.stats import kendalltau
from torch import Tensor, nn

from litmus.core.keyed_random import permutation
from litmus.lit_archs.layers.norm_activation import ACTIVATION_LAYERS, NormActivation
from litmus.lit_archs.layers.residual import ResidualBlock
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import Probe, predicted_classes, register, summed, undisturbed, watched

COUNTS = (1, 2, 4, 8, 16)
"""How many blocks are deleted at once, and how many pairs exchanged, if there are enough."""

DRAWS = 3
"""Random choices that are averaged for each of these counts."""


@register
class Lesion(Probe):
    """Rows at the end of training, validation accuracies of the damaged network; nothing is trained again.

    A block is a residual or plain block, or, outside those, a convolution or linear layer with the norm and activation
    behind it. A residual block keeps its shortcut when it is deleted. Any other block is replaced by the identity, so
    that one that changes the shape cannot be deleted. Two blocks can be exchanged if both keep the same shape.

    Row of a block: `top1_without` it. Rows of the network (layer ""): `top1_intact`; `blocks`, how many can be deleted;
    `top1_deleted_k`, without k blocks; `top1_shuffled_k`, with k pairs exchanged one after the other, and
    `kendall_tau_shuffled_k`, the rank correlation of the blocks' order with the trained one. The last three are means
    over 3 choices, keyed by the seed and k. A run that diverged has no rows.
    """

    name = "lesion"
    summary = "accuracy with blocks deleted or exchanged after training (Veit et al. 2016, 1605.06431, section 4)"
    cost = "a validation for each block and about 30 more, once"
    for_segmentation = False

    def at_end(self, trainer: lightning.Trainer, module: LitNetwork) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        network = module.network
        step = trainer.global_step

        def top1() -> float:
            counts = torch.zeros(2, dtype=torch.int64, device=module.device)
            for batch in self.validation_batches(trainer):
                # Not the compiled network, which would not notice what has changed.
                logits = network.forward(batch.images)
                right = predicted_classes(logits) == batch.labels
                counts += torch.stack((right.sum(), right.new_tensor(len(right), dtype=torch.int64)))
            right_answers, count = summed(counts).tolist()
            return right_answers / count

        with undisturbed(network), torch.no_grad():
            network.eval()
            blocks = find_blocks(network, next(network.parameters()).new_zeros(1, *data.image_shape))
            deletable = [block for block in blocks if block.residual or block.keeps_shape]
            self.add(step, "", top1_intact=top1(), blocks=len(deletable))
            for block in deletable:
                with deleted([block]):
                    self.add(step, block.name, top1_without=top1())
            for count in COUNTS:
                if count < len(deletable):
                    self._delete(step, deletable, count, top1)
            pairs = exchangeable_pairs(blocks)
            for count in COUNTS:
                if count <= len(pairs):
                    self._shuffle(step, blocks, pairs, count, top1)

    def _delete(self, step: int, blocks: "list[Block]", count: int, top1: Callable[[], float]) -> None:
        results = []
        for draw in range(DRAWS):
            chosen = permutation(len(blocks), self.seed, self.name, "delete", count, draw)[:count]
            with deleted([blocks[index] for index in chosen.tolist()]):
                results.append(top1())
        self.add(step, "", **{f"top1_deleted_{count}": sum(results) / DRAWS})

    def _shuffle(
        self, step: int, blocks: "list[Block]", pairs: list[tuple[int, int]], count: int, top1: Callable[[], float]
    ) -> None:
        results, correlations = [], []
        for draw in range(DRAWS):
            chosen = permutation(len(pairs), self.seed, self.name, "shuffle", count, draw)[:count]
            order = list(range(len(blocks)))
            for first, second in (pairs[index] for index in chosen.tolist()):
                order[first], order[second] = order[second], order[first]
            with reordered(blocks, order):
                results.append(top1())
            correlations.append(float(kendalltau(range(len(order)), order).statistic))
        tau = sum(correlations) / DRAWS
        self.add(step, "", **{f"top1_shuffled_{count}": sum(results) / DRAWS, f"kendall_tau_shuffled_{count}": tau})


@dataclass(frozen=True)
class Block:
    """Layers that can be deleted or moved as one: `modules` are the children called `keys` of `parent`, in order.

    `shapes` are the type of its first module and the shapes of its input and output, without the batch.
    """

    name: str
    parent: nn.Module
    keys: tuple[str, ...]
    modules: tuple[nn.Module, ...]
    shapes: tuple[type[nn.Module], torch.Size, torch.Size]

    @property
    def residual(self) -> bool:
        """Whether it has a shortcut, which it keeps when it is deleted."""
        return isinstance(self.modules[0], ResidualBlock) and self.modules[0].shortcut is not None

    @property
    def keeps_shape(self) -> bool:
        """Whether its output has the shape of its input."""
        return self.shapes[1] == self.shapes[2]


def find_blocks(network: nn.Module, images: Tensor) -> list[Block]:
    """Return the blocks of `network` in forward order; their shapes are those that `images` [N, C, H, W] have there."""
    names = {module: name for name, module in network.named_modules()}
    found: list[tuple[nn.Module, list[tuple[str, nn.Module]]]] = []
    inside: list[str] = []
    for name, parent in network.named_modules():
        if not isinstance(parent, nn.Sequential) or any(name.startswith(f"{outer}.") for outer in inside):
            continue
        children = list(parent.named_children())
        for (key, child), following in zip(children, [*children[1:], ("", nn.Identity())], strict=True):
            if isinstance(child, ResidualBlock):
                inside.append(names[child])
                found.append((parent, [(key, child)]))
            elif isinstance(child, nn.Conv2d | nn.Linear) and isinstance(
                following[1], (NormActivation, *ACTIVATION_LAYERS)
            ):
                found.append((parent, [(key, child), following]))
    shapes: dict[str, tuple[torch.Size, torch.Size]] = {}

    def see(name: str, entering: Tensor, leaving: Tensor) -> None:
        shapes[name] = entering.shape[1:], leaving.shape[1:]

    with watched({names[module]: module for _, children in found for _, module in children}, see):
        network.forward(images)
    blocks = []
    for parent, children in found:
        keys, modules = zip(*children, strict=True)
        if all(names[module] in shapes for module in modules):  # auxiliary heads do not run in evaluation
            sizes = (type(modules[0]), shapes[names[modules[0]]][0], shapes[names[modules[-1]]][1])
            blocks.append(Block(names[modules[0]], parent, keys, modules, sizes))
    return blocks


def exchangeable_pairs(blocks: Sequence[Block]) -> list[tuple[int, int]]:
    """Return the pairs of numbers of `blocks` that keep the same shape, and are built alike."""
    return [
        (first, second)
        for second in range(len(blocks))
        for first in range(second)
        if blocks[first].keeps_shape and blocks[first].shapes == blocks[second].shapes
    ]


@contextlib.contextmanager
def deleted(blocks: Sequence[Block]) -> Iterator[None]:
    """Take `blocks` out of their network: a residual one keeps its shortcut, any other becomes the identity."""
    with contextlib.ExitStack() as hooks:
        for block in blocks:
            if block.residual:
                branch = block.modules[0].get_submodule("branch")
                hooks.enter_context(branch.register_forward_hook(lambda *call: torch.zeros_like(call[-1])))
            else:
                for module in block.modules:
                    hooks.enter_context(module.register_forward_hook(lambda _, inputs, __: inputs[0]))
        yield


@contextlib.contextmanager
def reordered(blocks: Sequence[Block], order: Sequence[int]) -> Iterator[None]:
    """Put block number `order[i]` in place of block number i."""

    def place(contents: Sequence[Block]) -> None:
        for block, content in zip(blocks, contents, strict=True):
            for key, module in zip(block.keys, content.modules, strict=True):
                setattr(block.parent, key, module)

    try:
        place([blocks[index] for index in order])
        yield
    finally:
        place(blocks)
