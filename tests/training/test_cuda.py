"""The promises on a GPU, where there is one; `python -m benchmarks.gpu.correctness` measures them at more length."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_runs import TINY
from torch import Tensor

from litmus import datamodules, run
from litmus.design.study import Study
from litmus.lit_archs.learning.optimiser import OptimConfig, build_optimiser
from litmus.training.checkpoints import Paused
from litmus.training.config import resolve, use_precision
from litmus.training.execute import attempt
from litmus.training.run import Execution, Place, Run

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
    """The last weights of a run on the GPU; with `pause`, of one that gave way in its first epoch."""
    config = resolve({key: value for key, value in RESNET.items() if value is not None})
    this = Run("0123456789ab", "example", "an arm", {}, config, directory)
    if pause is not None:
        with pytest.raises(Paused):
            attempt(this, GPU, Place(), lambda beat: None, 1, pause)
    attempt(this, GPU, Place(), lambda beat: None, 1)
    found: dict[str, Tensor] = torch.load(this.record.checkpoint, map_location="cpu", weights_only=True)["state_dict"]
    return found


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


def test_images_that_do_not_fit_arrive_as_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    resident, streamed = (datamodules.build("shapes", train_images=600, augment="cifar") for _ in range(2))
    resident.move_to(torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (1, 1))
    streamed.move_to(torch.device("cuda"))
    assert not streamed.arrays.train_images.is_cuda  # type: ignore[union-attr]
    for one, other in zip(resident.train_epoch(0), streamed.train_epoch(0), strict=True):
        assert torch.equal(one.images, other.images)


def test_batches_are_made_without_waiting_for_the_device() -> None:
    data = datamodules.build("shapes", train_images=3000, augment="cifar", batch_size=64)
    data.move_to(torch.device("cuda"))
    batches = data.train_epoch(0)
    next(batches)  # the epoch's order is copied once
    torch.cuda.set_sync_debug_mode("error")
    try:
        assert sum(1 for _ in batches) > 20
    finally:
        torch.cuda.set_sync_debug_mode("default")


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


def test_runs_that_share_a_gpu_have_the_results_of_runs_alone(tmp_path: Path) -> None:
    study = Study("shared", "?", TINY, {"model.norm": ["none", "batch"]}, {"model.norm": "none"}, seeds=2)

    def results(name: str, **launch: Any) -> dict[str, float]:
        found = run(study, out=tmp_path / name, accelerator="cuda", wandb="disabled", **launch).records
        return dict(zip(found["run"], found["test_loss"], strict=True))

    alone = results("alone", per_device=1)
    assert results("four", per_device=4) == alone
