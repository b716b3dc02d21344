"""A network with its norms folded says what it said, and what could not be folded is told."""

import pytest
import torch
from reduced_networks import families, norms_of, reduced, size_of
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from litmus import lit_archs
from litmus.lit_archs.building.norm_config import NormConfig

NOT_ONE_LAYER = "does not read what one convolution or linear layer makes"


def images(size: int, count: int = 3) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def trained_a_little(network: nn.Module, size: int) -> nn.Module:
    """Give every norm statistics, scale and shift of its own."""
    generator = torch.Generator().manual_seed(1)

    def draw(like: Tensor, low: float, high: float) -> Tensor:
        return torch.rand(like.shape, generator=generator, dtype=like.dtype) * (high - low) + low

    with torch.no_grad():
        for norm in network.modules():
            if isinstance(norm, _BatchNorm):
                for tensor, low, high in (
                    (norm.running_mean, -0.5, 0.5), (norm.running_var, 0.5, 2.0), (norm.weight, 0.5, 1.5),
                    (norm.bias, -0.5, 0.5),
                ):  # fmt: skip
                    if tensor is not None:
                        tensor.copy_(draw(tensor, low, high))
    return network.eval()


def batch_norms_of(network: nn.Module) -> list[str]:
    return [name for name, module in network.named_modules() if isinstance(module, _BatchNorm)]


@pytest.mark.parametrize("name", families())
def test_logits_of_every_family_stay_to_rounding(name: str) -> None:
    options = {"norm": "batch"} if norms_of(name) else {}
    network = trained_a_little(reduced(name, **options).double(), size_of(name))
    batch = images(size_of(name)).double()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    found = lit_archs.fold_batch_norm(network, batch[:1])
    with torch.no_grad():
        torch.testing.assert_close(found.network(batch), network(batch), rtol=1e-9, atol=1e-9)
    assert {*found.folded, *found.left} == set(batch_norms_of(network))
    assert batch_norms_of(found.network) == list(found.left)
    # Those of concatenations and sums stay, and of heads that do not run; all others go.
    for why in found.left.values():
        assert why in (NOT_ONE_LAYER, "does not run at evaluation") or why.startswith("something else reads")
    # DenseNet's without bottlenecks read concatenations, all of them.
    assert len(found.folded) >= (0 if name.startswith("densenet") else len(found.left))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_every_kind_of_batch_norm_is_folded_with_scale_and_shift_or_without() -> None:
    plain = NormConfig()
    kinds = [(kind, plain) for kind in ("sync_batch", "ghost_batch", "noisy_batch")]
    parts = [NormConfig(scale=False), NormConfig(shift=False), NormConfig(affine=False)]
    for norm, config in [*kinds, *(("batch", part) for part in parts)]:
        network = trained_a_little(lit_archs.build("vgg11_cifar", norm=norm, width=4, norm_config=config), 32)
        found = lit_archs.fold_batch_norm(network, images(32))
        assert len(found.folded) == len(batch_norms_of(network)) == 8
        torch.testing.assert_close(found.network(images(32)), network(images(32)), rtol=1e-4, atol=1e-5)


def test_norms_before_convolutions_and_after_activations_stay() -> None:
    pre_activated = lit_archs.fold_batch_norm(lit_archs.build("resnet20", pre_activation=True), images(32))
    assert pre_activated.left.pop("stage1.0.input_norm.norm") == "something else reads what conv makes"
    assert set(pre_activated.left.values()) == {NOT_ONE_LAYER}
    # Within a branch the second norm reads the first convolution.
    assert pre_activated.folded["stage1.0.branch.norm1.norm"] == "stage1.0.branch.conv1"
    after = lit_archs.build("vgg11_cifar", norm="batch", norm_config=NormConfig(placement="after"))
    assert not lit_archs.fold_batch_norm(after, images(32)).folded


def test_norms_of_other_statistics_stay() -> None:
    for norm, config, why in (
        ("group", NormConfig(), "normalises by each image's own statistics"),
        ("batch", NormConfig(evaluation_statistics="batch"), "normalises by the batch's statistics"),
    ):
        network = lit_archs.build("lenet5", norm=norm, norm_config=config)
        found = lit_archs.fold_batch_norm(network, images(32))
        assert not found.folded
        assert set(found.left.values()) == {why}


class Branching(nn.Module):
    """A convolution that two things read, one that runs twice, and one that is padded by its other side."""

    def __init__(self) -> None:
        super().__init__()
        self.read_twice, self.norm1 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.runs_twice, self.norm2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.circular, self.norm3 = nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), nn.BatchNorm2d(4)
        self.up, self.norm4 = nn.ConvTranspose2d(4, 2, 2, stride=2), nn.BatchNorm2d(2)

    def forward(self, x: Tensor) -> Tensor:
        first = self.read_twice(x)
        second = self.runs_twice(self.norm1(first).relu() + first)
        third = self.norm3(self.circular(self.norm2(self.runs_twice(second)).relu()))
        return self.norm4(self.up(third)).relu()


def test_layers_that_are_read_or_run_twice_keep_their_norm() -> None:
    network = trained_a_little(Branching(), 8)
    found = lit_archs.fold_batch_norm(network, images(8))
    assert found.folded == {"norm3": "circular", "norm4": "up"}
    assert found.left == {
        "norm1": "something else reads what read_twice makes", "norm2": "runs_twice runs several times"
    }  # fmt: skip
    torch.testing.assert_close(found.network(images(8)), network(images(8)), rtol=1e-4, atol=1e-5)
