"""Every norm takes a training step in every precision, alone and in a process group, with statistics in float32."""

import contextlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
import torch.distributed as distributed
from tiny_runs import TINY
from torch import nn
from torch.nn import functional

from litmus import lit_archs, run
from litmus.design.study import Study
from litmus.lit_archs.building.norm_config import NormConfig
from litmus.lit_archs.layers.norm_activation import Norm, norm_layer
from litmus.lit_archs.layers.sync_batch_norm import SyncBatchNorm, synchronise_batch_norm

IMAGES = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((norm, {}) for norm in get_args(Norm)),
    *(("batch", {"gradient": gradient}) for gradient in ("mean_stopped", "stopped")),
    *((norm, {part: False}) for norm, part in product(("batch", "group", "layer"), ("scale", "shift"))),
]


@contextlib.contextmanager
def a_group_of_one() -> Iterator[None]:
    distributed.init_process_group("gloo", rank=0, world_size=1, store=distributed.HashStore())
    try:
        yield
    finally:
        distributed.destroy_process_group()


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_every_norm_takes_a_step_in_every_precision(precision: torch.dtype) -> None:
    half = precision.itemsize < 4
    with a_group_of_one():
        for (norm, details), together in product(VARIANTS, (False, True)):
            network: nn.Module = lit_archs.build(
                "resnet_cifar", depth=8, width=4, image_size=16, norm=norm, norm_config=NormConfig(**details)
            )
            network = synchronise_batch_norm(network) if together else network
            network, images = (network, IMAGES) if half else (network.to(precision), IMAGES.to(precision))
            with torch.autocast("cpu", precision, enabled=half):
                loss = functional.cross_entropy(network.train()(images), torch.arange(8))
            loss.backward()
            case = f"{norm} {details} {together}"
            assert loss.isfinite(), case
            for name, parameter in network.named_parameters():
                assert parameter.grad is not None, case
                assert parameter.grad.isfinite().all(), f"{case}: {name}"
            for name, buffer in network.named_buffers():
                assert buffer.isfinite().all(), f"{case}: {name}"


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_statistics_of_half_precision_are_those_of_pytorchs_batch_norm(precision: torch.dtype) -> None:
    # A sum of squares that float16 cannot hold, and a mean that bfloat16 would round by a percent.
    images = (IMAGES * 60 + 300).to(precision)
    layer, reference = norm_layer("sync_batch", 3), nn.BatchNorm2d(3)
    assert isinstance(layer, SyncBatchNorm)
    with a_group_of_one():
        found, expected = layer(images), reference(images)
    assert found.dtype == expected.dtype == precision
    torch.testing.assert_close(found, expected, rtol=2e-2, atol=2e-2)
    torch.testing.assert_close(layer.state_dict(), reference.state_dict(), rtol=1e-5, atol=1e-4)


@pytest.mark.slow
def test_two_devices_train_norms_in_half_precision(tmp_path: Path) -> None:
    arms = {
        f"{norm} {details}": {"model.norm": norm, **{f"norm.{key}": value for key, value in details.items()}}
        for norm, details in VARIANTS
        if norm in ("none", "batch", "noisy_batch") or details == {"scale": False}
    }
    keys = ("model.norm", *(f"norm.{key}" for key in ("gradient", "scale", "shift")))
    base = {**TINY, "trainer.epochs": 1, "trainer.precision": "bf16-mixed"}
    study = Study("precision", "Does each train?", base, dict.fromkeys(keys, ()), arms=arms, baseline="none {}")
    ended = run(study, seeds=1, out=tmp_path, workers=1, devices=2, accelerator="cpu", wandb="disabled")
    assert ended.crashed == {}
    assert len(ended.records) == len(arms)
    assert set(ended.records["state"]) == {"finished"}
