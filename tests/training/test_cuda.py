"""The promises on a GPU, where there is one; `python -m benchmarks.gpu.correctness` measures them at more length."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tiny_runs
import torch
from tiny_runs import TINY, prepared
from torch import Tensor

from litmus import datamodules, run
from litmus.design.study import Study
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


SEVERAL = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="fewer than two GPUs here")


def test_the_launcher_leaves_the_gpu_to_its_workers() -> None:
    """A context in the launcher would keep a GPU in exclusive mode from the workers."""
    code = "import torch; from litmus.training.config import resolve; from litmus.launch.checks import check"
    code += "; from litmus.launch.config import LaunchConfig, execution_of, places_of"
    code += "; launch = LaunchConfig(wandb='disabled'); places_of(launch, execution_of(launch))"
    code += "; check(resolve({'model.name': 'lenet5'}), 1); assert not torch.cuda.is_initialized()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_a_gpu_is_found_by_its_unique_name(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"GPU-{torch.cuda.get_device_properties(0).uuid}"
    code = "from litmus.launch.config import LaunchConfig, execution_of, places_of"
    code += "; launch = LaunchConfig(wandb='disabled'); execution = execution_of(launch)"
    code += "; assert execution.accelerator == 'cuda'"
    code += "; assert [place.device_indices for [place] in places_of(launch, execution)] == [(0,)]"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", name)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_the_versions_of_driver_and_libraries_are_recorded(tmp_path: Path) -> None:
    this = prepared(tmp_path, {key: value for key, value in RESNET.items() if value is not None})
    attempt(this, GPU, Place(), lambda beat: None, 1)
    recorded = this.record.read_summary()["environment"]
    assert recorded["cuda"] == torch.version.cuda
    assert recorded["cudnn"] == str(torch.backends.cudnn.version())
    assert recorded["nccl"].count(".") == 2
    assert recorded["driver"]


def test_a_process_whose_context_is_lost_takes_no_other_run(tmp_path: Path) -> None:
    study = tmp_path / "lost.py"
    study.write_text(LOST)
    result = run(study, out=tmp_path, workers=1, wandb="disabled", accelerator="cuda")
    assert sorted(result.records["state"]) == ["crashed", "finished", "finished", "finished"]
    assert "CUDA error" in next(iter(result.crashed.values()))


LOST = '''\
"""Does the context hold?"""

import torch
from torch import nn

from litmus import Study, lit_archs


@lit_archs.register("lost_context")
class Lost(nn.Module):
    """Reads beyond a table at its fourth batch, on the device."""

    def __init__(self, num_classes, in_channels, image_size, bad=0):
        super().__init__()
        self.head, self.bad, self.calls = nn.Linear(in_channels * image_size**2, num_classes), bad, 0

    def forward(self, images):
        self.calls += 1
        if self.calls > 3 and self.bad == 1:
            torch.zeros(4, device=images.device)[torch.full((1,), 10**6, device=images.device)].sum().item()
        return self.head(images.flatten(1))


study = Study(
    base={"model.name": "lost_context", "data.name": "digits", "data.batch_size": 64, "trainer.epochs": 1},
    factors={"model.bad": [1, 0, 2, 3]},
    baseline={"model.bad": 0},
    seeds=1,
)
'''


@SEVERAL
def test_synchronised_batch_norm_is_the_same_channels_last(tmp_path: Path) -> None:
    base = {**{key: value for key, value in RESNET.items() if value is not None}, "model.norm": "batch"}
    tops = []
    for devices, last in ((1, False), (2, False), (2, True)):
        study = Study("sync", "The same?", {**base, "trainer.channels_last": last}, arms={"only": {}}, seeds=1)
        result = run(study, out=tmp_path / f"{devices}{last}", devices=devices, wandb="disabled", accelerator="cuda")
        assert result.crashed == {}
        tops.append(float(result.records["val_loss"].iloc[0]))
    assert tops[1:] == pytest.approx([tops[0]] * 2, rel=2e-2)


def test_flags_are_agreed_upon_without_the_gpus() -> None:
    code = "import torch, torch.distributed as d; from litmus.training.execute import backend; d.init_process_group("
    code += "backend(True), init_method='tcp://127.0.0.1:29517', rank=0, world_size=1)"
    code += "; d.broadcast_object_list([1]); assert not torch.cuda.is_initialized()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
