"""γ and β one by one, and batch norm whose gradient takes a batch's statistics for constants."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from litmus import lit_archs
from litmus.core.errors import UserError
from litmus.lit_archs.building.norm_config import NormConfig
from litmus.lit_archs.layers.sync_batch_norm import SyncBatchNorm, synchronise_batch_norm

NORMS = ["batch", "group"]
IMAGES = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def network(norm: str, **details: Any) -> nn.Module:
    options = {"depth": 8, "width": 4, "image_size": 16}
    return lit_archs.build("resnet_cifar", norm=norm, norm_config=NormConfig(**details), **options)


def norms_of(built: nn.Module) -> list[Any]:
    kinds = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.InstanceNorm2d)
    return [module for module in built.modules() if isinstance(module, kinds)]


@pytest.mark.parametrize("norm", NORMS)
def test_scale_and_shift_are_taken_away_one_by_one(norm: str) -> None:
    full, unscaled, unshifted = (network(norm), network(norm, scale=False), network(norm, shift=False))
    everything = set(full.state_dict())
    weights, biases = (
        {f"{name}.{each}" for name, module in full.named_modules() if module in norms_of(full)}
        for each in ("weight", "bias")
    )
    assert everything - set(unscaled.state_dict()) == weights
    assert everything - set(unshifted.state_dict()) == biases
    assert not set(unscaled.state_dict()) - everything  # no convolution has a bias in place of β
    for built in (unscaled, unshifted):
        torch.manual_seed(0)
        outputs = built.train()(IMAGES)
        outputs.square().sum().backward()
        assert all(parameter.grad is not None for parameter in built.parameters())
        torch.manual_seed(0)
        # At the start γ is 1 and β 0: all three compute the same.
        torch.testing.assert_close(outputs, full.train()(IMAGES))


def by_hand(x: Tensor, gradient: str) -> Tensor:
    mean, variance = x.mean(0), x.var(0, unbiased=False)
    mean = mean if gradient == "full" else mean.detach()
    variance = (x - mean).square().mean(0) if gradient == "mean_stopped" else variance
    variance = variance.detach() if gradient == "stopped" else variance
    return (x - mean) / (variance + 1e-5).sqrt()


@pytest.mark.parametrize("gradient", ["full", "mean_stopped", "stopped"])
def test_gradients_take_statistics_for_constants_and_values_do_not(gradient: Any) -> None:
    config = NormConfig(gradient=gradient)
    net = lit_archs.build("mlp", depth=1, width=5, norm="batch", image_size=3, in_channels=1, norm_config=config)
    layer, reference = net.norm1.norm.train(), nn.BatchNorm1d(5)
    x = (torch.randn(12, 5) * 3 + 1).double().requires_grad_()
    layer, reference = layer.double(), reference.double()
    weights = torch.randn(12, 5).double()
    outputs = layer(x)
    (found,) = torch.autograd.grad((outputs * weights).sum(), x)
    (expected,) = torch.autograd.grad((by_hand(x, gradient) * weights).sum(), x)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(outputs, reference(x))
    for name, buffer in reference.named_buffers():
        torch.testing.assert_close(layer.get_buffer(name), buffer)
    torch.testing.assert_close(layer.eval()(x), reference.eval()(x))


def test_parameters_keep_their_names_and_start_and_devices_are_brought_together() -> None:
    full, stopped = network("batch"), network("batch", gradient="stopped")
    assert list(full.state_dict()) == list(stopped.state_dict())
    for name, parameter in full.named_parameters():
        assert torch.equal(parameter, stopped.get_parameter(name))
    torch.distributed.init_process_group("gloo", rank=0, world_size=1, store=torch.distributed.HashStore())
    try:
        unscaled = synchronise_batch_norm(network("batch", scale=False))
        assert all(each.weight is None and each.bias is not None for each in norms_of(unscaled))
        synchronise_batch_norm(stopped)
        layers = norms_of(stopped)
        assert {(type(each), each.synchronised, each.constants) for each in layers} == {(SyncBatchNorm, True, "both")}
        x = torch.randn(6, 4, 3, 3, requires_grad=True)
        alone = torch.autograd.grad((layers[0](x) * x.detach()).sum(), x)[0]
        torch.testing.assert_close(
            alone, x.detach() / (x.var((0, 2, 3), unbiased=False) + 1e-5).sqrt().view(1, 4, 1, 1)
        )
        # A mean far from zero, where a variance in one pass would fail.
        far, reference = torch.randn(8, 3, 4, 4) + 100, nn.BatchNorm2d(3)
        (layer,) = synchronise_batch_norm(nn.Sequential(nn.BatchNorm2d(3)))
        torch.testing.assert_close(layer(far), reference(far), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(layer.state_dict(), reference.state_dict())
    finally:
        torch.distributed.destroy_process_group()


def test_what_cannot_be_stopped_is_refused_and_what_has_no_batch_norm_is_left() -> None:
    with pytest.raises(UserError, match=r"norm\.gradient stopped is for batch norm; GhostBatchNorm has only full"):
        network("ghost_batch", gradient="stopped")
    assert network("group", gradient="stopped")(IMAGES).isfinite().all()
