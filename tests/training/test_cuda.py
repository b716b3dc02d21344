"""The promises on a GPU, where there is one; `python -m benchmarks.gpu.correctness` measures them at more length."""

import threading
from pathlib import Path

import pytest
import tiny_runs
import torch
from tiny_runs import TINY, prepared
from torch import Tensor

from litmus import datamodules
from litmus.lit_archs.learning.optimiser import OptimConfig, build_optimiser
from litmus.training.checkpoints import Paused
from litmus.training.config import use_precision
from litmus.training.execute import attempt
from litmus.training.run import Execution, Place

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")

GPU = Execution(accelerator="cuda", checkpoint_seconds=0.0)
RESNET = {
    **TINY, "model.name": "resnet8", "model.width": 4, "model.depth": None, "model.activation": None,
    "data.augment": "crop",
}  # fmt: skip


class AfterLooks(threading.Event):
    """An event that is set once it was looked at six times: a run looks after each step."""

    looks = 6

    def is_set(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def weights(directory: Path, pause: threading.Event | None = None) -> dict[str, Tensor]:
    """The last weights of a run on the GPU; with `pause`, of one that was paused in its first epoch."""
    this = prepared(directory, {key: value for key, value in RESNET.items() if value is not None})
    if pause is not None:
        with pytest.raises(Paused):
            attempt(this, GPU, Place(), lambda beat: None, 1, pause)
    attempt(this, GPU, Place(), lambda beat: None, 1)
    return tiny_runs.weights(this.record)


def test_a_run_repeats_and_resumes_in_the_same_bits(tmp_path: Path) -> None:
    once, again = weights(tmp_path / "once"), weights(tmp_path / "again")
    resumed = weights(tmp_path / "resumed", AfterLooks())
    for other in (again, resumed):
        assert all(torch.equal(once[name], other[name]) for name in once)


@pytest.mark.parametrize("recipe", ["cifar", "imagenet", "cifar_heavy"])
def test_batches_are_those_of_the_cpu(recipe: str) -> None:
    here, there = (datamodules.build("shapes", train_images=300, augment=recipe, batch_size=64) for _ in range(2))
    there.move_to(torch.device("cuda"))
    level = 1.01 * float(here.normalise.scale.max())  # fractions may round to the next grey
    for one, other in zip(here.train_epoch(1), there.train_epoch(1), strict=True):
        assert torch.equal(one.sample, other.sample.cpu())
        apart = (one.images - other.images.cpu()).abs()
        assert float(apart.max()) < (1e-4 if recipe == "cifar" else level)
        assert float((apart > 1e-4).float().mean()) < 0.01


def test_float32_is_float32_and_tf32_a_choice() -> None:
    images = torch.randn(8, 64, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    kernels = torch.randn(64, 64, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    exact = torch.conv2d(images, kernels)

    def distance(precision: str) -> float:
        use_precision(precision)
        found = torch.conv2d(images.float().cuda(), kernels.float().cuda())
        return float((found.double().cpu() - exact).norm() / exact.norm())

    try:
        assert distance("32-true") < 1e-5 < distance("tf32")
    finally:
        use_precision("32-true")


def test_the_optimiser_is_fused_and_steps_as_the_cpus() -> None:
    start = torch.randn(50, generator=torch.Generator().manual_seed(0))
    ends = []
    for device in ("cpu", "cuda"):
        parameter = torch.nn.Parameter(start.to(device))
        optimiser = build_optimiser([parameter], OptimConfig(weight_decay=1e-3, nesterov=True))
        assert optimiser.param_groups[0]["fused"] is (True if device == "cuda" else None)
        for _ in range(3):
            optimiser.zero_grad()
            parameter.square().sum().backward()
            optimiser.step()
        ends.append(parameter.detach().cpu())
    torch.testing.assert_close(ends[0], ends[1])
