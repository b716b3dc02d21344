"""Probe: the gradient that reaches the input along the paths of a residual network, by their length."""

import contextlib
import itertools
import math
from collections.abc import Collection, Iterator, Sequence

import lightning.pytorch as lightning
import torch
from torch import Tensor

from litmus.core.batch import Batch
from litmus.core.keyed_random import permutation
from litmus.lit_archs.layers.residual import ResidualBlock
from litmus.lit_archs.learning.lit_network import LitNetwork
from litmus.probes.probe import Probe, partial_loss, register, summed, training_pass

DRAWS = 3
"""Random paths that are averaged for each length, where there are more."""


@register
class PathGradients(Probe):
    """A path goes through the branches of some of n residual blocks and along the shortcuts of all others.

    The forward pass is the whole network's; going back, the gradient follows one path alone. The gradients of all 2ⁿ
    paths add up to the network's. Its length is the number of branches. Rows of a length, in the layer's place
    ("length 3"): `path_gradient`, the norm of the loss's gradient at the input along such a path, the mean of up to 3,
    keyed by the seed, the step and the length; `length_share`, the share that paths of the length have in the sum over
    all paths, each with the mean of its length.

    Rows of the network (layer ""): `short_path_share`, what those of at most a third of the blocks have together;
    `short_path_count`, their share in the number of paths; `mean_path_length`, the mean of the lengths by their shares
    of the gradient, over n. A network without shortcuts has one path, of no length.
    """

    name = "path_gradients"
    summary = "gradient along the paths of a residual network, by length (Veit et al. 2016, 1605.06431, section 5)"
    cost = "up to 3 passes forward and backward a block"

    def before_step(self, trainer: lightning.Trainer, module: LitNetwork, batch: Batch) -> None:
        blocks = residual_blocks(module)
        step, count = trainer.global_step, len(blocks)
        means = []
        for length in range(count + 1):
            paths = self._paths(count, length, step)
            norms = [path_gradient(module, batch, self.seed, blocks, path) for path in paths]
            squares = [float(summed(gradient.double().square().sum())) for gradient in norms]
            means.append(sum(map(math.sqrt, squares)) / len(squares))
        # There are n over k paths of length k.
        sums = [math.comb(count, length) * mean for length, mean in enumerate(means)]
        total = sum(sums)
        shares = [each / total if 0 < total < math.inf else math.nan for each in sums]
        for length, (mean, share) in enumerate(zip(means, shares, strict=True)):
            self.add(step, f"length {length}", path_gradient=mean, length_share=share)
        short = count // 3 + 1
        self.add(
            step,
            "",
            short_path_share=sum(shares[:short]),
            short_path_count=sum(math.comb(count, length) for length in range(short)) / 2**count,
            mean_path_length=sum(length * share for length, share in enumerate(shares)) / max(1, count),
        )

    def _paths(self, blocks: int, length: int, step: int) -> list[frozenset[int]]:
        """Return the paths of a length as the numbers of the blocks whose branches they take: all, or some drawn."""
        if math.comb(blocks, length) <= DRAWS:
            return [frozenset(path) for path in itertools.combinations(range(blocks), length)]
        orders = [permutation(blocks, self.seed, self.name, step, length, draw) for draw in range(DRAWS)]
        return [frozenset(order[:length].tolist()) for order in orders]


def residual_blocks(module: LitNetwork) -> list[ResidualBlock]:
    """Return the blocks of a network that have a shortcut, in forward order."""
    modules = module.network.modules()
    return [block for block in modules if isinstance(block, ResidualBlock) and block.shortcut is not None]


def path_gradient(
    module: LitNetwork, batch: Batch, seed: int, blocks: Sequence[ResidualBlock], path: Collection[int]
) -> Tensor:
    """Return the gradient of the loss by the images [N, C, H, W] along one path, the numbers of its branches."""
    images = batch.images.detach().clone().requires_grad_()
    with training_pass(module, seed), torch.enable_grad(), along(blocks, path):
        loss = partial_loss(module, batch._replace(images=images))
        # A path of branches that are switched off, such as those of dropped blocks, has no gradient.
        (gradient,) = torch.autograd.grad(loss, [images], allow_unused=True)
    return torch.zeros_like(images) if gradient is None else gradient


@contextlib.contextmanager
def along(blocks: Sequence[ResidualBlock], path: Collection[int]) -> Iterator[None]:
    """Let gradients pass the branches of the blocks of `path`, and the shortcuts of the others, and nothing else."""
    with contextlib.ExitStack() as hooks:
        for number, block in enumerate(blocks):
            assert block.shortcut is not None
            closed = block.shortcut if number in path else block.branch
            hooks.enter_context(closed.register_forward_hook(lambda *call: call[-1].detach()))
        yield
